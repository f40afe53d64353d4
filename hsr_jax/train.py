"""Trains StyleGAN2-ADA on images, with or without the hierarchical semantic regularizer.

    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu.py --workdir runs/mtfl64

A run started again in its work directory goes on where its last checkpoint is, to the same numbers.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from common import errors
from common.config import config_diff, parse_command
from common.data.images.pipeline import train_iterator
from common.terminal import table
from common.train import loop, sharding, workdir
from common.train.checkpoint import Checkpoints
from common.train.logs import Logger
from common.train.state import count_parameters
from common.viz.grid import grid, write_image
from hsr_jax import build as networks
from hsr_jax import snapshot, sources
from hsr_jax.ada import augment as ada
from hsr_jax.ada import controller as ada_controller
from hsr_jax.config import GanConfig, check
from hsr_jax.gan import semantic
from hsr_jax.gan.optimizer import adam
from hsr_jax.gan.phases import Phases
from hsr_jax.gan.semantic import Semantic
from hsr_jax.gan.state import GANState, create_gan_state
from hsr_jax.gan.step import Step

STARTED_ADA_KIMG = 100.0
"""`ada.kimg` of a run that starts from a snapshot, at most; StyleGAN2-ADA."""
# A continued run may change these; everything else would make it another run.
MAY_CHANGE = ("workdir", "kimg", "log_every", "save_kimg", "sample_kimg", "data.data_dir", "data.cache_mib")


def main(argv: Sequence[str] | None = None) -> None:
    """The command: config from a file, fields from the command line."""
    config, options = parse_command(argv, default=GanConfig())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: GanConfig) -> None:
    """Prints the resolved config and the number of parameters, without writing anything."""
    check(config)
    for name, (value, _) in config_diff(config, {}).items():
        print(f"{name} = {value}")
    c_dim = sources.open_source(config.data, config.seed).labels.size if config.data.labels else 0
    g, d = (count_parameters(v["params"]) for v in networks.shapes(networks.build(config, c_dim)))
    table("parameters", ("network", "values"), [("generator", f"{g:,}"), ("discriminator", f"{d:,}")])
    size = config.data.resolution
    print(f"images [{config.batch_size}, {size}, {size}, 3], {config.steps} batches")


def train(config: GanConfig) -> loop.LoopStats:
    """Runs or continues a training; returns how fast it was."""
    check(config)
    mesh = sharding.make_mesh()
    losses = config.losses
    # The path length is of a part of the batch, which is split over the devices as well.
    sharding.check_batch_size(config.batch_size, mesh, losses.path_length_shrink if losses.path_length_weight else 1)
    source = sources.open_source(config.data, config.seed)
    iterator = train_iterator(
        source,
        resolution=config.data.resolution,
        batch_size=config.batch_size,
        seed=config.seed,
        mirror=config.data.mirror,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        cache_mib=config.data.cache_mib,
    )
    gan = networks.build(config, source.labels.size)
    semantics = semantic.build(config, gan)
    phases = build_phases(config, gan, mesh, semantics)
    # Only now, so that a run with a wrong field claims no directory.
    directory = workdir.claim(config.workdir, config, MAY_CHANGE)
    checkpoints = Checkpoints(directory)
    run_state, resume = initial_state(config, phases, semantics, checkpoints, iterator)
    per_kimg = 1000 / config.batch_size
    keys = ("image", "label") if gan.generator.c_dim else ("image",)
    with Logger(directory, config.steps, resume_step=int(run_state.step)) as logger:
        run_state, stats = loop.run(
            Step(phases, round(config.hsr.start_kimg * per_kimg), semantics and semantics.variables),
            run_state,
            iterator,
            steps=config.steps,
            mesh=mesh,
            batch_size=config.batch_size,
            logger=logger,
            checkpoints=checkpoints,
            log_every=config.log_every,
            save_every=max(1, round(config.save_kimg * per_kimg)),
            eval_every=max(1, round(config.sample_kimg * per_kimg)),
            evaluate=make_samples(config, gan, directory, source.labels),
            prepare=lambda batch: {name: batch[name] for name in keys},
            resume=resume,
            compiled=True,
        )
        if np.isfinite(stats.images_per_second):  # a run that was finished already has no speed
            logger.say(
                f"{1000 / stats.images_per_second:.1f} s/kimg, first step after {stats.seconds_to_first_step:.1f} s, "
                f"{100 * stats.input_wait_share:.1f} % of the time waiting for input"
            )
    checkpoints.close()
    return stats


def build_phases(config: GanConfig, gan: networks.GAN, mesh, semantics: Semantic | None) -> Phases:
    """The phases of a training step by the configuration."""
    schedule, ada_kimg = config.schedule, config.ada.kimg
    if config.resume_from:  # StyleGAN2-ADA's rule for a run that goes on from a snapshot
        schedule, ada_kimg = dataclasses.replace(schedule, ema_ramp_up=None), min(ada_kimg, STARTED_ADA_KIMG)
    augments = config.ada.mode != "none"
    pipe = ada.PIPES[config.ada.pipe] if augments else None
    control = functools.partial(
        ada_controller.next_p,
        target=config.ada.target,
        images=config.batch_size * schedule.ada_interval,
        kimg=ada_kimg,
    )
    return Phases(
        gan,
        config.losses,
        schedule,
        adam(config.g_lr, schedule.g_interval),
        adam(config.d_lr, schedule.d_interval),
        mesh,
        augment=functools.partial(ada.augment, pipe=pipe) if augments else None,
        semantic_loss=semantics.loss if semantics else None,
        control=control if config.ada.mode == "adaptive" else None,
    )


def initial_state(config, phases, semantics, checkpoints, iterator) -> tuple[GANState, object]:
    """A new state, from a snapshot if there is one, or that of the last checkpoint with what the loop stored there."""
    new = new_state(config, phases, semantics)
    if checkpoints.latest() is not None:
        return checkpoints.restore(sharding.put_replicated(new, phases.mesh), iterator)
    if config.resume_from:
        new = snapshot.with_networks_of(config.resume_from, new)
    return sharding.put_replicated(new, phases.mesh), None


def new_state(config: GanConfig, phases: Phases, semantics: Semantic | None) -> GANState:
    """Untrained networks by the run's seed."""
    g_variables, d_variables = networks.initialize(phases.gan, config.seed)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    heads = semantics and semantics.init(jax.random.fold_in(key, 0))
    optimizers = phases.g_optimizer, phases.d_optimizer
    return create_gan_state(g_variables, d_variables["params"], *optimizers, key, heads, config.ada.p)


