"""Images on the disk: which files are images, all of a folder, those that a command line or a table names.

Hidden files (`.DS_Store`, `._a.jpg`) are no images, whatever their suffix.
Names are relative to a folder and sorted as text.
"""

import glob
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from common.errors import InputError, nearest

SUFFIXES = frozenset(
    ".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split()
)
"""Suffixes by which a file counts as an image; whether it is one shows when it is decoded."""


def is_image(name: str) -> bool:
    """Whether a file of this name counts as an image."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def image_names(names: Iterable[str], place: str) -> list[str]:
    """The names of images among those of files, sorted. A warning counts the others, except for `dataset.json`.

    Raises:
      InputError: none is an image; names the `place`.
    """
    names = sorted(names)
    found = [name for name in names if is_image(name)]
    if not found:
        raise InputError(f"{place}: holds no image by its suffix (.png, .jpg, ...); check the path")
    others = [name for name in names if not is_image(name) and name != "dataset.json"]
    if others:
        warnings.warn(
            f'{place}: "{others[0]}" is no image by its name; {len(others)} such files are left out', stacklevel=3
        )
    return found


def list_files(root: Path) -> list[str]:
    """Names of all files in a folder and below, sorted. Linked folders are followed.

    Raises:
      InputError: a folder that may not be listed, or that a link makes part of itself.
    """

    def fail(error: OSError):
        raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error

    names, seen = [], set()
    for folder, _, found in os.walk(root, onerror=fail, followlinks=True):
        if os.path.realpath(folder) in seen:
            raise InputError(f"{folder}: a folder that was read already under another name; remove the link")
        seen.add(os.path.realpath(folder))
        names += [(Path(folder) / name).relative_to(root).as_posix() for name in found]
    return sorted(names)


def list_images(root: Path) -> list[str]:
    """Names of the images in a folder and below. Warnings and errors as `image_names` and `list_files`."""
    return image_names(list_files(root), str(root))


def find_images(inputs: Sequence[str]) -> list[str]:
    """Paths of the images that files, folders (searched through) and globs name, each once, in the order of `inputs`.

    Raises:
      InputError: no input, one that names nothing, or a folder without images.
    """
    if not inputs:
        raise InputError("field inputs: empty; name images, folders or globs")
    found: dict[str, None] = {}
    for entry in inputs:
        path = Path(entry)
        if path.is_dir():
            some = [str(path / name) for name in list_files(path) if is_image(name)]
        else:
            some = [entry] if path.is_file() else sorted(glob.glob(entry, recursive=True))
        if not some:
            raise InputError(f"{entry}: names no image; give a file, a folder of images or a glob in quotes")
        found |= dict.fromkeys(some)
    return list(found)


def check_folder(root: str | Path) -> Path:
    """The folder itself; raises `InputError` where there is none."""
    if not Path(root).is_dir():
        raise InputError(f"{root}: no such folder; give the folder that holds the images")
    return Path(root)


def check_files(root: Path, files: Sequence[str], places: Sequence[str]) -> None:
    """Raises `InputError` for the first row whose image is missing and counts the others.

    Args:
      root: folder that the files are relative to.
      files: an image per row.
      places: where each row stands, for the message.
    """
    missing = {file: place for file, place in zip(files, places, strict=True) if not (root / file).is_file()}
    for file, place in missing.items():
        folder = (root / file).parent
        near = nearest(Path(file).name, os.listdir(folder)) if folder.is_dir() else f" (there is no folder {folder})"
        more = f", like {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f'{place}: there is no image "{file}" under {root}{more}{near}; add it or remove the row')
