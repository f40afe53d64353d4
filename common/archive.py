"""Zip archives from strangers: read entry by entry in memory, with check sums verified and nothing ever extracted."""

import lzma
import struct
import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from common.errors import Unreadable, damaged, refused

ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, OSError)


class Archive:
    """The entries of a zip file by name, after its directory has been checked as a whole; a context that closes it.

    Several threads may read at once. A pickled archive is opened again where it is unpickled.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        stored: bool,
        max_ratio: float | None = 20,
        max_bytes: int | None = 64 << 30,
        max_entry_bytes: int | None = None,
    ):
        """Opens the file and checks its directory. Directories among the entries are left out.

        Args:
          path: the file.
          stored: whether compressed entries are refused; PyTorch compresses nothing.
          max_ratio: largest size of all entries over the size of the file, if entries may be compressed. Compression
            removes a tenth of random floats and half of floats that repeat; a bomb unpacks to 1000 times its size.
          max_bytes: largest size of all entries together.
          max_entry_bytes: largest size of an entry.

        Raises:
          Unreadable: the file is missing or damaged; a name leaves the archive or comes twice; an entry is encrypted;
            or there is more data than the limits allow.
        """
        self._arguments = {
            "stored": stored,
            "max_ratio": max_ratio,
            "max_bytes": max_bytes,
            "max_entry_bytes": max_entry_bytes,
        }
        self._path, self._lock = Path(path), threading.Lock()
        try:
            self._zip = zipfile.ZipFile(self._path)
        except FileNotFoundError as error:
            raise Unreadable("no such file; check the path") from error
        except ERRORS as error:
            raise damaged(f"broken zip archive: {error}") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            name = entry.orig_filename
            if name.startswith("/") or "\\" in name or "\0" in name or ".." in PurePosixPath(name).parts:
                raise refused(f"has an entry named {name!r}, a path out of the archive")
            if name in self._entries:
                raise refused(f"has two entries named {name!r}", "make the archive again with distinct names")
            if entry.flag_bits & 1:
                raise refused(f"has {name!r} encrypted", "make the archive again without a password")
            if stored and entry.compress_type != zipfile.ZIP_STORED:
                raise refused(
                    f"compresses {name!r}, which torch.save does not", "unpack and pack it without compression"
                )
            if max_entry_bytes is not None and entry.file_size > max_entry_bytes:
                raise refused(
                    f"unpacks {name!r} to {entry.file_size / 2**20:.0f} MiB, more than {max_entry_bytes / 2**20:.0f}",
                    "leave it out or make it smaller",
                )
            if not entry.is_dir():
                self._entries[name] = entry
        # Entries may overlap in the file, so uncompressed ones, too, can announce more than there is.
        size, total = self._path.stat().st_size, sum(entry.file_size for entry in self._entries.values())
        ratio = 1 if stored else max_ratio
        limits = [max_bytes, None if ratio is None else size * ratio]
        if any(limit is not None and total > limit for limit in limits):
            raise refused(f"unpacks {size} bytes to {total}")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __reduce__(self):
        return _open, (self._path, self._arguments)  # another process needs a file handle of its own

    def close(self) -> None:
        """Closes the file; entries can no longer be read."""
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Names of the entries, in the order of the archive's directory."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """The bytes of an entry, never more than the directory announced, with their check sum verified.

        Raises:
          Unreadable: there is no such entry, or it is damaged.
        """
        if name not in self._entries:
            raise damaged(f"no entry {name!r}")
        try:
            with self._lock:
                data = self._zip.read(self._entries[name])
        except ERRORS as error:
            raise damaged(f"{name!r}: {error}") from error
        if len(data) != self._entries[name].file_size:
            raise damaged(f"{name!r} is cut short")
        return data


def _open(path: Path, arguments: dict[str, Any]) -> Archive:
    return Archive(path, **arguments)
