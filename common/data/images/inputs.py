"""The images that a command line names."""

import glob
from collections.abc import Sequence
from pathlib import Path

from common.data.images.source import EXTENSIONS
from common.errors import InputError


def find_images(inputs: Sequence[str]) -> list[str]:
    """The image files that files, folders (searched through) and globs name, each once, in order.

    Raises:
      InputError: no input, one that names nothing, or a folder without images.
    """
    if not inputs:
        raise InputError("field inputs: empty; name images, folders or globs")
    found: dict[str, None] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_dir():
            some = sorted(str(p) for p in path.rglob("*") if _is_image(p))
        else:
            some = [entry] if path.is_file() else sorted(glob.glob(entry, recursive=True))
        if not some:
            raise InputError(f"{entry}: names no image; give a file, a folder of images or a glob in quotes")
        found |= dict.fromkeys(some)
    return list(found)


def _is_image(path: Path) -> bool:
    """Hidden files (`._a.jpg`) are no images, whatever their extension."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
