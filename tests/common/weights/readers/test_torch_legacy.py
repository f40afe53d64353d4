"""Tests the legacy format of `common.weights.readers.torch_files`."""

import numpy as np
import pytest
from writers import Storages, Stored, legacy, pickled, view

from common.errors import InputError
from common.weights.read import arrays, read

A = np.arange(12, dtype=np.float32)
HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def file(tmp_path, data: bytes):
    path = tmp_path / "model.pth"
    path.write_bytes(data)
    return path


def whole() -> bytes:
    storages = Storages()
    stored, half = Stored(storages.identity(A)), storages.tensor(np.arange(3, dtype=np.float16))
    return legacy(
        {"state_dict": {"a": view(stored, 0, (4, 3), (1, 4)), "b": view(stored, 4, (2,)), "c": half}}, storages
    )


def test_values(tmp_path):
    found = arrays(file(tmp_path, whole()))
    np.testing.assert_array_equal(found["state_dict.a"], A.reshape(3, 4).T)
    np.testing.assert_array_equal(found["state_dict.b"], A[4:6])
    np.testing.assert_array_equal(found["state_dict.c"], np.arange(3, dtype=np.float16))
    assert np.shares_memory(found["state_dict.a"], found["state_dict.b"])


def test_every_truncation_is_seen(tmp_path):
    data = whole()
    for length in range(len(data)):
        with pytest.raises(InputError, match=r"model\.pth: "):
            read(file(tmp_path, data[:length]))
    with pytest.raises(InputError, match="1 bytes too many"):
        read(file(tmp_path, data + b"\0"))


def test_flipped_bits_give_arrays_or_an_error(tmp_path):
    """The format has no check sums, so that a change of a value cannot be seen; but nothing else may happen."""
    data = whole()
    for position in range(len(data)):
        for bit in (0, 3, 7):
            changed = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
            try:
                found = arrays(file(tmp_path, changed))
            except InputError as error:
                assert "\n" not in str(error)
                continue
            assert all(x.size <= 12 for x in found.values())


SYSTEM = {"little_endian": True}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((1002, SYSTEM, {}, []), "unknown version"),
        ((1001, {"little_endian": False}, {}, []), "big-endian"),
        ((1001, [], {}, []), "unknown version"),
        ((1001, SYSTEM, {}, ["0"]), "arrays need other storages"),
        ((1001, SYSTEM, {}, {}), "arrays need other storages"),
        ((1001, SYSTEM, {}, [[]]), "arrays need other storages"),
        ((1001, SYSTEM, {"x": Stored(("module", None, "0", "cpu", 1))}, []), "unknown kind"),
        ((1001, SYSTEM, {"x": Stored(("storage",))}, []), "damaged"),
        ((1001, SYSTEM, {"x": Stored(3)}, []), "damaged"),
        ((1001, SYSTEM, {"x": Stored((*Storages().identity(A), ("0", 0, 1)))}, ["0"]), "view of another"),
    ],
)
def test_other_contents(parts, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read(file(tmp_path, HEAD + b"".join(map(pickled, parts))))


def test_a_wrong_number_of_elements(tmp_path):
    data = whole().replace((12).to_bytes(8, "little") + A.tobytes(), (11).to_bytes(8, "little") + A.tobytes())
    with pytest.raises(InputError, match="storage 0 has 11 elements"):
        read(file(tmp_path, data))
