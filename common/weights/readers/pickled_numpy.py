"""NumPy's arrays, scalars and dtypes in a pickle, for numbers only and without NumPy's own unpickling."""

import math
import re
from typing import Any

import numpy as np

from common.errors import damaged, refused
from common.weights.readers.inert import Inert, constructors, latin1


class Dtype(Inert):
    """`numpy.dtype('f4', False, True)`; the state's second entry is the byte order."""

    def __init__(self, code: Any, *_: Any):
        if type(code) is not str or not re.fullmatch(r"b1|[iu][1248]|f[248]|c(8|16)", code):
            raise refused(f"holds an array of NumPy type {code!r}", "save numbers only")
        self.code, self.order = code, "<"

    def build(self, state: Any) -> None:
        if state[1] not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise refused("holds a structured NumPy array", "save numbers only")
        self.order = state[1]

    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)

    def value(self) -> str:
        return self.code


class Array(Inert):
    """`_reconstruct(ndarray, (0,), b'b')`; the state is (version, shape, dtype, Fortran order, bytes)."""

    def __init__(self, *_: Any):
        self.array = np.zeros(0)

    def build(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self.array = decode(dtype, data, shape, "F" if fortran else "C")

    def value(self) -> np.ndarray:
        return self.array


def decode(dtype: Any, data: Any, shape: tuple[int, ...] = (), order: str = "C") -> np.ndarray:
    """The array of raw bytes (text in old protocols), read-only; with shape () it is `numpy.core.multiarray.scalar`."""
    data = latin1(data, "latin1") if type(data) is str else data
    if type(dtype) is not Dtype or type(data) not in (bytes, bytearray):
        raise damaged("a NumPy array without its bytes")
    if any(type(n) is not int or not 0 <= n < 1 << 31 for n in shape):
        raise damaged(f"a NumPy array of shape {list(shape)}")
    if math.prod(shape) * dtype.dtype().itemsize != len(data):
        raise damaged(f"a NumPy array of shape {list(shape)} with {len(data)} bytes")
    array = np.frombuffer(bytes(data), dtype.dtype()).reshape(shape, order="F" if order == "F" else "C")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """`_frombuffer`, which protocol 5 writes."""
    return decode(dtype, data, shape, order)


_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
NAMES = constructors(
    {("numpy", "dtype"): Dtype}
    | {(core, "_reconstruct"): Array for core in _CORES}
    | {(core, "scalar"): decode for core in _CORES}
    | {(core, "_frombuffer"): from_buffer for core in ("numpy.core.numeric", "numpy._core.numeric")}
) | {("numpy", "ndarray"): "numpy.ndarray"}
