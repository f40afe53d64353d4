"""Reading and writing of whole files and of JSON.

A file is written under a temporary name and then renamed, so that it never exists in part.
"""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from common.errors import InputError


@contextlib.contextmanager
def written_aside(path: str | Path) -> Iterator[BinaryIO]:
    """New file for a `with` block to write. It becomes `path` when the block ends and is deleted when the block fails.

    Raises:
      InputError: the file cannot be written (full disk, missing rights); the older file stays.
    """
    path = Path(path)
    aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)  # mkstemp gives a file that only its owner may read
        os.replace(aside, path)
        aside = None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); free space or choose another place") from error
    finally:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data` to `path`. A crash leaves the old file or the new one, never a part. Errors as `written_aside`."""
    with written_aside(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Writes indented JSON and a trailing newline as `write_bytes` does."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_arrays(path: str | Path, **arrays: Any) -> None:
    """Writes named arrays of numbers as an .npz file, for `common.weights.read.arrays`. Errors as `written_aside`."""
    data = io.BytesIO()
    np.savez(data, **arrays)
    write_bytes(path, data.getvalue())


def read_bytes(path: str | Path) -> bytes:
    """Content of a file. Raises `InputError`, which names the file, if it is absent or may not be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def read_json(path: str | Path) -> Any:
    """Value in a JSON file. Raises `InputError`, which names the file and, if the JSON is broken, the line."""
    return parse_json(read_bytes(path), str(path))


def parse_json(data: bytes, place: str) -> Any:
    """Value of a JSON text. Errors as `read_json`, with `place` as the name of the text."""
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: line {error.lineno}: not JSON ({error.msg}); write it again") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{place}: not JSON ({error}); write it again") from error