def make_samples(
    config: GanConfig, gan: networks.GAN, directory: Path, labels
) -> Callable[[GANState], dict[str, float]]:
    """state -> {}; the averaged generator's images of the same latents each time, `samples/{kimg}.png`, and itself,
    `snapshots/{kimg}.safetensors`."""
    z = jax.random.normal(jax.random.fold_in(jax.random.key(config.seed), 3), (config.samples, gan.generator.z_dim))
    c = np.stack([labels[i % len(labels)] for i in range(config.samples)]) if gan.generator.c_dim else None
    generate = jax.jit(snapshot.make_generate(gan.generator))

    def samples(run_state: GANState) -> dict[str, float]:
        variables = {"params": run_state.ema_params, **run_state.ema_stats}
        batch = min(config.batch_size, config.samples)
        images = [
            np.asarray(generate(variables, z[i : i + batch], None if c is None else c[i : i + batch]))
            for i in range(0, config.samples, batch)
        ]
        name = f"{int(run_state.step) * config.batch_size / 1000:08.1f}"
        if jax.process_index() == 0:
            write_image(directory / "samples" / f"{name}.png", grid(list(np.concatenate(images))))
            snapshot.write(gan.generator, variables, directory / "snapshots" / f"{name}.safetensors")
        return {}

    return samples


if __name__ == "__main__":
    errors.run(main)
