"""Tests `common.weights.readers.safe_pickle`: hostile pickles, in each kind of file that holds one, run nothing."""

import copyreg
import io
import os
import pickle
import time

import numpy as np
import pytest
from writers import ORDERED, Built, Call, Name, New, Raw, Storages, Stored, embedded, legacy, pickled, view, write_zip

from common.errors import InputError, Unreadable
from common.weights.read import read
from common.weights.readers import inert, safe_pickle
from common.weights.readers.torch_tensors import TENSOR_NAMES

MARKER = "executed"
COMMAND = f"touch {MARKER}"
STORAGE = Name("torch", "FloatStorage")
REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
LOADER = Name("torch.storage", "_load_from_bytes")
PERSISTENT = Name("torch_utils.persistence", "_reconstruct_persistent_obj")
SYSTEM = Call(Name("os", "system"), (COMMAND,))
# BINUNICODE of the command, MARK, TUPLE1.
TEXT = b"X" + len(COMMAND).to_bytes(4, "little") + COMMAND.encode()

NAMES = {
    "os.system": SYSTEM,
    "posix.system": Call(Name("posix", "system"), (COMMAND,)),
    "a name alone": Name("os", "system"),
    "eval": Call(Name("builtins", "eval"), (f"open({MARKER!r}, 'w')",)),
    "exec": Call(Name("__builtin__", "exec"), (f"open({MARKER!r}, 'w')",)),
    "getattr": Call(Name("builtins", "getattr"), (ORDERED, "__class__")),
    "import": Call(Name("builtins", "__import__"), ("os",)),
    "open": Call(Name("builtins", "open"), (MARKER, "w")),
    "subprocess": Call(Name("subprocess", "Popen"), (["touch", MARKER],)),
    "partial": Call(Name("functools", "partial"), (Name("os", "system"), COMMAND)),
    "methodcaller": Call(Name("operator", "methodcaller"), ("system", COMMAND)),
    "pickle.loads": Call(Name("pickle", "loads"), (pickled(SYSTEM),)),
    "torch.load": Call(Name("torch.serialization", "load"), (MARKER,)),
    "torch.hub": Call(Name("torch.hub", "load"), (MARKER,)),
    "numpy": Call(Name("numpy.testing._private.utils", "runstring"), (f"open({MARKER!r}, 'w')", {})),
    "dotted": Call(Name("collections", "OrderedDict.fromkeys"), ((),)),
    "attribute of an allowed name": Name("torch", "Size.__class__"),
    "of this reader": Name("common.weights.readers.safe_pickle", "load"),
    "decode": Call(Name("_codecs", "decode"), (b"x", "zlib_codec")),
}
TRICKS = {
    "in a persistent id": Stored(("storage", SYSTEM, "0", "cpu", 1)),
    "as a key": Raw(b"}" + pickled(SYSTEM)[2:-1] + b"Ns"),
    "dropped from the stack": Raw(pickled(SYSTEM)[2:-1] + b"0N"),
    "kept in the memo": Raw(pickled(SYSTEM)[2:-1] + b"\x940N"),
    "INST": Raw(b"(" + TEXT + b"ios\nsystem\n"),
    "OBJ": Raw(b"(cos\nsystem\n" + TEXT + b"o"),
    "GLOBAL": Raw(b"cos\nsystem\n" + TEXT + b"\x85R"),
    "NEWOBJ": New(Name("os", "system"), (COMMAND,)),
    "NEWOBJ_EX": Raw(pickled(Name("collections", "OrderedDict"))[2:-1] + b")}\x92"),
    "extension": Raw(b"\x82\xf0" + TEXT + b"\x85R"),
    "extension of two bytes": Raw(b"\x83\xf0\x00"),
    "extension of four bytes": Raw(b"\x84\xf0\x00\x00\x00"),
    "text persistent id": Raw(b"Pos\n"),
    "out of band": Raw(b"\x97"),
    "attributes of a constructor": Built(Name("collections", "OrderedDict"), {"make": SYSTEM}),
    "attributes of the rebuilder": Built(REBUILD, {"make": 1}),
    "attributes of a dtype": Built(STORAGE, {"itemsize": 1 << 40}),
    "attributes of a list": Built([], {"append": 1}),
    "attributes of a tensor": Built(embedded(np.zeros(1, np.float32)), {"storage": 1}),
    "call of a text": Call("os.system", (COMMAND,)),
    "call of a dtype": Call(STORAGE, (1 << 40,)),
    "arguments that are no tuple": Raw(pickled(Name("collections", "OrderedDict"))[2:-1] + b"]R"),
    "items of a constructor": Raw(pickled(Name("collections", "OrderedDict"))[2:-1] + b"NNs"),
    "codec": Call(Name("_codecs", "encode"), ("x", "rot13")),
    "compressing codec": Call(Name("_codecs", "encode"), ("x" * 100, "zlib_codec")),
    "a pickle as a storage": view(Call(LOADER, (pickled(SYSTEM),)), 0, (1,)),
    "a hostile file as a storage": view(Call(LOADER, (legacy(SYSTEM),)), 0, (1,)),
    "a storage in a storage": view(Call(LOADER, (legacy(Call(LOADER, (legacy({}),))),)), 0, (1,)),
    "a persistent function": Call(PERSISTENT, ({"type": "function", "module_src": COMMAND, "state": {}},)),
    "no persistent state": Call(PERSISTENT, ({"type": "class", "module_src": COMMAND},)),
    "a NumPy array of objects": Call(Name("numpy", "dtype"), ("O8", False, True)),
    "a structured NumPy array": Built(Call(Name("numpy", "dtype"), ("f4",)), (3, "|", None, ("a",), {}, 1, 1, 0)),
    "a deep tuple as a key": Raw(b"}" + b")" + b"\x85" * 200_000 + b"Ns"),
    "a deep tuple": Raw(b")" + b"\x85" * 200_000),
    "itself": Raw(b"}\x94X\x01\x00\x00\x00ah\x00s"),
    "doubling": Raw(
        b"}" + b"".join(b"\x94}X\x01\x00\x00\x00ah%c" % i + b"sX\x01\x00\x00\x00bh%c" % i + b"s" for i in range(60))
    ),
}
BROKEN = {
    "empty stack": b".",
    "underflow": b"\x85",
    "no mark": b"t",
    "no memo": b"h\x07",
    "unknown instruction": b"\xff",
    "text that is not UTF-8": b"X\x01\x00\x00\x00\xff",
    "bytes beyond the end": b"\x8e" + (1 << 60).to_bytes(8, "little"),
    "text beyond the end": b"\x8d" + (1 << 63).to_bytes(8, "little"),
    "a long beyond the end": b"\x8b" + (1 << 30).to_bytes(4, "little"),
    "a negative length": b"\x8b" + b"\xff" * 4,
    "an odd number of items": b"}(Nu",
    "a huge number": b"I" + b"9" * 5000 + b"\n",
    "wrong arguments": pickled(Call(REBUILD, (1,)))[2:-1],
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """What a hostile file would make, it would make here; nothing may be made in any of these tests."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not (tmp_path / MARKER).exists()


def carried(path, value, carrier: str):
    """A file of each kind with `value` among honest arrays."""
    storages = Storages()
    content = {"honest": storages.tensor(np.ones(2, np.float32)), "x": value}
    if carrier == "zip":
        write_zip(path, content, storages)
    else:
        honest = {"honest": embedded(np.ones(2, np.float32)), "x": value}
        path.write_bytes(legacy(content, storages) if carrier == "legacy" else pickled(honest))
    return path


@pytest.mark.parametrize("carrier", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("name", [*NAMES, *TRICKS])
def test_refused(name, carrier, tmp_path):
    path = carried(tmp_path / "model.pt", {**NAMES, **TRICKS}[name], carrier)
    with pytest.raises(InputError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message and len(message) < 600
    assert "; " in message  # a remedy
    if name in NAMES:
        wanted = NAMES[name] if isinstance(NAMES[name], Name) else NAMES[name].function
        assert f"names {wanted.module}.{wanted.name}" in message


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04" + BROKEN[name] + b".")
    with pytest.raises(InputError, match=r"model\.pkl: (damaged|refused).*; "):
        read(tmp_path / "model.pkl")


@pytest.mark.parametrize("carrier", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("place", range(1, 6))
def test_hidden_in_a_tensor(place, carrier, tmp_path):
    """Something else stands in place of its offset, size, stride, need of a gradient or hooks."""
    stored = Stored(("storage", STORAGE, "9", "cpu", 1))
    storage = embedded(np.zeros(1, np.float32)).arguments[0] if carrier == "pickle" else stored
    arguments = [storage, 0, (1,), (1,), False, ORDERED]
    arguments[place] = SYSTEM
    with pytest.raises(InputError, match=r"refused, it names os\.system"):
        read(carried(tmp_path / "model.pt", Call(REBUILD, tuple(arguments)), carrier))


def test_the_payload_is_real(tmp_path):
    """The ordinary unpickler does run it, so the tests above are not empty."""
    pickle.loads(pickled(SYSTEM))
    assert (tmp_path / MARKER).exists()
    os.remove(tmp_path / MARKER)


def test_extension_codes_of_this_process_do_not_matter(tmp_path):
    """A registered and cached code would be handed out by the ordinary unpickler without a look-up."""
    copyreg.add_extension("os", "system", 0xF0)
    try:
        pickle.loads(b"\x80\x02\x82\xf0.")
        with pytest.raises(InputError, match="EXT1"):
            read(carried(tmp_path / "model.pt", TRICKS["extension"], "zip"))
    finally:
        copyreg.remove_extension("os", "system", 0xF0)
        copyreg.clear_extension_cache()


def test_a_memo_index_costs_nothing():
    """The ordinary unpickler allocates a table of so many entries."""
    assert safe_pickle.load(io.BytesIO(b"\x80\x04Nr\xff\xff\xff\xff."), {}) is None


def test_the_number_of_instructions_is_bounded(monkeypatch):
    monkeypatch.setattr(safe_pickle, "MAX_OPERATIONS", 100)
    assert safe_pickle.load(io.BytesIO(b"\x80\x04" + b"N0" * 40 + b"N."), {}) is None
    with pytest.raises(Unreadable, match="more than 100 instructions"):
        safe_pickle.load(io.BytesIO(b"\x80\x04" + b"N0" * 60 + b"N."), {})


def test_expansion_is_bounded(monkeypatch):
    """A list of lists of lists ... each ten times the next is small in the file and huge when resolved."""
    monkeypatch.setattr(inert, "MAX_ITEMS", 10_000)
    value: object = [1.0]
    for _ in range(20):
        value = [value] * 10
    start = time.monotonic()
    with pytest.raises(Unreadable, match="without end"):
        inert.plain(value)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_are_those_of_the_ordinary_unpickler(protocol):
    value = {
        "numbers": [0, -1, 255, 65536, 1 << 70, 1.5, True, None],
        "texts": ("", "é\n", "x" * 300, b"\x00\xff" * 200),
        "sets": [{1, 2}, frozenset("ab")],
        "nested": {1: {"a": []}, None: ()},
        "array": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "number": np.float32(2.5),
    }
    found = safe_pickle.load(io.BytesIO(pickle.dumps(value, protocol)), TENSOR_NAMES)
    assert found["texts"] == value["texts"] and found["sets"] == value["sets"] and found["nested"] == value["nested"]
    assert found["numbers"] == value["numbers"]
    resolved = inert.plain(found)
    np.testing.assert_array_equal(resolved["array"], value["array"])
    assert resolved["array"].dtype == np.int16 and resolved["number"] == 2.5
    assert resolved["texts"]["1"] == "é\n" and resolved["nested"]["1"] == {"a": {}}
