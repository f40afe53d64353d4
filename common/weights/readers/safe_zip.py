"""Zip archives as checkpoints use them: read entry by entry in memory, check sums verified, nothing ever extracted."""

import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from common.weights.readers.unreadable import damaged, refused

MAX_RATIO = 20  # of floats deflate removes a tenth, of floats that repeat a half; a bomb has 1000
MAX_BYTES = 64 << 30
ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)


class Archive:
    """The entries of a zip file by name, after its directory has been checked as a whole; a context that closes it."""

    def __init__(self, path: Path, *, stored: bool):
        """
        Args:
          stored: entries must lie there uncompressed, as PyTorch writes them.

        Raises:
          Unreadable: damaged, names that leave the archive or come twice, or more data than the file can mean.
        """
        try:
            self._zip = zipfile.ZipFile(path)
        except ERRORS as error:
            raise damaged(f"broken zip archive: {error}") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            name = entry.orig_filename
            if name.startswith("/") or "\\" in name or "\0" in name or ".." in PurePosixPath(name).parts:
                raise refused(f"has an entry named {name!r}, a path out of the archive")
            if name in self._entries:
                raise refused(f"has two entries named {name!r}")
            if stored and entry.compress_type != zipfile.ZIP_STORED:
                raise refused(
                    f"compresses {name!r}, which torch.save does not", "unpack and pack it without compression"
                )
            self._entries[name] = entry
        self._check_total(path.stat().st_size, stored)

    def _check_total(self, size: int, stored: bool) -> None:
        # Entries may overlap in the file, so uncompressed ones, too, can announce more than there is.
        total = sum(entry.file_size for entry in self._entries.values())
        if total > min(size * (1 if stored else MAX_RATIO), MAX_BYTES):
            raise refused(f"unpacks {size} bytes to {total}")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: Any) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """The bytes of an entry, never more than its directory announced, with their check sum verified."""
        if name not in self._entries:
            raise damaged(f"no entry {name!r}")
        try:
            data = self._zip.read(self._entries[name])
        except ERRORS as error:
            raise damaged(f"{name!r}: {error}") from error
        if len(data) != self._entries[name].file_size:
            raise damaged(f"{name!r} is cut short")
        return data
