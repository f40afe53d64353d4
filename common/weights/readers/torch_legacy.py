"""Files of `torch.save` before PyTorch 1.6 and of its `_use_new_zipfile_serialization=False`.

In a row: pickles of a magic number, the version, the writer's byte order, the object and the keys of its storages; then
for each key the number of elements as int64 and the elements.
"""

import io
from typing import Any

from common.weights.readers import safe_pickle
from common.weights.readers.inert import PLAIN_NAMES, plain
from common.weights.readers.torch_tensors import STORAGE_NAMES, TENSOR_NAMES, Storage, storage_id
from common.weights.readers.unreadable import Unreadable, damaged

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


def is_legacy(data: bytes) -> bool:
    """Whether `data` starts with the pickle of the magic number: protocol 2, LONG1 of 10 bytes, STOP."""
    return data.startswith(b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little") + b".")


def read(data: bytes) -> Any:
    """What was saved, as arrays and plain dicts. Raises `Unreadable`."""
    return plain(_load(data, TENSOR_NAMES))


def storage_from_bytes(data: Any) -> Storage:
    """`torch.storage._load_from_bytes`: a storage inside a pickle is a whole file of this format again."""
    if type(data) is not bytes or not is_legacy(data):
        raise damaged("a storage in an unknown format")
    storage = _load(data, PLAIN_NAMES | STORAGE_NAMES)  # nothing in it can be such bytes once more
    if type(storage) is not Storage:
        raise damaged("bytes of a storage hold something else")
    return storage


def _load(data: bytes, names: safe_pickle.Names) -> Any:
    file = io.BytesIO(data)
    magic, version, system = (safe_pickle.load(file, PLAIN_NAMES) for _ in range(3))
    if type(system) is not dict or (magic, version) != (MAGIC, VERSION):
        raise Unreadable("of an unknown version of PyTorch's format; save it again by a current one")
    if system.get("little_endian") is not True:
        raise Unreadable("written by a big-endian machine; save it again by a little-endian one")
    places: dict[str, tuple[int, int]] = {}  # key -> where its elements start and end, known at the very end
    storages: dict[str, Storage] = {}

    def storage(identity: Any) -> Storage:
        dtype, key, count = storage_id(identity)
        if key not in storages:
            storages[key] = Storage(dtype, count, lambda: memoryview(data)[slice(*places[key])])
        if (storages[key].dtype, storages[key].count) != (dtype, count):
            raise damaged(f"storage {key} has two types or sizes")
        return storages[key]

    value = safe_pickle.load(file, names, storage)
    keys = safe_pickle.load(file, PLAIN_NAMES)
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(storages):
        raise damaged("the storages are not those that the arrays need")
    position = file.tell()
    for key in keys:
        start, end = position + 8, position + 8 + storages[key].count * storages[key].dtype.itemsize
        count = int.from_bytes(data[position:start], "little", signed=True)
        if count != storages[key].count or end > len(data):
            raise damaged(f"storage {key} is cut short" if end > len(data) else f"storage {key} has {count} elements")
        places[key], position = (start, end), end
    if position != len(data):
        raise damaged(f"{len(data) - position} bytes too many")
    return value
