"""Tests `common.weights.read`: formats told by content, names flattened, networks found in them."""

import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save, save_file
from writers import ORDERED, Built, Storages, pickled, write_zip

from common.errors import InputError
from common.weights.read import arrays, flatten, part, prefixes, read

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt", "module.pkl"])
def test_files_of_pytorch_itself(name):
    expected = arrays(FILES / "expected.npz")
    found = arrays(FILES / name)
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        value = found[key].view(np.int16) if found[key].dtype == ml_dtypes.bfloat16 else found[key]
        np.testing.assert_array_equal(value, array, err_msg=key)
        assert value.dtype == array.dtype, key
    assert found["state_dict.bf16"].dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(found["state_dict.transposed"], found["state_dict.whole"].T)
    assert np.shares_memory(found["state_dict.part"], found["state_dict.whole"]) or name == "module.pkl"
    assert read(FILES / name)["epoch"] == 3 and read(FILES / name)["args"] == {"lr": 0.1}


def test_safetensors(tmp_path):
    content = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b.c": np.array(3), "d": np.array([True, False])}
    content["e"] = np.arange(3).astype(ml_dtypes.bfloat16)
    save_file(content, tmp_path / "model.bin")  # the name does not matter
    found = arrays(tmp_path / "model.bin")
    assert found.keys() == content.keys()
    for name, array in content.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    data = save(content)
    for length in range(len(data)):
        (tmp_path / "model.bin").write_bytes(data[:length])
        with pytest.raises(InputError, match=r"model\.bin: "):
            read(tmp_path / "model.bin")


@pytest.mark.parametrize("writer", [np.savez, np.savez_compressed])
def test_npz(writer, tmp_path):
    content = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.array(3, ">i4")}
    writer(tmp_path / "model.npz", **content)
    found = arrays(tmp_path / "model.npz")
    for name, array in content.items():
        np.testing.assert_array_equal(found[name], array)


def test_npz_that_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="refused, it holds a.npy as object"):
        read(path)
    np.savez_compressed(path, a=np.zeros(1 << 20))
    with pytest.raises(InputError, match="refused, it unpacks"):
        read(path)
    np.savez(path, a=np.zeros(4))
    entry = zipfile.ZipFile(path).read("a.npy")
    for changed in (
        entry.replace(b"(4,)", b"(9,)"),
        entry[:-1],
        entry[:20],
        b"x" + entry,
        entry.replace(b"(4,)", b"f()"),
    ):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a.npy", changed)
        with pytest.raises(InputError, match=r"model\.npz: damaged"):
            read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "unknown format"),
        (b"\x1f\x8b" + b"\0" * 50, "unknown format"),
        (b"PK\x05\x06" + b"\0" * 18, "unknown format"),
        (b"PK\x03\x04" + b"\0" * 50, "damaged"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"\x80\x02", "damaged"),
        ((1 << 60).to_bytes(8, "little") + b"{}", "unknown format"),
        ((2).to_bytes(8, "little") + b"{{", "damaged"),
    ],
)
def test_other_files(content, message, tmp_path):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(InputError, match=rf"model\.pt: .*{message}.*; "):
        read(tmp_path / "model.pt")


def test_no_file(tmp_path):
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(InputError, match="no such file; name"):
            read(path)


def test_an_array_alone_and_a_list(tmp_path):
    storages = Storages()
    write_zip(tmp_path / "model.pt", storages.tensor(np.ones(3, np.float32)), storages)
    np.testing.assert_array_equal(arrays(tmp_path / "model.pt")[""], np.ones(3))
    storages = Storages()
    write_zip(tmp_path / "model.pt", [storages.tensor(np.ones(3, np.float32)), 3, "x"], storages)
    assert list(arrays(tmp_path / "model.pt")) == ["0"]
    assert read(tmp_path / "model.pt")["1"] == 3


def test_the_attributes_of_a_state_dict_are_dropped(tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickled(Built(ORDERED, {"_metadata": {"": {"version": 1}}})))
    assert read(tmp_path / "model.pkl") == {}


def test_names_are_joined_by_dots():
    x = np.zeros(1)
    assert list(flatten({"epoch": 3, "state_dict": {"a.b": x, "c": {"d": x}}})) == ["state_dict.a.b", "state_dict.c.d"]
    with pytest.raises(InputError, match="m.pt: two arrays are called a.b"):
        flatten({"a.b": x, "a": {"b": x}}, source="m.pt")
    with pytest.raises(InputError, match="m.pt: an array is called") as error:
        flatten({"a\x1b[2J\n": x}, source="m.pt")
    assert str(error.value).isprintable()


def test_a_network_is_found_by_its_names():
    x = np.zeros(1)
    names = {
        "student.module.conv1.weight": x,
        "student.module.fc.weight": x,
        "teacher.conv1.weight": x,
        "teacher.fc.weight": x,
        "teacher.layer1.conv1.weight": x,  # a prefix of its own, but without the other mark
        "another_fc.weight": x,
    }
    marks = ("conv1.weight", "fc.weight")
    assert prefixes(names, marks) == ["student.module.", "teacher."]
    assert part(names, marks) == ({"conv1.weight": x, "fc.weight": x, "layer1.conv1.weight": x}, "teacher.")
    assert part(names, marks, "student.module")[1] == "student.module."
    assert part({"fc.weight": x, "conv1.weight": x}, marks)[1] == ""
    with pytest.raises(InputError, match=r"give one of the prefixes 'student\.module\.', 'teacher\.'"):
        part(names, marks, "student")
    with pytest.raises(InputError, match="m.pt: .*no array is called cls_token"):
        part(names, ("cls_token",), source="m.pt")
    two = {f"{net}.{mark}": x for net in ("a", "b") for mark in marks}
    with pytest.raises(InputError, match=r"holds 2 such networks, not one; give one of the prefixes 'a\.', 'b\.'"):
        part(two, marks)
