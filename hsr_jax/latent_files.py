"""Latents and boundaries on the disk: npz files of numbers, whole or absent."""

import io
from pathlib import Path

import numpy as np

from common import files
from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.weights import read
from hsr_jax.editing import Boundary


def write_arrays(path: str | Path, **arrays: np.ndarray) -> None:
    """Writes named arrays of numbers."""
    data = io.BytesIO()
    np.savez(data, **arrays)
    files.write_bytes(path, data.getvalue())


def load_latents(path: str | Path, generator: Generator) -> np.ndarray:
    """`ws` [N, num_ws, w_dim] of a file that `hsr_jax.project` wrote.

    Raises:
      InputError: no such file, a damaged one, one without latents, or latents of another generator.
    """
    ws, want = _read(path, "ws"), (num_ws(generator.resolution), generator.w_dim)
    if ws.ndim != 3 or ws.shape[1:] != want or not len(ws):
        raise InputError(
            f"{path}: ws is {list(ws.shape)}, but this generator takes [N, {want[0]}, {want[1]}]; name the snapshot "
            "that the latents are of"
        )
    return ws.astype(np.float32)


def save_boundary(path: str | Path, boundary: Boundary) -> None:
    """Writes a boundary for `load_boundary`."""
    write_arrays(path, **{name: np.asarray(value) for name, value in boundary._asdict().items()})


def load_boundary(path: str | Path, generator: Generator) -> Boundary:
    """A boundary that `hsr_jax.edit` wrote. Raises `InputError` as `load_latents`."""
    normal, *numbers = (_read(path, name) for name in Boundary._fields)
    if normal.shape != (generator.w_dim,) or any(x.shape for x in numbers):
        raise InputError(
            f"{path}: normal is {list(normal.shape)}, but this generator's W is of {generator.w_dim} numbers; name the "
            "snapshot that the boundary is of"
        )
    return Boundary(normal.astype(np.float32), *(float(x) for x in numbers))


def _read(path: str | Path, name: str) -> np.ndarray:
    arrays = read.arrays(path)
    if name not in arrays:
        raise InputError(f"{path}: holds no {name}, but {', '.join(arrays) or 'nothing'}; name another file")
    return arrays[name]
