"""Files of `torch.save` in its two formats.

Since PyTorch 1.6 a file is a zip archive with a pickle, `data.pkl`, and an entry per storage, `data/0`, `data/1`, ...

The legacy format (before 1.6, or `_use_new_zipfile_serialization=False`) is a sequence of pickles: a magic number, the
version, the writer's byte order, the object, and the keys of its storages. They are followed, per key, by the number of
elements as int64 and the elements.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.archive import Archive
from common.errors import Unreadable, damaged
from common.weights.readers import safe_pickle
from common.weights.readers.inert import PLAIN_NAMES, plain
from common.weights.readers.torch_tensors import STORAGE_NAMES, TENSOR_NAMES, Storage, storage_id

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
BIG_ENDIAN = "written on a big-endian machine; save it again on a little-endian one"


def read_zip(path: Path) -> Any:
    """The saved object as arrays and plain dicts; storages that no array needs are not read.

    Raises:
      Unreadable: the file is damaged or refused.
    """
    with Archive(path, stored=True) as archive:
        names = archive.names
        roots = [name.removesuffix("data.pkl") for name in names if name.split("/")[-1] == "data.pkl"]
        if len(roots) != 1:
            raise damaged(f"{len(roots)} entries data.pkl instead of one")
        root = roots[0]
        if f"{root}constants.pkl" in names:
            raise Unreadable("a TorchScript program, not a table of arrays; take the network's state dict instead")
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise Unreadable(BIG_ENDIAN)
        storages = Storages(lambda key: archive.read(f"{root}data/{key}"))
        return plain(safe_pickle.load(io.BytesIO(archive.read(f"{root}data.pkl")), TENSOR_NAMES, storages.find))


def is_legacy(data: bytes) -> bool:
    """Whether `data` starts with the pickle of the magic number: protocol 2, LONG1 of 10 bytes, STOP."""
    return data.startswith(b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b".")


def read_legacy(data: bytes) -> Any:
    """The saved object as arrays and plain dicts. Raises `Unreadable`."""
    return plain(_load(data, TENSOR_NAMES))


def storage_from_bytes(data: Any) -> Storage:
    """`torch.storage._load_from_bytes`: a storage inside a pickle is itself a whole file of the legacy format."""
    if type(data) is not bytes or not is_legacy(data):
        raise damaged("a storage in an unknown format")
    storage = _load(data, PLAIN_NAMES | STORAGE_NAMES)  # it cannot hold such bytes again
    if type(storage) is not Storage:
        raise damaged("bytes of a storage hold something else")
    return storage


class Storages:
    """The storages of one file by key; `fetch` returns the bytes of a key when they are first needed."""

    def __init__(self, fetch: Callable[[str], bytes | memoryview]):
        self.by_key: dict[str, Storage] = {}
        self._fetch = fetch

    def find(self, identity: Any) -> Storage:
        """The storage of a persistent id, one object per key."""
        dtype, key, count = storage_id(identity)
        if key not in self.by_key:
            self.by_key[key] = Storage(dtype, count, lambda: self._fetch(key))
        storage = self.by_key[key]
        if (storage.dtype, storage.count) != (dtype, count):
            raise damaged(f"storage {key} has two types or sizes")
        return storage


def _load(data: bytes, names: safe_pickle.Names) -> Any:
    file = io.BytesIO(data)
    magic, version, system = (safe_pickle.load(file, PLAIN_NAMES) for _ in range(3))
    if type(system) is not dict or (magic, version) != (MAGIC, VERSION):
        raise Unreadable("of an unknown version of PyTorch's format; save it again by a current one")
    if system.get("little_endian") is not True:
        raise Unreadable(BIG_ENDIAN)
    places: dict[str, slice] = {}  # bytes of each key's elements, known after the last pickle
    storages = Storages(lambda key: memoryview(data)[places[key]])
    value = safe_pickle.load(file, names, storages.find)
    keys = safe_pickle.load(file, PLAIN_NAMES)
    found = storages.by_key
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(found):
        raise damaged("the arrays need other storages")
    position = file.tell()
    for key in keys:
        start, end = position + 8, position + 8 + found[key].count * found[key].dtype.itemsize
        count = int.from_bytes(data[position:start], "little", signed=True)
        if count != found[key].count or end > len(data):
            raise damaged(f"storage {key} is cut short" if end > len(data) else f"storage {key} has {count} elements")
        places[key], position = slice(start, end), end
    if position != len(data):
        raise damaged(f"{len(data) - position} bytes too many")
    return value
