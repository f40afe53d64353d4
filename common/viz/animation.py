"""Animations as GIF or WebP."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from common.files import write_bytes

FORMATS = {".gif": "GIF", ".webp": "WEBP"}


def write_animation(path: str | Path, frames: Sequence[np.ndarray], frames_per_second: float = 20) -> None:
    """Writes frames, uint8 [H, W, 3] of one size, as an endless animation; on failure no file is left.

    A GIF has 256 colours per frame and counts time in hundredths of a second; WebP has neither limit.

    Raises:
      ValueError: no frames, or a name that ends neither in .gif nor in .webp.
      InputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS or not len(frames):
        raise ValueError(f"{path}: an animation is a .gif or .webp of at least one frame")
    duration = round(1000 / frames_per_second)
    if path.suffix == ".gif":
        duration = max(round(duration / 10), 1) * 10
    first, *others = (Image.fromarray(np.asarray(frame)) for frame in frames)
    data = io.BytesIO()
    first.save(data, FORMATS[path.suffix], save_all=True, append_images=others, duration=duration, loop=0)
    write_bytes(path, data.getvalue())


def back_and_forth(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Frames, then those between the last and the first in reverse order, so that an endless loop never jumps."""
    return [*frames, *frames[-2:0:-1]]
