"""Speed of StyleGAN2-ADA's training on the current machine, phase by phase, and the operations of each phase.

    python -m benchmarks.hsr --cases "small, 64 px" --extractor dino_vitbase16_pretrain.pth

Times exclude the input pipeline. The augmentation has strength 0.5, because at strength 0 it would take no time.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from benchmarks import flops, measure
from benchmarks.measure import Values
from common import errors
from common.train import sharding
from common.train.state import count_parameters
from configs.hsr import mtfl64_cpu, presets
from hsr_jax import build
from hsr_jax.ada.augment import PIPES
from hsr_jax.config import GanConfig
from hsr_jax.gan.phases import Phases
from hsr_jax.gan.regularizer import Regularizer
from hsr_jax.gan.state import create_gan_state

PhaseName = Literal["g_main", "g_main_hsr", "g_reg", "d_main", "d_reg", "finish"]
PHASES: tuple[PhaseName, ...] = ("g_main", "g_main_hsr", "g_reg", "d_main", "d_reg", "finish")
P = 0.5


def _augmented(config: GanConfig, **changes: Any) -> GanConfig:
    return dataclasses.replace(config, ada=dataclasses.replace(config.ada, p=P), **changes)


SMALL = _augmented(mtfl64_cpu.hsr)
# Groups of the minibatch deviation have to fit into the batch.
FULL = _augmented(
    presets.paper256(),
    networks=dataclasses.replace(presets.paper256().networks, mbstd_group=4, mbstd_batch=4),
    batch_size=4,
)
SPEED = {"small, 64 px": (SMALL, 8), "full, 256 px": (FULL, 2)}
"""Config and number of timed runs per phase by case."""
OPERATIONS = {f"{case}, operations": config for case, (config, _) in SPEED.items()}


@dataclasses.dataclass(frozen=True)
class Bench(measure.Bench):
    """Options of the benchmark."""

    cases: tuple[str, ...] = (*SPEED, *OPERATIONS)
    phases: tuple[PhaseName, ...] = PHASES
    """Phases to measure. Shares of the time are printed only if all are measured."""
    extractor: str = "random"
    """Extractor in `g_main_hsr`, as in `hsr.extractor` of a training; `random`: as large as the thesis' ViT-B/16."""


class Training(NamedTuple):
    """The phases of a configuration, and their regularizer, or None."""

    config: GanConfig
    phases: Phases
    semantics: Regularizer | None

    def constants(self, name: PhaseName) -> tuple[Any, ...]:
        """Arguments of a phase after state and batch: the extractor's variables for `g_main_hsr`, otherwise none."""
        return (self.semantics.variables,) if self.semantics and name == "g_main_hsr" else ()

    def shapes(self) -> tuple[Any, dict[str, jax.ShapeDtypeStruct]]:
        """Shapes of the state and of a batch."""
        g_variables, d_variables = build.shapes(self.phases.gan)
        optimizers = self.phases.g_optimizer, self.phases.d_optimizer
        heads = self.semantics.init if self.semantics else lambda key: None
        create = lambda g, d, key: create_gan_state(g, d, *optimizers, key, heads(key))
        state = jax.eval_shape(create, g_variables, d_variables["params"], jax.random.key(0))
        size = self.config.data.resolution
        return state, {"image": jax.ShapeDtypeStruct((self.config.batch_size, size, size, 3), jnp.uint8)}

    def formula(self) -> dict[str, int]:
        """Operations by phase for a whole batch, by the formula of `flops`."""
        pipe, shrink = PIPES[self.config.ada.pipe], self.config.losses.path_length_shrink
        return flops.by_phase(self.phases.gan, self.config.batch_size, pipe, shrink, self.semantics)


def training(config: GanConfig, mesh: Mesh, names: Sequence[PhaseName]) -> Training:
    """Builds the phases of a configuration, with the semantic regularizer if `g_main_hsr` is among the names."""
    gan = build.build_gan(config)
    semantics = Regularizer(config, gan.generator) if "g_main_hsr" in names else None
    return Training(config, build.build_phases(config, gan, mesh, semantics), semantics)


