"""Grids of images with captions, and the writer of image files."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.files import write_bytes

_GAP = 4
"""Number of pixels between cells and around the grid."""


def grid(images: Sequence[np.ndarray], columns: int | None = None, captions: Sequence[str] | None = None) -> np.ndarray:
    """Images in rows on a white sheet. All cells have the size of the largest image; smaller images are centred.

    Args:
      images: uint8 [H, W, 3]; sizes may differ.
      columns: number of images per row; None makes the grid square.
      captions: line of text below each image.

    Returns:
      uint8 [H', W', 3].

    >>> grid([np.zeros((8, 10, 3), np.uint8)] * 3, columns=2).shape
    (28, 32, 3)
    """
    if not len(images):
        raise ValueError("a grid needs at least one image")
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"{len(captions)} captions for {len(images)} images")
    columns = min(columns or int(np.ceil(np.sqrt(len(images)))), len(images))
    cell_height, cell_width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    text_size = int(np.clip(cell_width // 16, 10, 24))
    text_height = text_size + 6 if captions is not None else 0
    step_x, step_y = cell_width + _GAP, cell_height + text_height + _GAP
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * step_x + _GAP, rows * step_y + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), _font(text_size)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, top = _GAP + column * step_x, _GAP + row * step_y
        height, width = image.shape[:2]
        sheet.paste(Image.fromarray(image), (left + (cell_width - width) // 2, top + (cell_height - height) // 2))
        if captions is not None:
            text = _shorten(captions[index], font, cell_width)
            draw.text((left + cell_width / 2, top + cell_height + 2), text, fill=(0, 0, 0), font=font, anchor="ma")
    return np.asarray(sheet)


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Writes a uint8 array [H, W, 3] or [H, W] in the format of the suffix (.png, .jpg); no file is left on failure."""
    path = Path(path)
    formats = Image.registered_extensions()
    if path.suffix.lower() not in formats:
        raise ValueError(f"{path}: no image format has this suffix; use .png or .jpg")
    data = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(data, formats[path.suffix.lower()], quality=92)
    write_bytes(path, data.getvalue())


def _font(size: int) -> ImageFont.FreeTypeFont:
    # File names may hold accented letters, which Matplotlib's font has and Pillow's own font lacks.
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Text, with dots in place of its middle if it is wider than `width` pixels."""
    short, kept = text, len(text)
    while kept > 2 and font.getlength(short) > width:
        kept -= 1
        short = text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]
    return short
