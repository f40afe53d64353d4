"""Writes the file formats that `common.weights.read` reads, instruction by instruction, honest or hostile."""

import itertools
import struct
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Name(NamedTuple):
    """`module.name`, looked up by whoever loads the pickle."""

    module: str
    name: str


class Call(NamedTuple):
    """REDUCE: what `function` returns for `arguments`."""

    function: Any
    arguments: tuple


class New(NamedTuple):
    """NEWOBJ: a new object of a class."""

    cls: Any
    arguments: tuple


class Built(NamedTuple):
    """BUILD: an object after it was given its state."""

    value: Any
    state: Any


class Stored(NamedTuple):
    """BINPERSID: the object with this persistent id."""

    identity: Any


class Raw(NamedTuple):
    """Instructions that are written unchanged; they should leave one value on the stack."""

    code: bytes


def pickled(value: Any) -> bytes:
    """The pickle of a value made of the classes above, dicts, lists, tuples, numbers, texts and bytes."""
    return b"\x80\x04" + _code(value) + b"."


def _code(value: Any) -> bytes:
    match value:
        case Raw(code):
            return code
        case Name(module, name):
            return _code(module) + _code(name) + b"\x93"
        case Call(function, arguments):
            return _code(function) + _code(tuple(arguments)) + b"R"
        case New(cls, arguments):
            return _code(cls) + _code(tuple(arguments)) + b"\x81"
        case Built(inner, state):
            return _code(inner) + _code(state) + b"b"
        case Stored(identity):
            return _code(identity) + b"Q"
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            number = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(number)]) + number
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return b"\x8d" + struct.pack("<Q", len(value.encode())) + value.encode()
        case bytes():
            return b"\x8e" + struct.pack("<Q", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(_code, value)) + b"t"
        case list():
            return b"](" + b"".join(map(_code, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_code(key) + _code(item) for key, item in value.items()) + b"u"
    raise TypeError(type(value))


STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage", "bool": "BoolStorage"}
ORDERED = Call(Name("collections", "OrderedDict"), ())


class Storages:
    """Flat storages by key, and the tensors that view them."""

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}

    def identity(self, array: np.ndarray, count: int | None = None) -> tuple:
        """The persistent id of a new storage with the elements of `array`."""
        key = str(len(self.arrays))
        self.arrays[key] = np.ravel(array)
        name = Name("torch", STORAGES[array.dtype.name])
        return ("storage", name, key, "cpu", array.size if count is None else count)

    def tensor(self, array: np.ndarray) -> Call:
        """A tensor with a storage of its own."""
        return view(Stored(self.identity(array)), 0, array.shape)


def view(storage: Any, offset: int, size: tuple, stride: tuple | None = None) -> Call:
    """`_rebuild_tensor_v2` of a storage; contiguous without a stride."""
    steps = tuple(itertools.accumulate((1, *size[:0:-1]), lambda step, n: step * max(n, 1)))[::-1][-len(size) or 1 :]
    stride = (steps if size else ()) if stride is None else stride
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, tuple(size), stride, False, ORDERED))


def write_zip(path: Path, value: Any, storages: Storages | None = None, root: str = "archive", **options) -> None:
    """`torch.save`'s zip format."""
    with zipfile.ZipFile(path, "w", **options) as file:
        file.writestr(f"{root}/data.pkl", pickled(value))
        file.writestr(f"{root}/byteorder", "little")
        for key, array in (storages or Storages()).arrays.items():
            file.writestr(f"{root}/data/{key}", array.tobytes())
        file.writestr(f"{root}/version", "3\n")


def legacy(value: Any, storages: Storages | None = None) -> bytes:
    """`torch.save`'s format before zip."""
    arrays = (storages or Storages()).arrays
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    data = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    data += pickled(1001) + pickled(system) + pickled(value) + pickled(sorted(arrays))
    for key in sorted(arrays):
        data += struct.pack("<q", arrays[key].size) + arrays[key].tobytes()
    return data


def embedded(array: np.ndarray) -> Call:
    """A tensor in a pickle that `torch.save` did not write: the storage is a whole legacy file."""
    storages = Storages()
    data = legacy(Stored(storages.identity(array)), storages)
    return view(Call(Name("torch.storage", "_load_from_bytes"), (data,)), 0, array.shape)


def module(parameters: dict, buffers: dict, modules: dict, source: str = "class Net: pass", **kwargs) -> Call:
    """An object of NVIDIA's persistent classes, with the source text of its class."""
    wrapped = {
        name: Call(Name("torch._utils", "_rebuild_parameter"), (embedded(x), True, ORDERED))
        for name, x in parameters.items()
    }
    state = {
        "_init_args": (),
        "_init_kwargs": kwargs,
        "training": False,
        "_parameters": wrapped,
        "_buffers": {name: None if x is None else embedded(x) for name, x in buffers.items()},
        "_non_persistent_buffers_set": Call(Name("builtins", "set"), ([],)),
        "_forward_hooks": ORDERED,
        "_modules": modules,
    }
    meta = {"type": "class", "version": 6, "module_src": source, "class_name": "Net", "state": state}
    return Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))


def modules_of(arrays: dict[str, np.ndarray], buffers: tuple[str, ...] = (), **kwargs) -> Call:
    """Nested modules from a flat state dict; names that end in one of `buffers` are buffers."""
    inner: dict[str, dict] = {}
    own: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        head, dot, rest = name.partition(".")
        if dot:
            inner.setdefault(head, {})[rest] = array
        else:
            own[name] = array
    kept = {name: x for name, x in own.items() if name in buffers}
    parameters = {name: x for name, x in own.items() if name not in buffers}
    return module(parameters, kept, {name: modules_of(part, buffers) for name, part in inner.items()}, **kwargs)
