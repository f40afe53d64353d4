"""Files that are either whole or absent: written aside, then renamed."""

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
    """A new file for a `with` block to write; it becomes `path` when the block ends, and vanishes when the block fails.

    Raises:
      InputError: the file cannot be written (full disk, missing rights); an old one stays.
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
    """Writes `data` to `path`; a crash at any moment leaves the old file or the new one, never a part.

    Raises:
      InputError: as `written_aside`.
    """
    with written_aside(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """`write_bytes` of indented JSON, one trailing newline."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_arrays(path: str | Path, **arrays: Any) -> None:
    """Writes named arrays of numbers as an .npz file, for `common.weights.read.arrays`. Errors as `written_aside`."""
    data = io.BytesIO()
    np.savez(data, **arrays)
    write_bytes(path, data.getvalue())


def read_json(path: str | Path) -> Any:
    """The value in a JSON file; `InputError` names the file and, if it is broken, the line."""
    try:
        return json.loads(Path(path).read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: line {error.lineno}: not JSON ({error.msg})") from error
