"""How fast training of StyleGAN2-ADA is on the current machine, phase by phase, and whether it computes what it must.

    make bench
    python -m benchmarks.hsr --cases "small, 64 px" --extractor dino_vitbase16_pretrain.pth

Every case runs in a process of its own, see `benchmarks.measure`. Seconds are those of a program without its input
pipeline, with the augmentation at strength 0.5: at strength 0 it would cost nothing.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from benchmarks import flops, measure
from benchmarks.scaling import PHASES, PhaseName, shapes
from common import errors
from common.config import parse_command
from common.train import sharding
from common.train.state import count_parameters
from configs.hsr import mtfl64_cpu_hsr, presets
from hsr_jax import build
from hsr_jax.ada import augment as ada
from hsr_jax.build import build_phases, new_state
from hsr_jax.config import GanConfig
from hsr_jax.gan.semantic import Semantic

P = 0.5


def _augmented(config: GanConfig, **changes: Any) -> GanConfig:
    return dataclasses.replace(config, ada=dataclasses.replace(config.ada, p=P), **changes)


SMALL = _augmented(mtfl64_cpu_hsr.config)
# Groups of the minibatch deviation have to fit into the batch.
FULL = _augmented(
    presets.paper256(),
    networks=dataclasses.replace(presets.paper256().networks, mbstd_group=4, mbstd_batch=4),
    batch_size=4,
)
SPEED = {"small, 64 px": (SMALL, 8), "full, 256 px": (FULL, 2)}
"""Config, and how many runs of a phase, of which the fastest counts."""
FLOPS = {f"{case}, operations": config for case, (config, _) in SPEED.items()}


@dataclasses.dataclass(frozen=True)
class Bench:
    """What to measure."""

    cases: tuple[str, ...] = (*SPEED, *FLOPS)
    phases: tuple[PhaseName, ...] = PHASES
    """Their shares of the time need all of them."""
    extractor: str = "random"
    """Network of `g_main_hsr`, see `hsr.extractor` of a training; `random` is the size of the document's ViT-B/16."""
    child: bool = False
    """Measure the one case in this process and print JSON; used by the command itself."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    options = parse_command(argv, default=Bench())[0]
    if not options.child:
        arguments = ["--phases", *options.phases, "--extractor", options.extractor]
        measure.report(measure.run("benchmarks.hsr", options.cases, Bench().cases, arguments))
        return
    case = options.cases[0]
    config, calls = SPEED[case] if case in SPEED else (FLOPS[case], 0)
    config = dataclasses.replace(config, hsr=dataclasses.replace(config.hsr, extractor=options.extractor))
    values = speed(config, calls, options.phases) if calls else operations(config, options.phases)
    print(json.dumps(values))


def speed(config: GanConfig, calls: int, names: Sequence[PhaseName]) -> dict[str, float]:
    """Seconds of the phases, per thousand images that they are due for, and what a training is made of."""
    gan, mesh = build.build_gan(config), sharding.make_mesh()
    semantics = Semantic(config, gan) if "g_main_hsr" in names else None
    phases = build_phases(config, gan, mesh, semantics)
    state = sharding.put_replicated(new_state(config, phases, semantics), mesh)
    size = config.data.resolution
    images = np.random.default_rng(0).integers(0, 256, (config.batch_size, size, size, 3), np.uint8)
    batch = sharding.put_batch({"image": images}, mesh)
    values = {"parameters (M)": round(count_parameters((state.g_params, state.d_params)) / 1e6, 2)}
    seconds = {}
    for name in names:
        constants = (sharding.put_replicated(semantics.variables, mesh),) if name == "g_main_hsr" else ()
        start = time.perf_counter()
        jitted = sharding.jit_step(getattr(phases, name), mesh, constants=len(constants))
        program = jitted.lower(state, batch, *constants).compile()
        values[f"{name}, compilation (s)"] = round(time.perf_counter() - start, 1)

        def run(program=program, constants=constants):
            nonlocal state
            state, metrics = program(state, batch, *constants)
            return metrics

        times_a_kimg = 1000 / config.batch_size / interval(config, name)
        seconds[name] = times_a_kimg * measure.best_of(run, calls)
        values[f"{name} (s/kimg)"] = round(seconds[name], 3)
    return values | shares(seconds) | {"peak memory (GiB)": measure.peak_memory()}


def interval(config: GanConfig, name: PhaseName) -> int:
    """Batches from one run of a phase to the next."""
    return {"g_reg": config.schedule.g_interval, "d_reg": config.schedule.d_interval}.get(name, 1)


def shares(seconds: dict[PhaseName, float]) -> dict[str, float]:
    """Of a training with and without the semantic regularizer; nothing where a phase was not measured."""
    values = {}
    for main_phase, what in (("g_main", "training"), ("g_main_hsr", "training with HSR")):
        step = (main_phase, "g_reg", "d_main", "d_reg", "finish")
        if all(name in seconds for name in step):
            total = sum(seconds[name] for name in step)
            values[f"{what} (s/kimg)"] = round(total, 2)
            values[f"{what}, R1 (%)"] = round(100 * seconds["d_reg"] / total, 1)
            values[f"{what}, path length (%)"] = round(100 * seconds["g_reg"] / total, 1)
    return values


def operations(config: GanConfig, names: Sequence[PhaseName]) -> dict[str, float]:
    """Billions of operations of a phase as XLA counts them, and their ratio to the formula's.

    What is more than 1 is elementwise; a tenth more would be something that is computed twice.
    """
    gan = build.build_gan(config)
    semantics = Semantic(config, gan) if "g_main_hsr" in names else None
    # The program of one device, wherever it runs.
    phases = build_phases(config, gan, sharding.make_mesh(jax.local_devices(backend="cpu")[:1]), semantics)
    state, batch = shapes(config, phases, semantics)
    pipe, shrink = ada.PIPES[config.ada.pipe], config.losses.path_length_shrink
    formula = flops.by_phase(gan, config.batch_size, pipe, shrink, semantics)
    values = {}
    for name in (name for name in names if name in formula):
        constants = (semantics.variables,) if name == "g_main_hsr" else ()
        count = flops.counted(getattr(phases, name), state, batch, *constants)
        values[f"{name} (GFLOP)"] = round(count / 1e9, 2)
        values[f"{name}, ratio to the formula"] = round(count / formula[name], 3)
    return values


if __name__ == "__main__":
    errors.run(main)
