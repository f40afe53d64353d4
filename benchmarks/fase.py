"""Speed of FASE's training and prediction, and of the generator, on the current machine.

    python -m benchmarks.fase

With PyTorch installed, the generator is timed in alternation with a PyTorch formulation of the same network.
"""

import dataclasses
import tempfile

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from benchmarks.measure import Values, best_of
from common import errors
from common.config import load_config
from common.data import batches
from common.data.faces.pipeline import CropLoader
from common.data.tfds.records import open_dataset
from common.nn.stylegan2 import Generator, num_ws
from common.train import loop, sharding
from common.train.logs import Logger
from common.train.state import count_parameters, create_state
from fase_jax import sources, step
from fase_jax.config import FaseConfig

CASES = {
    "small, 64 px": ("configs/fase/demo.py", 16, 40),
    "small, 128 px": ("configs/fase/w300_cpu.py", 16, 20),
    "full, 256 px": ("configs/fase/table1.py:w300", 2, 3),
}
"""Config, batch size and number of training steps by case."""
GENERATOR = "generator, 256 px"
GENERATOR_BATCH = 4


@dataclasses.dataclass(frozen=True)
class Bench(measure.Bench):
    """Options of the benchmark."""

    cases: tuple[str, ...] = (*CASES, GENERATOR)


def values_of(options: Bench) -> Values:
    """Measures the only case in `options`."""
    return generator() if options.cases == (GENERATOR,) else model(*CASES[options.cases[0]])


def model(file: str, batch_size: int, steps: int) -> Values:
    """Speed of training on drawn faces, with the pipeline and the loop of a real run, and of prediction."""
    # Pretrained weights are not read, because speed does not depend on their values.
    config = dataclasses.replace(load_config(file, FaseConfig), batch_size=batch_size, steps=steps)
    mesh = sharding.make_mesh()
    with tempfile.TemporaryDirectory() as folder, Logger(folder, steps) as logger:
        source = open_dataset("synthetic", folder, "train", num_train=2 * batch_size, num_test=1)
        net = step.build_model(config, source.scheme)
        variables = step.initialize(net, config)
        params = variables.pop("params")
        optimizer = step.build_optimizer(dataclasses.replace(config, steps=1000), 100)
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
        state = create_state(params, variables, optimizer, jax.random.key(0), keep_ema=config.ema_decay > 0)
        state, speed = loop.run(training, state, logger)
    predict = step.make_predict(net, dataclasses.replace(config, flip_test=False), source.scheme)
    size = config.model.image_size
    images = sharding.put_batch(np.zeros((batch_size, size, size, 3), np.uint8), mesh)
    seconds = best_of(lambda: predict({"params": state.params, **state.model_state}, images)[0], 5)
    return {
        "parameters (M)": round(count_parameters(state.params) / 1e6, 2),
        "training (images/s)": round(speed.images_per_second, 2),
        "prediction (images/s)": round(batch_size / seconds, 2),
        "first step (s)": round(speed.seconds_to_first_step, 1),
        "waiting for input (%)": round(100 * speed.input_wait_share, 2),
        "compilations after step 1": speed.compilations_after_first,
        "peak memory (GiB)": measure.peak_memory(),
    }


def generator() -> Values:
    """Seconds of the 256 px generator's forward pass, timed in alternation with PyTorch's if that is installed."""
    net = Generator(256)
    variables = jax.jit(net.init, compiler_options={"xla_backend_optimization_level": 0})(
        jax.random.key(0), jnp.zeros((1, 512))
    )
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


if __name__ == "__main__":
    errors.run(lambda: measure.command("benchmarks.fase", Bench(), values_of))
