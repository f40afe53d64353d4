"""Operations, memory and communication of StyleGAN2-ADA's training step on a slice of TPUs, without any TPU.

    pip install "jax[tpu]"
    python -m benchmarks.scaling --topology v5e:2x2 --batch_size 64

XLA compiles the phases for the mesh of the slice, and nothing runs. Operations, memory, exchanges between the chips and
XLA's estimate of the time in clock cycles are read from the compiled program of each phase. A million
cycles are 0.67 ms on a v5e, whose 4 units of 128 x 128 multiply-adds give 197 TFLOP/s at 1.5 GHz. The turns of loops
run one after the other and take microseconds each.
"""

import dataclasses
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any, Literal

import jax
from jax.sharding import Mesh

from benchmarks import hlo
from benchmarks.hsr import PHASES, PhaseName, training
from benchmarks.measure import Values, report
from common import errors
from common.config import parse_command
from common.errors import InputError
from common.train import sharding
from configs.hsr import presets
from hsr_jax.config import GanConfig, HsrConfig


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A training with the preset `paper256`, with and without HSR by a ViT-B/16, on a slice of TPUs."""

    topology: str = "v5e:2x2"
    """Generation and shape of the slice in libtpu's notation."""
    batch_size: int = 64
    """Global batch size; a multiple of the number of chips."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type of the convolutions at the four highest resolutions. A TPU rounds float32 inputs to bfloat16."""
    phases: tuple[PhaseName, ...] = PHASES
    """Phases to compile. Each takes minutes."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    options = parse_command(argv, default=Scaling())[0]
    mesh = sharding.make_mesh(chips(options.topology))
    sharding.check_batch_size(options.batch_size, mesh)
    hsr = HsrConfig(extractor="random")
    config = dataclasses.replace(presets.paper256(), batch_size=options.batch_size, dtype=options.dtype, hsr=hsr)
    results = {}
    for name in options.phases:
        print(f"compiling {name}", file=sys.stderr, flush=True)
        results[name] = values_of(config, mesh, name)
    report(f"{options.topology}, batch {options.batch_size}, {options.dtype}, per chip", "phase", results)


def chips(topology: str) -> list[Any]:
    """Devices of a slice, for which XLA can compile.

    Raises:
      InputError: libtpu is not installed, or does not know the slice.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise InputError('libtpu, the compiler for TPUs, is missing: pip install "jax[tpu]"')
    jax.config.update("jax_platforms", "cpu")  # with libtpu installed, JAX would look for TPUs on this machine
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except jax.errors.JaxRuntimeError as error:
        raise InputError(
            f"field topology: {topology!r} is not a slice; take one such as v5e:2x2 or v4:2x2x1; {error}"
        ) from error


def values_of(config: GanConfig, mesh: Mesh, name: PhaseName) -> Values:
    """Values per chip of one compiled phase, or XLA's message if the phase does not fit into a chip's memory."""
    run = training(config, mesh, [name])
    constants = jax.eval_shape(lambda: run.constants(name))
    jitted: Any = sharding.jit_step(getattr(run.phases, name), mesh, constants=len(constants))
    lowered = jitted.lower(*run.shapes(), *constants)
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return {"too large": str(error).partition(": ")[2].splitlines()[0]}
    memory, text = compiled.memory_analysis(), compiled.as_text()
    count, estimate = compiled.cost_analysis()["flops"], hlo.estimate(text)
    formula = run.formula().get(name, 0) / mesh.size
    state_and_batch = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return {
        "GFLOP": round(count / 1e9, 1),
        "ratio to the formula": round(count / formula, 3) if formula else "none",
        "state and batch (MiB)": round(state_and_batch / 2**20, 1),
        "temporaries (MiB)": round(memory.temp_size_in_bytes / 2**20, 1),
        "program (MiB)": round(memory.generated_code_size_in_bytes / 2**20, 1),
        "collectives": ", ".join(f"{n} {kind}" for kind, n in hlo.collectives(text).items()) or "none",
        "estimate (million cycles)": round(estimate.cycles / 1e6, 1),
        "turns of loops": estimate.turns,
    }


if __name__ == "__main__":
    errors.run(main)
