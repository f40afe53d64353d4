"""Files of `torch.save` since PyTorch 1.6: a zip archive of a pickle, `data.pkl`, and a file per storage, `data/0`."""

import io
from pathlib import Path
from typing import Any

from common.weights.readers import safe_pickle
from common.weights.readers.inert import plain
from common.weights.readers.safe_zip import Archive
from common.weights.readers.torch_tensors import TENSOR_NAMES, Storage, storage_id
from common.weights.readers.unreadable import Unreadable, damaged


def read(path: Path) -> Any:
    """What was saved, as arrays and plain dicts; storages of arrays that appear nowhere are not read.

    Raises:
      Unreadable: damaged or refused.
    """
    with Archive(path, stored=True) as archive:
        return _read(archive)


def _read(archive: Archive) -> Any:
    roots = [name.removesuffix("data.pkl") for name in archive.names if name.split("/")[-1] == "data.pkl"]
    if len(roots) != 1:
        raise damaged(f"{len(roots)} entries data.pkl instead of one")
    root = roots[0]
    if f"{root}constants.pkl" in archive.names:
        raise Unreadable("a TorchScript program, not a table of arrays; take the network's state dict instead")
    if f"{root}byteorder" in archive.names and archive.read(f"{root}byteorder") != b"little":
        raise Unreadable("written by a big-endian machine; save it again by a little-endian one")
    storages: dict[str, Storage] = {}

    def storage(identity: Any) -> Storage:
        dtype, key, count = storage_id(identity)
        if key not in storages:
            storages[key] = Storage(dtype, count, lambda: archive.read(f"{root}data/{key}"))
        if (storages[key].dtype, storages[key].count) != (dtype, count):
            raise damaged(f"storage {key} has two types or sizes")
        return storages[key]

    return plain(safe_pickle.load(io.BytesIO(archive.read(f"{root}data.pkl")), TENSOR_NAMES, storage))
