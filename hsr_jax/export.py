"""Writes the averaged generator of a run in StyleGAN2-ADA's names, as FASE reads the generator of its prior.

python -m hsr_jax.export --snapshot runs/hsr --out prior/generator.safetensors
"""

import dataclasses
from collections.abc import Sequence

from common import errors
from common.config import parse_command
from common.errors import InputError
from hsr_jax import snapshot


@dataclasses.dataclass(frozen=True)
class Export:
    """Which generator, and the file to write."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    out: str = "generator.safetensors"
    """File to write; its name ends in .safetensors."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    export(parse_command(argv, default=Export())[0])


def export(options: Export) -> None:
    """Writes the file, whole or not at all, and replaces an older one."""
    if not options.out.endswith(".safetensors"):
        raise InputError(f"field out: {options.out}: give the file a name that ends in .safetensors")
    generator, variables = snapshot.load(options.snapshot)
    values = snapshot.write(generator, variables, options.out)
    print(f"{options.out}: {values:,} values of a generator of {generator.resolution} px in StyleGAN2-ADA's names")


if __name__ == "__main__":
    errors.run(main)
