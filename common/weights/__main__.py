"""Imports, inspects, lists and exports public checkpoints. Nothing that a file contains is executed.

python -m common.weights inspect ffhq.pkl
python -m common.weights import --format stylegan2-ada --src ffhq.pkl --out weights/ffhq/generator
python -m common.weights export --src weights/ffhq/generator --out generator.safetensors
python -m common.weights list
"""

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors.numpy import save

from common import errors, files
from common.config import parse_command
from common.errors import InputError, nearest
from common.weights import converted, formats, read
from common.weights.published import PUBLISHED


@dataclasses.dataclass(frozen=True)
class Import:
    """Turns a checkpoint into a directory with this project's variables and their description, whole or not at all."""

    format: str = ""
    """Name of the checkpoint's format; `inspect` guesses it, `list` has examples."""
    src: tuple[str, ...] = ()
    """Checkpoint: a .safetensors, .pth, .pt, .pkl or .npz file, or several if the network is spread over them."""
    out: str = ""
    """Directory to write; it must not exist yet."""
    prefix: str | None = None
    """Prefix of the network's names in a file that holds several such networks; found if it is not given."""


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Prints names, shapes and types of a checkpoint's arrays and which formats it may be of."""

    file: str = ""
    """The checkpoint; `inspect FILE` names it as well."""


@dataclasses.dataclass(frozen=True)
class List:
    """Prints the formats and the known published checkpoints."""


@dataclasses.dataclass(frozen=True)
class Export:
    """Writes an imported network in the names and layouts of its format again, as safetensors."""

    src: str = ""
    """Directory that `import` wrote."""
    out: str = ""
    """File to write."""


def run_import(options: Import) -> None:
    """Writes the directory and prints what the network is."""
    format = formats.find(options.format)
    if not options.src or not options.out:
        raise InputError(
            f"field {'out' if options.src else 'src'}: empty; name {'a directory' if options.src else 'a file'}"
        )
    source = ", ".join(options.src)
    arrays, prefix = formats.select(format, _merged(options.src), options.prefix, source=source)
    module = format.infer(arrays, source=source)
    variables = format.variables(arrays, module, source=source)
    origin = [{"file": Path(file).name, "sha256": converted.sha256(file)} for file in options.src]
    header = {"format": format.name, "source": origin, "prefix": prefix, "module": converted.describe(module)}
    converted.save_directory(options.out, variables, header)
    print(f"{options.out}: {_count(variables):,} values of {prefix or 'the whole file'}")
    print(f"module: {header['module']}")


def run_inspect(options: Inspect) -> None:
    """Prints the arrays and the formats that they may be of."""
    arrays = read.arrays(options.file)
    width = max(map(len, arrays), default=0)
    for name, x in arrays.items():
        print(f"{name:{width}}  {x.dtype.name:8}  {list(x.shape)}")
    print(f"{len(arrays)} arrays, {sum(x.size for x in arrays.values()):,} values")
    for format, prefix in formats.guess(arrays):
        print(f"format: {format.name} ({format.what}), prefix {prefix!r}")
    if not formats.guess(arrays):
        print("format: none that is known; `list` prints those")


def run_list(options: List) -> None:
    """Prints formats and checkpoints."""
    for format in formats.FORMATS:
        print(f"format {format.name}: {format.what}")
    for known in PUBLISHED:
        print(f"\n{known.what}\n  published: {known.where}\n  licence: {known.licence}")
        print(f"  size: {known.values / 1e6:.1f} M values\n  {known.command()}")


def run_export(options: Export) -> None:
    """Writes the network into a file in the names of its format."""
    if not options.out:
        raise InputError("field out: empty; name a file")
    format, module, variables = formats.load(options.src)
    arrays = {name: np.asarray(x, order="C") for name, x in format.arrays(variables, module).items()}
    files.write_bytes(options.out, save(arrays, metadata={"format": "pt"}))
    print(f"{options.out}: {len(arrays)} arrays in the names of {format.name}")


COMMANDS: dict[str, tuple[Any, Callable[[Any], None]]] = {
    "import": (Import(), run_import),
    "inspect": (Inspect(), run_inspect),
    "list": (List(), run_list),
    "export": (Export(), run_export),
}


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(f"{__doc__}\nEach has its own --help.")
        return
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise InputError(f"{name}: no such command{nearest(name, COMMANDS)}")
    if name == "inspect" and rest and not rest[0].startswith("-"):
        rest = ["--file", *rest]
    default, run = COMMANDS[name]
    run(parse_command(rest, default=default)[0])


def _merged(sources: Sequence[str]) -> dict[str, np.ndarray]:
    merged: dict[str, np.ndarray] = {}
    for source in sources:
        arrays = read.arrays(source)
        if twice := merged.keys() & arrays.keys():
            raise InputError(f"{source}: {min(twice)} is in a file before it, too; name files of one network")
        merged |= arrays
    return merged


def _count(variables: dict) -> int:
    return sum(x.size for x in jax.tree.leaves(variables))


if __name__ == "__main__":
    errors.run(main)
