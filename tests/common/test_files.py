"""Tests `common.files`: a failed write leaves the old file."""

import pytest

from common import files
from common.errors import InputError


def test_json_round_trip_leaves_nothing_beside(tmp_path):
    path = tmp_path / "new" / "a.json"
    files.write_json(path, {"x": [1, 2.5, None]})
    files.write_json(path, {"x": 2})
    assert files.read_json(path) == {"x": 2}
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.txt: cannot be written \(No space left on device\)"):
        files.write_text(path, "new")
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_broken_json_names_the_line(tmp_path):
    (tmp_path / "a.json").write_text('{"x": 1,\n oops}')
    with pytest.raises(InputError, match=r"a\.json: line 2: not JSON"):
        files.read_json(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"b\.json: cannot be read"):
        files.read_json(tmp_path / "b.json")
    for data in (b"\xff\xfe\xff", b"[" * 100_000):
        with pytest.raises(InputError, match="here: "):
            files.parse_json(data, "here")
