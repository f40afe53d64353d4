"""PyTorch's tensors in a pickle: views of flat storages, rebuilt as read-only NumPy views with all bounds checked."""

import functools
import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from common.errors import damaged, refused
from common.weights.readers import pickled_numpy
from common.weights.readers.inert import PLAIN_NAMES, Inert, constructors

# A persistent id holds the class of its storage, which stands for the dtype of the elements.
STORAGES = {
    "FloatStorage": np.dtype(np.float32),
    "DoubleStorage": np.dtype(np.float64),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")


class Storage(Inert):
    """A flat array of `count` elements, whose bytes are fetched when a tensor first needs them."""

    def __init__(self, dtype: np.dtype, count: int, fetch: Callable[[], bytes | memoryview]):
        self.dtype, self.count, self.fetch = dtype, count, fetch

    @functools.cached_property
    def array(self) -> np.ndarray:
        """Elements [count], read-only; tensors with the same storage share this array."""
        data = self.fetch()
        if len(data) != self.count * self.dtype.itemsize:
            raise damaged(f"a storage of {self.count} {self.dtype} has {len(data)} bytes")
        if self.dtype == np.bool_:
            return np.frombuffer(data, np.uint8) != 0  # any other byte would be neither True nor False
        return np.frombuffer(data, self.dtype)

    def value(self) -> np.ndarray:
        return self.array


class Tensor(Inert):
    """A view of a storage: element (i, j, ...) is element offset + i stride[0] + j stride[1] + ... of the storage."""

    def __init__(self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...]):
        numbers = (offset, *size, *stride)
        if type(storage) is not Storage or any(type(n) is not int or not 0 <= n < 1 << 62 for n in numbers):
            raise damaged(f"a tensor of size {list(size)} and stride {list(stride)} at {offset}")
        # Elements may not be repeated by strides of 0, or a small file could hold an array of any size.
        count = math.prod(size)
        sane = len(size) <= 32 and math.prod(n or 1 for n in size) < 1 << 48  # NumPy's own limits are wider
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if not sane or count > storage.count or (count and last >= storage.count) or offset > storage.count:
            raise damaged(f"a tensor of size {list(size)} in a storage of {storage.count} elements")
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def value(self) -> np.ndarray:
        array = self.storage.array[self.offset :]
        steps = [step * array.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(array, self.size, steps, writeable=False)


def rebuild(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """`_rebuild_tensor` and `_rebuild_tensor_v2`; flags of gradients, hooks and metadata are dropped."""
    return Tensor(storage, offset, tuple(size), tuple(stride))


def parameter(data: Any, *_: Any) -> Any:
    """`_rebuild_parameter`: a parameter is its tensor."""
    if type(data) is not Tensor:
        raise damaged("a parameter without a tensor")
    return data


def storage_id(identity: Any) -> tuple[np.dtype, str, int]:
    """Dtype, key and number of elements in a storage's persistent id ('storage', class, key, device, count[, view])."""
    kind, dtype, key, _, count, *view = identity
    if kind != "storage" or not isinstance(dtype, np.dtype) or type(key) is not str or type(count) is not int:
        raise damaged("an unknown kind of persistent id")
    if any(part is not None for part in view):
        raise refused("holds a storage that is a view of another, as PyTorch before 0.4 wrote", "save it again")
    return dtype, key, count


STORAGE_NAMES = {("torch", name): dtype for name, dtype in STORAGES.items()} | {
    ("torch.storage", "UntypedStorage"): np.dtype(np.uint8)
}
TENSOR_NAMES = (
    PLAIN_NAMES
    | pickled_numpy.NAMES
    | STORAGE_NAMES
    | {("torch", name): f"torch.{name}" for name in DTYPES}
    | constructors(
        {
            ("torch._utils", "_rebuild_tensor"): rebuild,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            ("torch._utils", "_rebuild_parameter"): parameter,
            ("torch", "Size"): tuple,
            ("torch", "device"): lambda *parts: ":".join(str(part) for part in parts),
        }
    )
)
