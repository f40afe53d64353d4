"""Latents and boundaries on the disk: npz files of numbers, whole or absent."""

import sys
from pathlib import Path

import numpy as np

from common import files
from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.weights import read
from hsr_jax.editing.directions import Boundary

NOISE = "noise."
"""Of the names of noise maps [N, r, r] beside `ws`."""


def load_latents(path: str | Path, generator: Generator) -> np.ndarray:
    """`ws` [N, num_ws, w_dim] of a file that `hsr_jax.project` wrote.

    Noise maps that it holds besides are left out, with a warning: images then have the generator's own.

    Raises:
      InputError: no such file, a damaged one, one without latents, or latents of another generator.
    """
    arrays = _read(path, "ws")
    ws, want = arrays["ws"], (num_ws(generator.resolution), generator.w_dim)
    if ws.ndim != 3 or ws.shape[1:] != want or not len(ws):
        raise InputError(
            f"{path}: ws is {list(ws.shape)}, but this generator takes [N, {want[0]}, {want[1]}]; name the snapshot "
            "that the latents are of"
        )
    if any(name.startswith(NOISE) for name in arrays):
        print(
            f"warning: {path}: its noise maps are not used; with the generator's own, images differ from the ones that "
            "hsr_jax.project has shown and measured",
            file=sys.stderr,
        )
    return ws.astype(np.float32)


def save_boundary(path: str | Path, boundary: Boundary, attribute: str, psi: float) -> None:
    """Writes a boundary of an attribute, found by samples of this truncation, for `load_boundary`."""
    # As bytes: what reads such files takes numbers alone.
    about = {"attribute": np.frombuffer(attribute.encode(), np.uint8), "psi": np.float64(psi)}
    files.write_arrays(path, **about, **boundary._asdict())


def load_boundary(path: str | Path, generator: Generator, attribute: str, psi: float) -> Boundary:
    """A boundary that `hsr_jax.edit` wrote.

    Raises:
      InputError: as `load_latents`; a boundary of another attribute, or of samples of another truncation.
    """
    arrays = _read(path, *Boundary._fields, "attribute", "psi")
    normal, *numbers = (arrays[name] for name in Boundary._fields)
    if normal.shape != (generator.w_dim,) or any(x.shape for x in (*numbers, arrays["psi"])):
        raise InputError(
            f"{path}: normal is {list(normal.shape)}, but this generator's W is of {generator.w_dim} numbers; name the "
            "snapshot that the boundary is of"
        )
    found = arrays["attribute"].tobytes().decode(errors="replace")
    if found != attribute:
        raise InputError(f"field boundary: {path} is of {found!r}, not of {attribute!r}; give the file's attribute")
    if arrays["psi"] != psi:
        raise InputError(f"field boundary: {path} is of samples with psi {arrays['psi']:g}, not {psi:g}; give the same")
    return Boundary(normal.astype(np.float32), *(float(x) for x in numbers))


def _read(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """All arrays of a file that has at least these."""
    arrays = read.arrays(path)
    for name in names:
        if name not in arrays:
            raise InputError(f"{path}: holds no {name}, but {', '.join(arrays) or 'nothing'}; name another file")
    return arrays
