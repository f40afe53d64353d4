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
    """Name of the checkpoint's format; `inspect` guesses it, `list` prints all formats."""
    src: tuple[str, ...] = ()
    """Checkpoint: a .safetensors, .pth, .pt, .pkl or .npz file, or several files that hold parts of the network."""
    out: str = ""
    """Directory to write; it must not exist yet."""
    prefix: str | None = None
    """Prefix of the network's names; needed only if the file holds several networks of this format."""


@dataclasses.dataclass(frozen=True)
class Inspect:
    """Prints names, shapes and types of a checkpoint's arrays, and the formats that it may have."""

    file: str = ""
    """The checkpoint; `inspect FILE` is short for `inspect --file FILE`."""


@dataclasses.dataclass(frozen=True)
class List:
    """Prints the formats and the known published checkpoints."""


@dataclasses.dataclass(frozen=True)
class Export:
    """Writes an imported network with the names and layouts of its format, as safetensors."""

    src: str = ""
    """Directory that `import` wrote. For the generator of a run use `python -m hsr_jax.export`."""
    out: str = ""
    """File to write."""


def run_import(options: Import) -> None:
    """Writes the directory and prints the module."""
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
    count = sum(x.size for x in jax.tree.leaves(variables))
    print(f"{options.out}: {count:,} values of {prefix or 'the whole file'}")
    print(f"module: {header['module']}")


def run_inspect(options: Inspect) -> None:
    """Prints the arrays and the formats that they may have."""
    arrays = read.arrays(options.file)
    width = max(map(len, arrays), default=0)
    for name, x in arrays.items():
        print(f"{name:{width}}  {x.dtype.name:8}  {list(x.shape)}")
    print(f"{len(arrays)} arrays, {sum(x.size for x in arrays.values()):,} values")
    guesses = formats.guess(arrays)
    for format, prefix in guesses:
        print(f"format: {format.name} ({format.what}), prefix {prefix!r}")
    if not guesses:
        print("format: unknown; `list` prints the known formats")


def run_list(options: List) -> None:
    """Prints the formats and the published checkpoints."""
    for format in formats.FORMATS:
        print(f"format {format.name}: {format.what}")
    for known in PUBLISHED:
        print(f"\n{known.what}\n  published: {known.where}\n  licence: {known.licence}")
        print(f"  size: {known.values / 1e6:.1f} M values\n  {known.command()}")


def run_export(options: Export) -> None:
    """Writes the network into a file."""
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
    """Runs the command."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        print(f"{__doc__}\nEach command has its own --help.")
        return
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise InputError(f"{name}: no such command{nearest(name, COMMANDS)}")
    if name == "inspect" and rest and not rest[0].startswith("-"):
        rest = ["--file", *rest]
    default, run = COMMANDS[name]
    run(parse_command(rest, default=default)[0])


def _merged(sources: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of all files together. Raises `InputError` if two files hold the same name."""
    merged: dict[str, np.ndarray] = {}
    for source in sources:
        arrays = read.arrays(source)
        if twice := merged.keys() & arrays.keys():
            raise InputError(f"{source}: another file holds {min(twice)}, too; name the files of one network")
        merged |= arrays
    return merged


if __name__ == "__main__":
    errors.run(main)
