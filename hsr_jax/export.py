"""Writes the averaged generator of a run with StyleGAN2-ADA's names of arrays, for example as a prior of FASE.

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
    """Options of the export: the generator and the file."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    out: str = "generator.safetensors"
    """Path of the file to write, which ends in .safetensors."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    export(parse_command(argv, default=Export())[0])


def export(options: Export) -> None:
    """Writes the file; an older one is replaced."""
    if not options.out.endswith(".safetensors"):
        raise InputError(f"field out: {options.out} does not end in .safetensors; add this ending")
    generator, variables = snapshot.load(options.snapshot)
    values = snapshot.write(generator, variables, options.out)
    print(f"{options.out}: generator of {generator.resolution} px, {values:,} values, with StyleGAN2-ADA's names")


if __name__ == "__main__":
    errors.run(main)
