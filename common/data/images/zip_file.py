"""A zip file of images in the format of StyleGAN2: images in folders, and `dataset.json` with their labels."""

from pathlib import Path

from common.archive import Archive
from common.data.images.find import image_names
from common.data.images.labels import from_json
from common.data.images.source import ImageSource
from common.errors import InputError, Unreadable

MAX_IMAGE_BYTES = 256 << 20
"""Larger entries are refused: no image here is that large, and a small archive can announce terabytes."""


class ImageZip(ImageSource):
    """The images of a zip file, sorted by name. Nothing is extracted.

    Args:
      path: the archive.
      labelled: True where labels must be there, False where they are not wanted, None to take what there is.

    Raises:
      InputError: the archive, the name or size of an entry, or a label is wrong; names it and the remedy. A damaged
        entry, or one that is no image, is noticed only when it is read and decoded.
    """

    def __init__(self, path: str | Path, labelled: bool | None = False):
        self.path = Path(path)
        try:
            # Entries are read one at a time: each has a limit, but their sum, hundreds of gigabytes for FFHQ, has none.
            limits = {"max_ratio": None, "max_bytes": None, "max_entry_bytes": MAX_IMAGE_BYTES}
            self._archive = Archive(self.path, stored=False, **limits)
        except Unreadable as error:
            raise InputError(f"{path}: {error}") from error
        names = self._archive.names
        self.files = image_names(names, str(path))
        described = self._read("dataset.json") if "dataset.json" in names else None
        self.labels = from_json(described, f"{path}, dataset.json", self.files, labelled)

    def read(self, row: int) -> bytes:
        return self._read(self.files[row])

    def _read(self, name: str) -> bytes:
        try:
            return self._archive.read(name)
        except Unreadable as error:
            raise InputError(f"{self.path}: {error}") from error
