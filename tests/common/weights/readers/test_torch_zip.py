"""Tests zip files of `common.weights.readers.torch_files`, and `common.archive` beneath them."""

import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from writers import Name, Storages, Stored, view, write_zip

from common.archive import Archive
from common.errors import InputError, Unreadable
from common.weights.read import arrays, read

A = np.arange(12, dtype=np.float32)


def refusal(path) -> str:
    """The message about the file, one line that names it."""
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    return str(error.value)


def one(storage: np.ndarray, *where) -> tuple:
    """A tensor and its storages."""
    storages = Storages()
    return view(Stored(storages.identity(storage)), *where), storages


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((0, (3, 4)), A.reshape(3, 4)),
        ((0, (4, 3), (1, 4)), A.reshape(3, 4).T),
        ((5, (2, 2), (4, 2)), A.reshape(3, 4)[1:, 1::2]),
        ((11, ()), A[11]),
        ((12, (0, 5)), np.zeros((0, 5))),
        ((3, (2, 1, 3), (3, 99, 1)), A[3:9].reshape(2, 1, 3)),
    ],
    ids=["whole", "transposed", "part", "scalar", "empty", "axis of length 1"],
)
def test_views(where, expected, tmp_path):
    tensor, storages = one(A, *where)
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    found = arrays(tmp_path / "model.pt")["x"]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32 and found.shape == expected.shape and not found.flags.writeable


@pytest.mark.parametrize(
    "where",
    [
        (0, (13,)),
        (1, (12,)),
        (0, (3, 4), (5, 1)),
        (-1, (2,)),
        (0, (-2, -3)),
        (0, (2,), (-1,)),
        (13, (0,)),
        (0, (1 << 40,), (0,)),
        (0, (4, 4), (0, 0)),
        (0, (1 << 62, 1 << 62)),
        (0, (0, 1 << 61), (1, 1)),
        (0, (1,) * 70, (1,) * 70),
        (0, (2,), (1, 1)),
        (0, (2.0,), (1,)),
        (True, (2,), (1,)),
        (0, (1 << 70,), (1,)),
    ],
)
def test_views_out_of_bounds(where, tmp_path):
    tensor, storages = one(A, *where)
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    assert "model.pt: damaged" in refusal(tmp_path / "model.pt")


def test_a_shared_storage_is_read_once_and_shared(tmp_path):
    storages = Storages()
    stored = Stored(storages.identity(A))
    write_zip(tmp_path / "model.pt", {"a": view(stored, 0, (6,)), "b": view(stored, 3, (6,))}, storages)
    found = arrays(tmp_path / "model.pt")
    assert np.shares_memory(found["a"], found["b"])
    np.testing.assert_array_equal(found["b"], A[3:9])


@pytest.mark.parametrize("change", ["count", "dtype", "missing"])
def test_storages_that_are_not_what_the_pickle_says(change, tmp_path):
    storages = Storages()
    kind, name, key, device, count = storages.identity(A)
    other = (kind, Name("torch", "LongStorage"), key, device, count)
    ids = {"count": (kind, name, key, device, 13), "dtype": other, "missing": (kind, name, "7", device, count)}
    write_zip(tmp_path / "model.pt", {"x": view(Stored(ids[change]), 0, (2,))}, storages)
    assert "damaged" in refusal(tmp_path / "model.pt")


def test_one_storage_with_two_types(tmp_path):
    storages = Storages()
    kind, name, key, device, count = storages.identity(A)
    other = (kind, Name("torch", "IntStorage"), key, device, count)
    tensors = {"x": view(Stored((kind, name, key, device, count)), 0, (2,)), "y": view(Stored(other), 0, (2,))}
    write_zip(tmp_path / "model.pt", tensors, storages)
    assert "two types or sizes" in refusal(tmp_path / "model.pt")


