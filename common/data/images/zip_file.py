"""Source of images from a zip file in the format of StyleGAN2: images in folders, and labels in `dataset.json`."""

from pathlib import Path

from common.archive import Archive
from common.data.images.find import image_names
from common.data.images.labels import from_json
from common.data.images.source import ImageSource
from common.errors import InputError, Unreadable

MAX_IMAGE_BYTES = 256 << 20
"""Limit of an entry's size. No image is larger, but a small malicious archive can announce terabytes."""


class ImageZip(ImageSource):
    """Source of the images in a zip file, sorted by name. Nothing is extracted to the disk.

    Args:
      path: path of the archive.
      labelled: True if labels are required, False if they are not wanted, None to take labels if there are any.

    Raises:
      InputError: the archive, the name or size of an entry, or a label is wrong; names it and the remedy. Only reading
        and decoding notice an entry that is damaged or not an image.
    """

    def __init__(self, path: str | Path, labelled: bool | None = False):
        self.path = Path(path)
        try:
            # Entries are read one at a time, so only each of them has a limit: FFHQ has hundreds of gigabytes.
            limit = MAX_IMAGE_BYTES
            self._archive = Archive(path, stored=False, max_ratio=None, max_bytes=None, max_entry_bytes=limit)
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
