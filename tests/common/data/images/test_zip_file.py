"""Damaged and malicious zip files are refused with the names of archive and entry."""

import zipfile

import numpy as np
import pytest

from common.data.images.zip_file import ImageZip
from common.errors import InputError

NOISE = np.random.default_rng(0).bytes(2000)


def pack(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("00/a.png", NOISE), ("b.png", NOISE), *entries):
            archive.writestr(name, data)
    return path


def fails(names, function, *args):
    with pytest.raises(InputError, match=r"a\.zip: .*" + names) as error:
        function(*args)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("name", ["../up.png", "b.png"])
def test_a_path_out_of_the_archive_and_a_repeated_name_are_refused(tmp_path, name):
    fails(name, ImageZip, pack(tmp_path / "a.zip", (name, NOISE)))


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.images.zip_file.MAX_IMAGE_BYTES", 2 << 20)
    path = pack(tmp_path / "a.zip", ("bomb.png", bytes(3 << 20)))
    assert path.stat().st_size < 10_000
    fails("bomb.png", ImageZip, path)


def test_encrypted_entries_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    fails("b.png", ImageZip, path)


def test_missing_and_cut_archives_are_named(tmp_path):
    fails("no such file", ImageZip, tmp_path / "a.zip")
    path = pack(tmp_path / "a.zip")
    whole = path.read_bytes()
    for data in (b"", b"PK", whole[: len(whole) // 2]):
        path.write_bytes(data)
        fails("damaged", ImageZip, path)


def test_damaged_entries_are_named(tmp_path):
    path = pack(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[200:250] = bytes(50)
    path.write_bytes(data)
    source = ImageZip(path)
    assert source.read(1) == NOISE
    fails("00/a.png", source.read, 0)


def test_an_entry_cut_short_is_named(tmp_path):
    """The list of entries announces more bytes than the entry holds."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", NOISE)
    data = path.read_bytes()
    directory = data.rindex(b"PK\x01\x02")
    size = len(NOISE).to_bytes(4, "little")
    path.write_bytes(data[:directory] + data[directory:].replace(size, (len(NOISE) + 500).to_bytes(4, "little")))
    fails("a.png", ImageZip(path).read, 0)
