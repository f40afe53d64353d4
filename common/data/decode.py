"""Decoder of images of any mode to uint8 RGB, with one clear error for an image that cannot be decoded.

Annotations refer to the upright picture: the rotation in a file's EXIF data is applied before anything else, as viewers
and annotation tools do.
"""

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from common.errors import InputError

MAX_PIXELS = 100_000_000
"""Largest image that is decoded. A small malicious file can announce an image that exhausts the memory."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def decode(data: bytes, file: str) -> np.ndarray:
    """Decodes an image file of any format and mode that Pillow reads.

    Grey, palette, bilevel and CMYK become RGB; transparency is composited over black; 16 bits are scaled to 8; the EXIF
    rotation is applied; an animation gives its first frame.

    Args:
      data: content of the file.
      file: name of the file, for the error message.

    Returns:
      uint8 [H, W, 3], read-only.

    Raises:
      InputError: the file is empty, not an image, truncated, damaged or too large; names it.
    """
    image = _open(data, file)
    try:
        image.load()
        image = _to_rgb(_turn_upright(image), file)
    except InputError:
        raise
    except Exception as error:  # plugins let errors of their parsers through: OSError, SyntaxError, struct.error, ...
        raise InputError(f"{file}: truncated or damaged image ({error}); copy it again or leave it out") from error
    return np.asarray(image)


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height after the EXIF rotation, from the header alone. Raises `InputError` as `decode`."""
    try:
        with open(path, "rb") as stream:
            image = _open(stream, str(path))
            width, height = image.size
            return (height, width) if _orientation(image, header_only=True) >= 5 else (width, height)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error


def _open(source: bytes | BinaryIO, file: str) -> Image.Image:
    """Image whose header is read. Raises `InputError` if the file is empty, too large or not an image."""
    if source == b"":
        raise InputError(f"{file}: the file has zero bytes; copy it again or leave it out")
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f"{file}: {_too_large()}") from error
    except Exception as error:  # as in `decode`
        if not isinstance(source, bytes) and source.seek(0, io.SEEK_END) == 0:
            raise InputError(f"{file}: the file has zero bytes; copy it again or leave it out") from error
        raise InputError(
            f"{file}: not an image that Pillow can read; convert it to JPEG or PNG, or leave it out"
        ) from error
    if width * height > MAX_PIXELS:
        raise InputError(f"{file}: {width} x {height} px: {_too_large()}")
    return image


def _too_large() -> str:
    return f"larger than {MAX_PIXELS // 1_000_000} megapixels, refused; scale the image and its landmarks down"


def _orientation(image: Image.Image, header_only: bool = False) -> int:
    """EXIF orientation, 1 to 8. An image with unreadable EXIF data counts as upright, because its pixels are intact."""
    # Pillow would decode the whole PNG to look for EXIF data behind the pixels.
    if header_only and image.format == "PNG" and "exif" not in image.info:
        return 1
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _turn_upright(image: Image.Image) -> Image.Image:
    orientation = _orientation(image)
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def _to_rgb(image: Image.Image, file: str) -> Image.Image:
    if image.mode in _SIXTEEN_BIT:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise InputError(f"{file}: more than 16 bits per pixel; convert it to an 8-bit image")
        image = Image.fromarray(((values + 128) // 257).astype(np.uint8))  # 65535 = 255 * 257
    if image.mode == "F":
        raise InputError(f"{file}: floating-point pixels have no agreed range; convert it to an 8-bit image")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.mode == "La":  # premultiplied, which converts to LA only
            image = image.convert("LA")
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
