"""What a training step of StyleGAN2-ADA needs on a slice of TPUs, on a machine that has none.

    pip install "jax[tpu]"
    python -m benchmarks.scaling --topology v5e:2x2 --batch_size 64

XLA compiles the phases for the mesh of the slice and nothing runs. A phase then tells its operations, its memory, what
the chips exchange, and XLA's estimate of its time in clock cycles; a million are 0.67 ms on a v5e, whose 4 units of
128 x 128 multiply-adds give 197 TFLOP/s at 1.5 GHz. Turns of loops are serial and take microseconds each.
"""

import dataclasses
import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp

from benchmarks import flops, hlo
from common import errors
from common.config import parse_command
from common.errors import InputError
from common.terminal import table
from common.train import sharding
from configs.hsr import presets
from hsr_jax import build
from hsr_jax.ada import augment as ada
from hsr_jax.build import build_phases
from hsr_jax.config import GanConfig, HsrConfig
from hsr_jax.gan.phases import Phases
from hsr_jax.gan.semantic import Semantic
from hsr_jax.gan.state import GANState, create_gan_state

PhaseName = Literal["g_main", "g_main_hsr", "g_reg", "d_main", "d_reg", "finish"]
PHASES: tuple[PhaseName, ...] = ("g_main", "g_main_hsr", "g_reg", "d_main", "d_reg", "finish")


@dataclasses.dataclass(frozen=True)
class Scaling:
    """A training with the preset `paper256`, with and without HSR by a ViT-B/16, on some slice."""

    topology: str = "v5e:2x2"
    """Generation and shape of the slice, as libtpu names them."""
    batch_size: int = 64
    """Global; a multiple of the number of chips."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the convolutions of the four highest resolutions. Those in float32 round their inputs to bfloat16 on a TPU."""
    phases: tuple[PhaseName, ...] = PHASES
    """A phase takes minutes to compile."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    options = parse_command(argv, default=Scaling())[0]
    mesh = sharding.make_mesh(chips(options.topology))
    sharding.check_batch_size(options.batch_size, mesh)
    hsr = HsrConfig(extractor="random")
    config = dataclasses.replace(presets.paper256(), batch_size=options.batch_size, dtype=options.dtype, hsr=hsr)
    results = {}
    for name in options.phases:
        print(f"compiling {name}", file=sys.stderr, flush=True)
        results[name] = measure(config, mesh, name)
    rows = [[phase, name, value] for phase, result in results.items() for name, value in result.items()]
    table(f"{options.topology}, batch {options.batch_size}, {options.dtype}", ["phase", "a chip's", "value"], rows)
    print(json.dumps(results))


def chips(topology: str) -> list[Any]:
    """The devices of a slice, to compile for.

    Raises:
      InputError: libtpu is not installed, or knows no such slice.
    """
    if importlib.util.find_spec("libtpu") is None:
        raise InputError('libtpu, the compiler for TPUs, is missing: pip install "jax[tpu]"')
    jax.config.update("jax_platforms", "cpu")  # with libtpu installed JAX would look for TPUs here
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except jax.errors.JaxRuntimeError as error:
        raise InputError(f"field topology: {topology!r} is no slice, such as v5e:2x2 or v4:2x2x1; {error}") from error


def measure(config: GanConfig, mesh: jax.sharding.Mesh, name: PhaseName) -> dict[str, Any]:
    """Compiles a phase; everything is of one chip. A phase that does not fit into its memory says so."""
    gan = build.build_gan(config)
    semantics = Semantic(config, gan) if name == "g_main_hsr" else None
    phases = build_phases(config, gan, mesh, semantics)
    constants = (jax.eval_shape(lambda: semantics.variables),) if semantics else ()
    jitted = sharding.jit_step(getattr(phases, name), mesh, constants=len(constants))
    lowered = jitted.lower(*shapes(config, phases, semantics), *constants)
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return {"too large": str(error).partition(": ")[2].splitlines()[0]}
    memory, text = compiled.memory_analysis(), compiled.as_text()
    count, estimate = compiled.cost_analysis()["flops"], hlo.estimate(text)
    pipe, shrink = ada.PIPES[config.ada.pipe], config.losses.path_length_shrink
    formula = flops.by_phase(gan, config.batch_size, pipe, shrink, semantics).get(name, 0) / mesh.size
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    return {
        "GFLOP": round(count / 1e9, 1),
        "of the formula's": round(count / formula, 3) if formula else "none",
        "state and batch (MiB)": round(held / 2**20, 1),
        "temporaries (MiB)": round(memory.temp_size_in_bytes / 2**20, 1),
        "program (MiB)": round(memory.generated_code_size_in_bytes / 2**20, 1),
        "collectives": ", ".join(f"{n} {kind}" for kind, n in hlo.collectives(text).items()) or "none",
        "estimate (million cycles)": round(estimate.cycles / 1e6, 1),
        "turns of loops": estimate.turns,
    }


def shapes(
    config: GanConfig, phases: Phases, semantics: Semantic | None = None
) -> tuple[GANState, dict[str, jax.ShapeDtypeStruct]]:
    """Of the state and of a batch."""
    g_variables, d_variables = build.shapes(phases.gan)
    optimizers = phases.g_optimizer, phases.d_optimizer
    create = lambda g, d, key: create_gan_state(g, d, *optimizers, key, semantics and semantics.init(key))
    state = jax.eval_shape(create, g_variables, d_variables["params"], jax.random.key(0))
    size = config.data.resolution
    return state, {"image": jax.ShapeDtypeStruct((config.batch_size, size, size, 3), jnp.uint8)}


if __name__ == "__main__":
    errors.run(main)
