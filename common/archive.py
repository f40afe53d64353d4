"""Reader of zip archives from strangers. It verifies check sums and never extracts an entry to the disk."""

import lzma
import struct
import threading
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from common.errors import Unreadable, damaged, refused

_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, OSError)


class Archive:
    """Entries of a zip file by name; a context manager that closes the file.

    Several threads may read at once. A pickled archive opens its file again when it is unpickled.
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
        """Opens the file and checks its list of entries. Folders among the entries are left out.

        Args:
          path: the file.
          stored: whether compressed entries are refused; PyTorch compresses nothing.
          max_ratio: largest total size of the entries, divided by the size of the file; 1 is used if `stored`.
            Compression removes a tenth of random floats and half of repeated floats; a bomb unpacks to 1000 times its
            size.
          max_bytes: largest total size of the entries.
          max_entry_bytes: largest size of one entry.

        Raises:
          Unreadable: the file is missing or damaged; a name leads out of the archive or appears twice; an entry is
            encrypted; or the data exceed a limit.
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
        except _ERRORS as error:
            raise damaged(f"broken zip archive: {error}") from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            name = entry.orig_filename
            if name.startswith("/") or "\\" in name or "\0" in name or ".." in PurePosixPath(name).parts:
                raise refused(f"has an entry named {name!r}, which leads out of the archive")
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
        # Entries may overlap in the file, so even uncompressed entries can announce more bytes than the file has.
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
        """Closes the file; no entry can be read afterwards."""
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Names of the entries, in the order in which the archive lists them."""
        return list(self._entries)

    def read(self, name: str) -> bytes:
        """Bytes of an entry: exactly as many as the archive announces, with their check sum verified.

        Raises:
          Unreadable: there is no such entry, or it is damaged.
        """
        if name not in self._entries:
            raise damaged(f"no entry {name!r}")
        try:
            with self._lock:
                data = self._zip.read(self._entries[name])
        except _ERRORS as error:
            raise damaged(f"{name!r}: {error}") from error
        if len(data) != self._entries[name].file_size:
            raise damaged(f"{name!r} is cut short")
        return data


def _open(path: Path, arguments: dict[str, Any]) -> Archive:
    return Archive(path, **arguments)