def values_of(options: Bench) -> Values:
    """Measures the only case in `options`."""
    case = options.cases[0]
    config, calls = SPEED[case] if case in SPEED else (OPERATIONS[case], 0)
    config = dataclasses.replace(config, hsr=dataclasses.replace(config.hsr, extractor=options.extractor))
    return speed(config, calls, options.phases) if calls else operations(config, options.phases)


def speed(config: GanConfig, calls: int, names: Sequence[PhaseName]) -> Values:
    """Seconds per thousand images by phase, and the shares of the phases in a training."""
    mesh = sharding.make_mesh()
    run = training(config, mesh, names)
    state = sharding.put_replicated(build.new_state(config, run.phases, run.semantics), mesh)
    size = config.data.resolution
    images = np.random.default_rng(0).integers(0, 256, (config.batch_size, size, size, 3), np.uint8)
    batch = sharding.put_batch({"image": images}, mesh)
    values: Values = {"parameters (M)": round(count_parameters((state.g_params, state.d_params)) / 1e6, 2)}
    seconds = {}
    for name in names:
        constants = sharding.put_replicated(run.constants(name), mesh)
        start = time.perf_counter()
        jitted: Any = sharding.jit_step(getattr(run.phases, name), mesh, constants=len(constants))
        program = jitted.lower(state, batch, *constants).compile()
        values[f"{name}, compilation (s)"] = round(time.perf_counter() - start, 1)

        def call(program=program, constants=constants):
            nonlocal state
            state, metrics = program(state, batch, *constants)
            return metrics

        runs_per_kimg = 1000 / config.batch_size / interval(config, name)
        seconds[name] = runs_per_kimg * measure.best_of(call, calls)
        values[f"{name} (s/kimg)"] = round(seconds[name], 3)
    return values | shares(seconds) | {"peak memory (GiB)": measure.peak_memory()}


def interval(config: GanConfig, name: PhaseName) -> int:
    """Number of batches from one run of a phase to the next."""
    return {"g_reg": config.schedule.g_interval, "d_reg": config.schedule.d_interval}.get(name, 1)


def shares(seconds: dict[PhaseName, float]) -> Values:
    """Seconds per thousand images with and without the semantic regularizer, and the shares of R1 and path length.

    A training of which a phase was not measured is left out.
    """
    values: Values = {}
    for main_phase, what in (("g_main", "training"), ("g_main_hsr", "training with HSR")):
        step = (main_phase, "g_reg", "d_main", "d_reg", "finish")
        if all(name in seconds for name in step):
            total = sum(seconds[name] for name in step)
            values[f"{what} (s/kimg)"] = round(total, 2)
            values[f"{what}, R1 (%)"] = round(100 * seconds["d_reg"] / total, 1)
            values[f"{what}, path length (%)"] = round(100 * seconds["g_reg"] / total, 1)
    return values


def operations(config: GanConfig, names: Sequence[PhaseName]) -> Values:
    """Billions of operations per phase as XLA counts them, and their ratio to the formula's.

    XLA also counts elementwise operations, so the ratio is a little above 1. A tenth more would mean that something is
    computed twice.
    """
    # One CPU, so that the program is the same on every machine.
    run = training(config, sharding.make_mesh(jax.local_devices(backend="cpu")[:1]), names)
    formula, values = run.formula(), {}
    for name in (name for name in names if name in formula):
        count = flops.counted(getattr(run.phases, name), *run.shapes(), *run.constants(name))
        values[f"{name} (GFLOP)"] = round(count / 1e9, 2)
        values[f"{name}, ratio to the formula"] = round(count / formula[name], 3)
    return values


if __name__ == "__main__":
    errors.run(lambda: measure.command("benchmarks.hsr", Bench(), values_of))
