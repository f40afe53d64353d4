"""Trains StyleGAN2-ADA on images, with or without the hierarchical semantic regularizer.

    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu.py --workdir runs/mtfl64

The same command, given again, continues the run from its last checkpoint to bit-identical numbers.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from common import errors
from common.config import DryRun, parse_command
from common.data import batches
from common.data.images.labels import Labels
from common.data.images.pipeline import ImageLoader
from common.ops.pixels import stylegan2_ada_uint8
from common.train import sharding
from common.train.clock import Speed
from common.train.fit import Job, fit, print_summary
from common.viz.grid import grid, write_image
from hsr_jax import build, snapshot, sources
from hsr_jax.config import GanConfig, check
from hsr_jax.gan import regularizer
from hsr_jax.gan.gan import GAN
from hsr_jax.gan.phases import Phases
from hsr_jax.gan.regularizer import Regularizer
from hsr_jax.gan.state import GANState
from hsr_jax.gan.step import Step

# Fields that may change when a run is continued. With any other change it would be another run.
MAY_CHANGE = ("workdir", "kimg", "log_every", "save_kimg", "sample_kimg", "data.data_dir", "data.cache_mib")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    config, options = parse_command(argv, GanConfig(), DryRun())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: GanConfig) -> None:
    """Prints the resolved config, the numbers of parameters and the shapes, without writing anything."""
    check(config)
    c_dim = sources.open_source(config.data, config.seed).labels.size if config.data.labels else 0
    g, d = build.shapes(build.build_gan(config, c_dim))
    size = config.data.resolution
    flow = f"images [{config.batch_size}, {size}, {size}, 3], {config.steps} batches"
    print_summary(config, {"generator": g["params"], "discriminator": d["params"]}, flow)


def train(config: GanConfig) -> Speed:
    """Starts or continues a training; returns its speed."""
    check(config)
    mesh, data, losses = sharding.make_mesh(), config.data, config.losses
    # The path length is computed on a part of the batch, which is split over the devices too.
    sharding.check_batch_size(config.batch_size, mesh, losses.path_length_shrink if losses.path_length_weight else 1)
    source = sources.open_source(data, config.seed)
    loader = ImageLoader(source, data.resolution, mirror=data.mirror, cache_mib=data.cache_mib)
    gan = build.build_gan(config, source.labels.size)
    semantics = regularizer.build(config, gan.generator)
    phases = build.build_phases(config, gan, mesh, semantics)
    per_kimg = 1000 / config.batch_size
    job = Job(
        config=config,
        may_change=MAY_CHANGE,
        new_state=functools.partial(new_state, config, phases, semantics),
        step=Step(phases, round(config.hsr.start_kimg * per_kimg), semantics and semantics.variables),
        compiled=True,
        iterator=batches.endless(loader, batch_size=config.batch_size, seed=config.seed),
        keys=("image", "label") if gan.generator.c_dim else ("image",),
        mesh=mesh,
        steps=config.steps,
        batch_size=config.batch_size,
        log_every=config.log_every,
        save_every=max(1, round(config.save_kimg * per_kimg)),
        eval_every=max(1, round(config.sample_kimg * per_kimg)),
        evaluate=make_samples(config, gan, source.labels),
    )
    return fit(job).speed


def new_state(config: GanConfig, phases: Phases, semantics: Regularizer | None, fresh: bool) -> GANState:
    """State before the first batch. A fresh run with `resume_from` gets the networks of that snapshot."""
    new = build.new_state(config, phases, semantics)
    return snapshot.with_networks_of(config.resume_from, new) if config.resume_from and fresh else new


def make_samples(config: GanConfig, gan: GAN, labels: Labels) -> Callable[[GANState], dict[str, float]]:
    """Function state -> {} that writes images of the averaged generator and the generator itself.

    The files are `samples/{kimg}.png`, always with the same latents, and `snapshots/{kimg}.safetensors`, where kimg is
    the number of images seen in thousands.
    """
    z = jax.random.normal(jax.random.fold_in(jax.random.key(config.seed), 3), (config.samples, gan.generator.z_dim))
    c = np.stack([labels[i % len(labels)] for i in range(config.samples)]) if gan.generator.c_dim else None
    psi = jnp.float32(1)
    generate = jax.jit(lambda variables, z, c: stylegan2_ada_uint8(gan.generator.apply(variables, z, c, psi)[0]))

    def samples(state: GANState) -> dict[str, float]:
        variables = {"params": state.ema_params, **state.ema_model_state}
        batch = min(config.batch_size, config.samples)
        images = [
            np.asarray(generate(variables, z[i : i + batch], None if c is None else c[i : i + batch]))
            for i in range(0, config.samples, batch)
        ]
        name = f"{int(state.step) * config.batch_size / 1000:08.1f}"
        if jax.process_index() == 0:
            directory = Path(config.workdir)
            write_image(directory / "samples" / f"{name}.png", grid(list(np.concatenate(images))))
            snapshot.write(gan.generator, variables, directory / "snapshots" / f"{name}.safetensors")
        return {}

    return samples


if __name__ == "__main__":
    errors.run(main)
