"""Files of latents and of boundaries: npz files that hold numbers only, and that are written whole or not at all."""

import sys
from pathlib import Path

import numpy as np

from common import files
from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.weights import read
from hsr_jax.editing.directions import Boundary

NOISE = "noise."
"""Prefix of the names of noise maps [N, r, r], which a file may hold beside `ws`."""


def load_latents(path: str | Path, generator: Generator) -> np.ndarray:
    """Latents ws [N, num_ws, w_dim] of a file that `hsr_jax.project` wrote.

    A warning says so if the file holds noise maps: they are ignored, and images have the generator's own noise.

    Raises:
      InputError: there is no such file, it is damaged or holds no latents, or they are of another generator.
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
    """Writes the boundary of an attribute, and the truncation psi of the samples that it was found by."""
    # The name is stored as bytes, because `read.arrays` takes numbers only.
    about = {"attribute": np.frombuffer(attribute.encode(), np.uint8), "psi": np.float64(psi)}
    files.write_arrays(path, **about, **boundary._asdict())


def load_boundary(path: str | Path, generator: Generator, attribute: str, psi: float) -> Boundary:
    """Boundary of a file that `hsr_jax.edit` wrote.

    Raises:
      InputError: see `load_latents`; or the boundary is of another attribute or psi.
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
    """All arrays of a file. Raises `InputError` unless the named ones are among them."""
    arrays = read.arrays(path)
    for name in names:
        if name not in arrays:
            raise InputError(f"{path}: holds no {name}, but {', '.join(arrays) or 'nothing'}; name another file")
    return arrays
