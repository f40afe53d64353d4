"""How fast training, prediction and the generator are on the current machine.

    make bench

Every case runs in a process of its own, see `benchmarks.measure`. With PyTorch installed, the generator is timed
against a PyTorch formulation of the same network in alternation.
"""

import dataclasses
import io
import json
import tempfile
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from benchmarks import measure
from benchmarks.measure import best_of
from common import errors
from common.config import load_config, parse_command
from common.data import batches
from common.data.faces.pipeline import CropLoader
from common.data.synthetic.render import render_face
from common.train import loop, sharding
from common.train.logs import Logger
from common.train.state import count_parameters, create_state
from fase_jax import sources, step
from fase_jax.config import FaseConfig

CASES = {
    "small, 64 px": ("configs/fase/demo.py", 16, 40),
    "small, 128 px": ("configs/fase/w300_cpu.py", 16, 20),
    "full, 256 px": ("configs/fase/table1_w300.py", 2, 3),
}
"""Config, batch size, training steps."""
GENERATOR_BATCH = 4


@dataclasses.dataclass(frozen=True)
class Bench:
    """What to measure."""

    cases: tuple[str, ...] = (*CASES, "generator, 256 px")
    child: bool = False
    """Measure the one case in this process and print JSON; used by the command itself."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    options = parse_command(argv, default=Bench())[0]
    if options.child:
        print(json.dumps(generator() if options.cases[0].startswith("generator") else model(options.cases[0])))
        return
    measure.report(measure.run("benchmarks.fase", options.cases, Bench().cases))


def model(case: str) -> dict[str, float]:
    """Training through the real pipeline and loop, then prediction."""
    file, batch_size, steps = CASES[case]
    # The prior's values change no time, so none is read; which parts are trained is the config's.
    config = dataclasses.replace(load_config(file, FaseConfig), batch_size=batch_size, steps=steps)
    source, mesh = Drawn(2 * batch_size, sources.scheme(config.data)), sharding.make_mesh()
    net = step.build_model(config, source.scheme)
    variables = step.initialize(net, config)
    params = variables.pop("params")
    optimizer = step.build_optimizer(dataclasses.replace(config, steps=1000), 100)
    run_state = create_state(params, variables, optimizer, jax.random.key(0), keep_ema=config.ema_decay > 0)
    crop = sources.crop(config, training=True)
    training = loop.Loop(
        step=step.make_train_step(net, optimizer, config, source.scheme),
        iterator=batches.endless(CropLoader(source, crop, cache_mib=1024), batch_size=batch_size, seed=0),
        keys=("image", "landmarks", "visible"),
        mesh=mesh,
        steps=steps,
        batch_size=batch_size,
        log_every=steps,
        save_every=steps,
    )
    with tempfile.TemporaryDirectory() as folder, Logger(folder, steps) as logger:
        run_state, speed = loop.run(training, run_state, logger)
    predict = step.make_predict(net, dataclasses.replace(config, flip_test=False), source.scheme)
    size = config.model.image_size
    images = sharding.put_batch(np.zeros((batch_size, size, size, 3), np.uint8), mesh)
    seconds = best_of(lambda: predict({"params": run_state.params, **run_state.model_state}, images)[0], 5)
    return {
        "parameters (M)": round(count_parameters(run_state.params) / 1e6, 2),
        "training (images/s)": round(speed.images_per_second, 2),
        "prediction (images/s)": round(batch_size / seconds, 2),
        "first step (s)": round(speed.seconds_to_first_step, 1),
        "waiting for input (%)": round(100 * speed.input_wait_share, 2),
        "compilations after step 1": speed.compilations_after_first,
        "peak memory (GiB)": measure.peak_memory(),
    }


def generator() -> dict[str, float]:
    """The 256 px generator's forward pass; in alternation with PyTorch's, if that is installed."""
    from common.nn.stylegan2 import Generator, num_ws

    net = Generator(256)
    z = jnp.zeros((1, 512))
    variables = jax.jit(net.init, compiler_options={"xla_backend_optimization_level": 0})(jax.random.key(0), z)
    ws = jax.random.normal(jax.random.key(1), (GENERATOR_BATCH, num_ws(256), 512))
    forward = jax.jit(lambda v, ws: net.apply(v, ws, method=lambda m, ws: m.synthesis(ws)[0]))
    forward(variables, ws).block_until_ready()
    try:
        from benchmarks import torch_generator
    except ImportError:
        return {"forward, batch 4 (s)": round(best_of(lambda: forward(variables, ws), 5), 3)}
    peer = torch_generator.build(GENERATOR_BATCH)
    ours, theirs = zip(*[(best_of(lambda: forward(variables, ws), 1), best_of(peer, 1)) for _ in range(5)], strict=True)
    return {
        "forward, batch 4 (s)": round(min(ours), 3),
        "PyTorch forward, batch 4 (s)": round(min(theirs), 3),
        "ratio": round(min(ours) / min(theirs), 3),
    }


class Drawn:
    """Synthetic faces in memory, as a source."""

    def __init__(self, count: int, scheme):
        self.scheme, self._images, points = scheme, [], []
        for seed in range(count):
            image, landmarks, _ = render_face(seed, 128)
            buffer = io.BytesIO()
            Image.fromarray(image).save(buffer, "PNG")
            self._images.append(buffer.getvalue())
            points.append(landmarks)
        self.landmarks = np.stack(points)
        self.visible = np.ones(self.landmarks.shape[:2], bool)
        self.boxes = np.concatenate([self.landmarks.min(1), self.landmarks.max(1)], 1)
        self.files, self.subsets = [f"{i}.png" for i in range(count)], ["all"] * count

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, i: int):
        annotations = {"landmarks": self.landmarks[i], "visible": self.visible[i], "box": self.boxes[i]}
        return {"image": self._images[i], "file": self.files[i], "subset": "all", **annotations}


if __name__ == "__main__":
    errors.run(main)
