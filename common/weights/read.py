"""Reads checkpoints without PyTorch and without running any code in them. The first bytes of a file tell its format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.archive import Archive
from common.errors import InputError, Unreadable
from common.weights.readers import array_files, nvidia, torch_files

ZIP = b"PK\x03\x04"
PICKLE = b"\x80"
KINDS = "a safetensors, PyTorch (.pth, .pt), NVIDIA (.pkl) or NumPy (.npz) file"
# If a network is found under several prefixes, the one with such a part is taken: averaged weights, except in MoCo,
# whose average serves only the loss.
PREFERRED = ("G_ema", "g_ema", "teacher", "encoder_q")


def read(path: str | Path) -> dict[str, Any]:
    """The content of a checkpoint: nested dicts of arrays, numbers and texts; lists become dicts by index.

    Arrays are read-only. As in the file, they may share memory and have gaps.

    Raises:
      InputError: the file is absent, damaged, of an unknown format, or asks for code to be run.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; name {KINDS}")
    try:
        content = _content(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except Unreadable as error:
        raise InputError(f"{path}: {error}") from error
    return content if isinstance(content, dict) else {"": content}


def _content(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(9)
    if start.startswith(ZIP):
        with Archive(path, stored=False) as archive:
            is_npz = all(name.endswith(".npy") for name in archive.names)
        return array_files.read_npz(path) if is_npz else torch_files.read_zip(path)
    data = path.read_bytes()
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= len(data) - 8:
        return array_files.read_safetensors(data)
    if torch_files.is_legacy(data):
        return torch_files.read_legacy(data)
    if start.startswith(PICKLE):
        return nvidia.read(data)
    hint = "a web page, so the download failed" if data.lstrip()[:1] == b"<" else "of an unknown format, or cut short"
    raise Unreadable(f"{hint}; name {KINDS}")


def arrays(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint by full name, see `flatten`; errors as in `read`."""
    return flatten(read(path), source=str(path))


def flatten(tree: Mapping[str, Any], *, source: str = "the checkpoint") -> dict[str, np.ndarray]:
    """Arrays by full name, which joins all keys by dots: {'state_dict': {'a.b': x}} has 'state_dict.a.b'.

    Numbers and texts are left out.

    Raises:
      InputError: two arrays have the same name, or a name cannot be printed.
    """
    found: dict[str, np.ndarray] = {}

    def visit(node: Any, name: str) -> None:
        if isinstance(node, Mapping):
            for key, value in node.items():
                visit(value, f"{name}.{key}" if name else key)
        elif isinstance(node, np.ndarray):
            if not name.isprintable():  # names are printed, and could hold commands to a terminal
                raise InputError(f"{source}: an array is called {name!r}; take the file from its publisher")
            if name in found:
                raise InputError(f"{source}: two arrays are called {name}; save them under different names")
            found[name] = node

    visit(tree, "")
    return found


def prefixes(names: Mapping[str, Any], marks: tuple[str, ...]) -> list[str]:
    """Every prefix P, such as '' or 'state_dict.module.', for which P + mark is a name for all `marks`."""
    candidates = [name.removesuffix(marks[0]) for name in names if name.endswith(marks[0])]
    return [
        prefix
        for prefix in candidates
        if (not prefix or prefix.endswith(".")) and all(prefix + mark in names for mark in marks)
    ]


def part(
    names: Mapping[str, np.ndarray],
    marks: tuple[str, ...],
    prefix: str | None = None,
    *,
    source: str = "the checkpoint",
) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of one network in a checkpoint, without the prefix that they share there, and that prefix.

    Args:
      names: arrays by full name.
      marks: names without prefix that only this kind of network has.
      prefix: the prefix to take. When absent, it is the only prefix of all marks, or the only such prefix with a part
        in `PREFERRED`.
      source: the file, for error messages.

    Raises:
      InputError: there is no such network, or there are several; lists their prefixes.
    """
    found = prefixes(names, marks)
    if prefix is not None:
        chosen = [p for p in found if p == prefix or p == f"{prefix}."]
    else:
        chosen = [p for p in found if any(word in p.split(".") for word in PREFERRED)] or found
    if len(chosen) != 1:
        shown = ", ".join(repr(p) for p in found)
        remedy = f"give one of the prefixes {shown}" if found else f"no array is called {marks[0]}; inspect the file"
        raise InputError(f"{source}: holds {len(chosen)} such networks, not one; {remedy}")
    return {name.removeprefix(chosen[0]): x for name, x in names.items() if name.startswith(chosen[0])}, chosen[0]
