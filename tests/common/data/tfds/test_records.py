"""Prepared data sets as sources: selections, shards, damage, interruption."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.data.tfds import W300
from common.data.tfds.records import TfdsSource, open_dataset, prepare
from common.errors import InputError

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.filterwarnings("ignore:.*officially:UserWarning")


@pytest.fixture
def w300(w300_tree, tmp_path):
    return prepare("w300", tmp_path / "data", w300_tree)


def test_columns_agree_with_the_records(w300):
    for name in ("train", "full", "challenging"):
        source = TfdsSource(w300, name)
        records = [source._records[row] for row in source._rows]
        assert source.scheme is W300.scheme and len(records) == len(source)
        assert source.files == tuple(record["file"].decode() for record in records)
        assert source.subsets == tuple(record["subset"].decode() for record in records)
        for column, field in ((source.landmarks, "landmarks"), (source.visible, "visible"), (source.boxes, "box")):
            expected = np.stack([record[field] for record in records])
            np.testing.assert_array_equal(column, expected)
            assert column.dtype == expected.dtype


@pytest.mark.parametrize("faces_per_shard, shards", [(2, 3), (4, 2), (6, 1)])
def test_order_survives_several_shards(w300, w300_tree, tmp_path, monkeypatch, faces_per_shard, shards):
    monkeypatch.setattr("common.data.tfds.base.RECORDS_PER_SHARD", faces_per_shard)
    builder = prepare("w300", tmp_path / "sharded", w300_tree)
    assert builder.info.splits["train"].num_shards == shards
    sharded, single = TfdsSource(builder, "train"), TfdsSource(w300, "train")
    assert [record["file"] for record in sharded] == [record["file"] for record in single]
    assert sharded.files == single.files


def test_unknown_names_list_what_exists(w300, tmp_path):
    with pytest.raises(InputError, match="no split 'valid'; it has train, test, common, challenging, full"):
        TfdsSource(w300, "valid")
    with pytest.raises(InputError, match="no data set 'W300'; there are w300, wflw, aflw, synthetic"):
        open_dataset("W300", tmp_path, "train")
    with pytest.raises(InputError, match="w300 has no option 'boxes'"):
        open_dataset("w300", tmp_path, "train", boxes="mat")


def test_index_like_a_sequence(w300):
    source = TfdsSource(w300, "full")
    assert source[-1]["file"] == source.files[-1]
    assert source[np.int64(1)]["file"] == source.files[1]
    with pytest.raises(IndexError):
        source[len(source)]
    copy = pickle.loads(pickle.dumps(source))  # loading workers get a pickled source
    assert copy[2]["image"] == source[2]["image"] and copy.scheme == source.scheme


def test_prepared_data_needs_no_download(w300, w300_tree, tmp_path):
    for path in w300_tree.rglob("*.pts"):
        path.unlink()
    assert len(open_dataset("w300", tmp_path / "data", "train")) == 6


def test_layout_is_explained_when_the_download_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"w300 is not in .*unpack its downloads: manual_dir must hold .*lfpw/testset"):
        prepare("w300", tmp_path)
    with pytest.raises(InputError, match=r"absent: no such directory; manual_dir must hold"):
        prepare("w300", tmp_path, tmp_path / "absent")
    assert not list(tmp_path.iterdir())


def test_interrupted_preparation_leaves_nothing_and_can_be_repeated(w300_tree, tmp_path, monkeypatch):
    data = tmp_path / "data"
    record = W300._record

    def interrupted(self, face):
        if face.file.startswith("lfpw/testset"):
            raise KeyboardInterrupt
        return record(self, face)

    with monkeypatch.context() as patch:
        patch.setattr(W300, "_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare("w300", data, w300_tree)
    assert not [path for path in data.rglob("*") if path.is_file()]
    # What a killed process leaves is no data set either.
    killed = data / "w300/incomplete.ABCDEF_1.0.0"
    killed.mkdir()
    (killed / "w300-train.array_record-00000-of-00001").write_bytes(b"partial")
    assert len(open_dataset("w300", data, "full", w300_tree)) == 5


def test_damaged_data_sets_are_named(w300, tmp_path):
    directory = tmp_path / "data/w300/1.0.0"
    table = directory / "test_annotations.npz"
    for damaged in (table.read_bytes()[:-200], table.read_bytes()[:2], b""):
        table.write_bytes(damaged)
        with pytest.raises(
            InputError, match="test_annotations.npz: missing or damaged; delete .* and prepare it again"
        ):
            TfdsSource(w300, "full")
    assert len(TfdsSource(w300, "train")) == 6
    (directory / "dataset_info.json").unlink()
    with pytest.raises(InputError, match="not a complete data set; delete it"):
        prepare("w300", tmp_path / "data")


def test_an_unwritable_place_is_an_input_error(w300_tree, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(InputError, match="could not be written"):
        prepare("w300", tmp_path / "file", w300_tree)


def test_without_tensorflow(w300_tree, tmp_path):
    """Building and reading, in a process of its own, import no TensorFlow and write nothing else."""
    script = f"""
import sys
from common.data.tfds.records import open_dataset
source = open_dataset("w300", {str(tmp_path / "data")!r}, "train", {str(w300_tree)!r})
assert source[0]["image"]
assert not [name for name in sys.modules if name.split(".")[0] == "tensorflow"]
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, check=True, timeout=120)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["w300"]


def test_the_command_fails_with_one_line(tmp_path):
    command = [sys.executable, "-m", "common.data.tfds", "--dataset", "wflw", "--data_dir", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("error: wflw is not in") and "WFLW_images" in result.stderr
