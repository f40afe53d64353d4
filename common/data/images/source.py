"""Images without landmarks: what folders, zip files and prepared data sets look like to the pipeline."""

import abc
import warnings
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TypedDict

import numpy as np

from common.data import decode as images
from common.data.images.labels import Labels
from common.errors import InputError

EXTENSIONS = frozenset(
    ".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split()
)
"""By these a file counts as an image; whether it is one shows when it is decoded."""


class ImageRecord(TypedDict):
    """One image, still encoded: who needs pixels decodes it (`images.decode`)."""

    image: bytes
    file: str
    label: np.ndarray
    """float32 [c]; c is 0 without labels."""


class ImageSource(abc.ABC):
    """A sequence of images; names and labels are at hand without reading one."""

    files: Sequence[str]
    labels: Labels

    @abc.abstractmethod
    def read(self, row: int) -> bytes:
        """The encoded image of a row. Safe to call from many threads; `InputError` where it cannot be read."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> ImageRecord:
        file = self.files[row]  # raises IndexError beyond the end, which ends an iteration
        return ImageRecord(image=self.read(row), file=file, label=self.labels[row])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels (3) of the first image, upright and decoded; others may have another size."""
        return images.decode(self.read(0), self.files[0]).shape


class Subset(ImageSource):
    """Some rows of a source, in the order given; nothing is read or copied but names and labels."""

    def __init__(self, source: ImageSource, rows: np.ndarray):
        self._source, self._rows = source, rows
        self.files = [source.files[row] for row in rows]
        self.labels = source.labels.take(rows)

    def read(self, row: int) -> bytes:
        return self._source.read(int(self._rows[row]))


def subset(source: ImageSource, n: int, seed: int) -> Subset:
    """`n` images drawn at random without replacement by `seed`, in the source's order: FFHQ-1k is 1000 of FFHQ.

    The draw is that of StyleGAN2-ADA for the same order of names: a shuffle by NumPy's legacy generator, cut and then
    sorted. With one seed, a smaller draw is part of a larger one; a draw of everything is the source.

    Args:
      source: what to draw from.
      n: how many images.
      seed: 0 to 2**32 - 1.

    Raises:
      InputError: unless 1 <= n <= len(source).
    """
    if not 1 <= n <= len(source):
        raise InputError(f"{n} images asked for, but there are {len(source)}; give a number from 1 to {len(source)}")
    rows = np.arange(len(source))
    np.random.RandomState(seed).shuffle(rows)
    return Subset(source, np.sort(rows[:n]))


def image_names(names: Iterable[str], place: str) -> list[str]:
    """The names of images among those of files, sorted; a warning counts the others, `dataset.json` aside.

    Hidden files (`.DS_Store`, `._a.jpg`) are no images, whatever their extension. `InputError` where none is left.
    """
    found, others = [], []
    for name in sorted(names):
        path = PurePosixPath(name)
        is_image = path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
        (found if is_image else others).append(name)
    others = [name for name in others if name != "dataset.json"]
    if not found:
        raise InputError(f"{place}: holds no image by its extension (.png, .jpg, ...); check the path")
    if others:
        warnings.warn(
            f'{place}: "{others[0]}" is no image by its name; {len(others)} such files are left out', stacklevel=3
        )
    return found
