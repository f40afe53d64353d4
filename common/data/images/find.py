"""Search for images on the disk: in a folder, by a command line, or by a table.

Hidden files (`.DS_Store`, `._a.jpg`) do not count as images. Names are relative to a folder and sorted as text.
"""

import glob
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from common.errors import InputError, nearest

SUFFIXES = tuple(".jpg .png .jpeg .bmp .webp .tif .tiff .gif .ppm .pgm .avif .jfif .jp2 .jpe .pbm .pnm .tga".split())
"""Suffixes of image files, the usual ones first. Only decoding shows whether a file really is an image."""


def is_image(name: str) -> bool:
    """Whether a file with this name counts as an image."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def image_names(names: Iterable[str], place: str) -> list[str]:
    """Sorted names of the images among names of files. A warning counts the other files except `dataset.json`.

    Raises:
      InputError: there is no image; the message names `place`.
    """
    names = sorted(names)
    found = [name for name in names if is_image(name)]
    if not found:
        raise InputError(f"{place}: holds no file with the suffix of an image (.png, .jpg, ...); check the path")
    others = [name for name in names if not is_image(name) and name != "dataset.json"]
    if others:
        warnings.warn(
            f'{place}: "{others[0]}" has no name of an image; {len(others)} such files are left out', stacklevel=3
        )
    return found


def list_files(root: Path) -> list[str]:
    """Sorted names of all files in a folder and its subfolders, including linked folders.

    Raises:
      InputError: a folder may not be listed, or a link makes a folder part of itself.
    """

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error

    names, seen = [], set()
    for folder, _, found in os.walk(root, onerror=fail, followlinks=True):
        if os.path.realpath(folder) in seen:
            raise InputError(f"{folder}: this folder has another name here already; remove the link")
        seen.add(os.path.realpath(folder))
        names += [(Path(folder) / name).relative_to(root).as_posix() for name in found]
    return sorted(names)


def list_images(root: Path) -> list[str]:
    """Names of the images in a folder and its subfolders. Warnings and errors as `image_names` and `list_files`."""
    return image_names(list_files(root), str(root))


def find_images(inputs: Sequence[str]) -> list[str]:
    """Paths of the images in files, folders (with subfolders) and globs, each once, in the order of `inputs`.

    Raises:
      InputError: there is no input, or an input names no image.
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
    """Path of an existing folder; raises `InputError` if there is no such folder."""
    if not Path(root).is_dir():
        raise InputError(f"{root}: no such folder; name the folder that holds the images")
    return Path(root)


def check_files(root: Path, files: Sequence[str], places: Sequence[str]) -> None:
    """Raises `InputError` that names the first row without its image and counts the others.

    Args:
      root: folder that the files are relative to.
      files: image of each row.
      places: place of each row in its file, for the message.
    """
    missing = {file: place for file, place in zip(files, places, strict=True) if not (root / file).is_file()}
    for file, place in missing.items():
        folder = (root / file).parent
        near = nearest(Path(file).name, os.listdir(folder)) if folder.is_dir() else f" (there is no folder {folder})"
        more = f", like {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(f'{place}: there is no image "{file}" under {root}{more}{near}; add it or remove the row')
