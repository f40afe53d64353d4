"""A zip file of images in the format of StyleGAN2: images in folders, and `dataset.json` with their labels."""

import lzma
import struct
import threading
import zipfile
import zlib
from pathlib import Path

from common.data.images.labels import from_json
from common.data.images.source import ImageSource, image_names
from common.errors import InputError

MAX_MEMBER_BYTES = 256 * 2**20
"""Larger members are refused: no image here is that large, and a small archive can announce terabytes."""
_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, OSError)


class ImageZip(ImageSource):
    """The images of a zip file, sorted by name. Nothing is extracted: a name only ever serves to find its member.

    Args:
      path: the archive.
      labelled: True where labels must be there, False where they are not wanted, None to take what there is.

    Raises:
      InputError: the archive, a member's name or size, or a label is wrong; names it and the remedy. Members that are
        damaged, or no images, show when they are read and decoded.
    """

    def __init__(self, path: str | Path, labelled: bool | None = False):
        self.path, self._labelled = Path(path), labelled
        self._lock = threading.Lock()  # zipfile does not promise that threads can read at once
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file; check the path") from error
        except _ERRORS as error:
            raise InputError(f"{path}: not readable as a zip file ({error}); copy or make it again") from error
        self._members = self._checked_members()
        self.files = image_names(self._members, str(path))
        described = self._read("dataset.json") if "dataset.json" in self._members else None
        self.labels = from_json(described, f"{path}, dataset.json", self.files, labelled)

    def __reduce__(self):
        return ImageZip, (self.path, self._labelled)  # a process of its own needs a file handle of its own

    def read(self, row: int) -> bytes:
        return self._read(self.files[row])

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            where = f'{self.path}: member "{member.filename}"'
            if member.is_dir():
                continue
            if member.filename in members:
                raise InputError(f"{where} is there twice; make the archive again with distinct names")
            if member.flag_bits & 1:
                raise InputError(f"{where} is encrypted; make the archive again without a password")
            if member.file_size > MAX_MEMBER_BYTES:
                raise InputError(
                    f"{where} unpacks to {member.file_size / 2**20:.0f} MiB, more than {MAX_MEMBER_BYTES // 2**20}, "
                    "refused; leave it out or scale it down"
                )
            members[member.filename] = member
        return members

    def _read(self, name: str) -> bytes:
        """The bytes of a member: never more than the archive's directory announced, and their check sum verified."""
        try:
            with self._lock:
                data = self._zip.read(self._members[name])
        except _ERRORS as error:
            raise InputError(f'{self.path}: member "{name}" is damaged ({error}); make the archive again') from error
        if len(data) != self._members[name].file_size:
            raise InputError(f'{self.path}: member "{name}" is cut short; make the archive again')
        return data
