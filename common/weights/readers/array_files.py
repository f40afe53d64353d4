"""Files that hold only arrays by name: safetensors and NumPy's npz."""

import io
import math
from pathlib import Path

import ml_dtypes
import numpy as np
import safetensors

from common.archive import Archive
from common.errors import damaged, refused

DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def read_safetensors(data: bytes) -> dict[str, np.ndarray]:
    """Arrays by name, read-only. Raises `Unreadable`."""
    try:
        entries = safetensors.deserialize(data)
    except safetensors.SafetensorError as error:
        raise damaged(f"not a whole safetensors file: {error}") from error
    arrays = {}
    for name, entry in entries:
        if entry["dtype"] not in DTYPES:
            raise refused(f"holds {name} as {entry['dtype']}", f"save it as one of {', '.join(DTYPES)}")
        arrays[name] = np.frombuffer(entry["data"], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name, read-only; arrays of objects, which are pickles, are refused. Raises `Unreadable`."""
    with Archive(path, stored=False) as archive:
        return {name.removesuffix(".npy"): _npy(name, archive.read(name)) for name in archive.names}


def _npy(name: str, data: bytes) -> np.ndarray:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(file)
    except ValueError as error:
        raise damaged(f"{name}: {error}") from error
    if dtype.kind not in "biufc":
        raise refused(f"holds {name} as {dtype}", "save numbers only")
    if math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise damaged(f"{name} of shape {list(shape)} has {len(data) - file.tell()} bytes")
    return np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
