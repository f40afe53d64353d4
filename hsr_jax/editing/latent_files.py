"""Files of latents and of boundaries: npz files of numbers, written completely or not at all."""

import sys
from pathlib import Path

import numpy as np

from common import files
from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.weights import read
from hsr_jax.editing.directions import Boundary

NOISE = "noise."
"""Prefix of the names of noise maps [N, r, r], which a file may hold besides `ws`."""


def load_latents(path: str | Path, generator: Generator) -> np.ndarray:
    """Latents ws [N, num_ws, w_dim] of a file that `hsr_jax.project` wrote.

    Noise maps in the file are ignored with a warning; images have the generator's own noise.

    Raises:
      InputError: the file is missing or damaged, holds no latents, or its latents belong to another generator.
    """
    arrays = _read(path, "ws")
    ws, want = arrays["ws"], (num_ws(generator.resolution), generator.w_dim)
    if ws.ndim != 3 or ws.shape[1:] != want or not len(ws):
        raise InputError(
            f"{path}: ws is {list(ws.shape)}, but this generator takes [N, {want[0]}, {want[1]}]; name the snapshot "
            "for which the latents were found"
        )
    if any(name.startswith(NOISE) for name in arrays):
        print(
            f"warning: {path}: its noise maps are not used; images have the generator's own noise and differ from the "
            "pictures of hsr_jax.project",
            file=sys.stderr,
        )
    return ws.astype(np.float32)


def save_boundary(path: str | Path, boundary: Boundary, attribute: str, psi: float) -> None:
    """Writes the boundary of an attribute, with the truncation psi of the samples from which it was found."""
    # The name is stored as bytes, because `read.arrays` accepts only numbers.
    about = {"attribute": np.frombuffer(attribute.encode(), np.uint8), "psi": np.float64(psi)}
    files.write_arrays(path, **about, **boundary._asdict())


def load_boundary(path: str | Path, generator: Generator, attribute: str, psi: float) -> Boundary:
    """Boundary of a file that `hsr_jax.edit` wrote.

    Raises:
      InputError: see `load_latents`; the boundary belongs to another attribute or psi.
    """
    arrays = _read(path, *Boundary._fields, "attribute", "psi")
    normal, *numbers = (arrays[name] for name in Boundary._fields)
    if normal.shape != (generator.w_dim,) or any(x.shape for x in (*numbers, arrays["psi"])):
        raise InputError(
            f"{path}: normal is {list(normal.shape)}, but this generator's w is [{generator.w_dim}]; name the snapshot "
            "for which the boundary was found"
        )
    found = arrays["attribute"].tobytes().decode(errors="replace")
    if found != attribute:
        raise InputError(f"field boundary: {path} belongs to attribute {found!r}, not {attribute!r}; name that one")
    if arrays["psi"] != psi:
        raise InputError(f"field boundary: {path} was found with psi {arrays['psi']:g}, not {psi:g}; give that psi")
    return Boundary(normal.astype(np.float32), *(float(x) for x in numbers))


def _read(path: str | Path, *names: str) -> dict[str, np.ndarray]:
    """All arrays of a file. Raises `InputError` if one of `names` is missing."""
    arrays = read.arrays(path)
    for name in names:
        if name not in arrays:
            held = ", ".join(arrays) or "nothing"
            raise InputError(f"{path}: holds no array {name}, but only {held}; name another file")
    return arrays
