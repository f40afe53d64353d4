"""Animated GIF and WebP files."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from common.files import write_bytes

FORMATS = {".gif": "GIF", ".webp": "WEBP"}


def write_animation(path: str | Path, frames: Sequence[np.ndarray], frames_per_second: float = 20) -> None:
    """Writes frames of equal size, uint8 [H, W, 3], as an endless animation; no file is left on failure.

    A GIF has 256 colours per frame and counts time in hundredths of a second. WebP has neither limit.

    Raises:
      ValueError: there is no frame, or the name ends neither in .gif nor in .webp.
      InputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in FORMATS or not len(frames):
        raise ValueError(f"{path}: an animation needs at least one frame and a name that ends in .gif or .webp")
    duration = round(1000 / frames_per_second)
    if path.suffix == ".gif":
        duration = max(round(duration / 10), 1) * 10
    first, *others = (Image.fromarray(np.asarray(frame)) for frame in frames)
    data = io.BytesIO()
    first.save(data, FORMATS[path.suffix], save_all=True, append_images=others, duration=duration, loop=0)
    write_bytes(path, data.getvalue())


def back_and_forth(frames: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Frames, followed by the inner frames in reverse order, so that an endless loop never jumps."""
    return [*frames, *frames[-2:0:-1]]