def test_true_and_false_are_the_only_booleans(tmp_path):
    tensor, storages = one(np.array([0, 1, 2, 255], np.uint8).view(np.bool_), 0, (4,))
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    np.testing.assert_array_equal(arrays(tmp_path / "model.pt")["x"].view(np.uint8), [0, 1, 1, 1])


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "a/../../evil", "a\\..\\evil"])
def test_names_that_leave_the_archive(name, tmp_path):
    tensor, storages = one(A, 0, (12,))
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    with zipfile.ZipFile(tmp_path / "model.pt", "a") as file:
        file.writestr(name, b"x")
    assert "out of the archive" in refusal(tmp_path / "model.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_two_entries_of_one_name(tmp_path):
    tensor, storages = one(A, 0, (12,))
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    with zipfile.ZipFile(tmp_path / "model.pt", "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("archive/data.pkl", b"x")
    assert "two entries" in refusal(tmp_path / "model.pt")


def test_compressed_entries(tmp_path):
    """A bomb of a thousand to one and an honest archive alike: torch.save compresses nothing."""
    for storage in (np.zeros(1 << 20, np.float32), A):
        tensor, storages = one(storage, 0, storage.shape)
        write_zip(tmp_path / "model.pt", {"x": tensor}, storages, compression=zipfile.ZIP_DEFLATED)
        assert "refused" in refusal(tmp_path / "model.pt")


def test_overlapping_entries(tmp_path):
    """Uncompressed entries that announce more than the file has: their directory points to the same bytes."""
    tensor, storages = one(np.zeros(1 << 12, np.float32), 0, (1 << 12,))
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    with zipfile.ZipFile(tmp_path / "model.pt", "a") as file:
        first = file.getinfo("archive/data/0")
        for i in range(1, 50):
            copy = zipfile.ZipInfo(f"archive/data/{i}")
            copy.header_offset, copy.file_size, copy.compress_size, copy.CRC = (
                first.header_offset,
                first.file_size,
                first.file_size,
                first.CRC,
            )
            file.filelist.append(copy)
        file._didModify = True
    assert "refused, it unpacks" in refusal(tmp_path / "model.pt")


def test_an_announced_size_that_is_a_lie(tmp_path):
    """The directory's size is changed to one byte less; the check sum no longer fits."""
    tensor, storages = one(A, 0, (12,))
    write_zip(tmp_path / "model.pt", {"x": tensor}, storages)
    data = (tmp_path / "model.pt").read_bytes()
    size = (48).to_bytes(4, "little")
    start = data.rindex(b"PK\x01\x02", 0, data.index(b"archive/data/0", data.index(b"PK\x01\x02")))
    changed = data[:start] + data[start:].replace(size + size, (47).to_bytes(4, "little") * 2, 1)
    (tmp_path / "model.pt").write_bytes(changed)
    assert "damaged" in refusal(tmp_path / "model.pt")


def test_limits_of_an_archive(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_DEFLATED) as file:
        file.mkdir("folder")
        file.writestr("folder/a", b"abc" * 1000)
        file.writestr("b", b"b")
    for limits in ({"max_bytes": 3000}, {"max_ratio": 2}, {"max_entry_bytes": 2999}):
        with pytest.raises(Unreadable, match="^refused, it unpacks"):
            Archive(path, stored=False, **limits)
    with Archive(path, stored=False, max_ratio=None, max_bytes=3001, max_entry_bytes=3000) as archive:
        assert archive.names == ["folder/a", "b"]
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(archive.read, ["folder/a"] * 50)) == {b"abc" * 1000}
        copy = pickle.loads(pickle.dumps(archive))
    assert copy.read("b") == b"b"
    copy.close()
    with pytest.raises(Unreadable, match="closed"):
        copy.read("b")
    with pytest.raises(Unreadable, match="no such file"):
        Archive(tmp_path / "none.zip", stored=False)
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0"))
    with pytest.raises(Unreadable, match="encrypted"):
        Archive(path, stored=False)


def test_other_archives(tmp_path):
    tensor, storages = one(A, 0, (12,))
    path = tmp_path / "model.pt"
    write_zip(path, {"x": tensor}, storages)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/constants.pkl", b"")
    assert "TorchScript" in refusal(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("holiday/photo.jpg", b"")
    assert "0 entries data.pkl" in refusal(path)
    write_zip(path, {"x": tensor}, storages)
    path.write_bytes(path.read_bytes().replace(b"little", b"big\0\0\0"))
    assert "damaged" in refusal(path)  # its check sum
    write_zip(path, {"x": tensor}, storages, root="a/b")
    np.testing.assert_array_equal(arrays(path)["x"], A)


def test_big_endian(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02}.")
        file.writestr("archive/byteorder", "big")
    assert "big-endian" in refusal(tmp_path / "model.pt")


def test_every_flipped_bit_is_seen_or_harmless(tmp_path):
    tensor, storages = one(A, 0, (3, 4), (1, 3))
    path = tmp_path / "model.pt"
    write_zip(path, {"x": tensor, "note": "text"}, storages)
    whole, expected = path.read_bytes(), arrays(path)["x"]
    seen = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :])
        try:
            found = arrays(path)["x"]
        except InputError:
            seen += 1
            continue
        np.testing.assert_array_equal(found, expected)
    assert seen > len(whole) // 2  # the other bits are times, versions and the like


def test_every_truncation_is_seen(tmp_path):
    tensor, storages = one(A, 0, (12,))
    path = tmp_path / "model.pt"
    write_zip(path, {"x": tensor}, storages)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refusal(path)
