"""Builders of annotated faces: official layouts in, official splits, subsets, order and coordinates out."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from common.data.tfds import Aflw, SyntheticFaces
from common.data.tfds.__main__ import main
from common.data.tfds.records import TfdsSource, open_dataset, prepare
from common.errors import InputError

tiny = pytest.mark.filterwarnings("ignore:.*officially:UserWarning")


def error_of(*args, **kwargs) -> str:
    with pytest.raises(InputError) as error:
        prepare(*args, **kwargs)
    message = str(error.value)
    assert "\n" not in message
    return message


def no_data_in(directory) -> bool:
    """Whether nothing is left, apart from the name of the default configuration that TFDS notes first of all."""
    return {path.name for path in directory.rglob("*") if path.is_file()} <= {"metadata.json"}


@tiny
def test_w300_splits_are_the_official_folders_in_order(w300_tree, tmp_path):
    with pytest.warns(UserWarning, match=f"{w300_tree / 'afw'}: 2 faces, officially 337"):
        builder = prepare("w300", tmp_path / "data", w300_tree)
    train, common = TfdsSource(builder, "train"), TfdsSource(builder, "common")
    assert train.files == (
        *("afw/1.jpg", "afw/2.jpg", "helen/trainset/a.jpg", "helen/trainset/b.jpg"),
        *("lfpw/trainset/image_0001.png", "lfpw/trainset/image_0002.png"),
    )
    assert [file.rsplit("/", 1)[0] for file in common.files] == ["helen/testset"] * 2 + ["lfpw/testset"] * 2
    assert TfdsSource(builder, "challenging").files == ("ibug/image_092 _01.jpg",)
    full = TfdsSource(builder, "full")
    assert full.files == common.files + ("ibug/image_092 _01.jpg",)
    assert full.subsets == ("common",) * 4 + ("challenging",)


@tiny
def test_w300_records_hold_the_files_bytes_and_0_based_points(w300_tree, tmp_path):
    train = open_dataset("w300", tmp_path / "data", "train", w300_tree)
    record = train[1]
    assert record["file"] == "afw/2.jpg"  # the first one that the tree wrote: points k + 1.5, 2 k + 1
    assert record["image"] == (w300_tree / "afw/2.jpg").read_bytes()
    k = np.arange(68)
    np.testing.assert_array_equal(record["landmarks"], np.stack([k + 0.5, 2 * k], axis=1).astype(np.float32))
    np.testing.assert_array_equal(record["box"], [0.5, 0, 67.5, 134])
    assert record["landmarks"].dtype == record["box"].dtype == np.float32
    assert record["visible"].dtype == np.bool_ and record["visible"].all()


@tiny
def test_w300_says_what_is_missing_and_writes_nothing(w300_tree, tmp_path):
    data = tmp_path / "data"
    image = w300_tree / "ibug/image_092 _01.jpg"
    intact = image.read_bytes()
    image.write_bytes(b"")
    assert error_of("w300", data, w300_tree).startswith(f"{image}: the file has zero bytes")
    image.unlink()
    assert str(image.with_suffix(".pts")) in error_of("w300", data, w300_tree)
    image.write_bytes(intact)
    image.with_suffix(".pts").unlink()
    message = error_of("w300", data, w300_tree)
    assert str(w300_tree / "ibug") in message and "helen/trainset" in message
    assert no_data_in(data)


@tiny
def test_wflw_subsets_overlap(wflw_tree, tmp_path):
    builder = prepare("wflw", tmp_path / "data", wflw_tree)
    rows = {name: TfdsSource(builder, name).files for name in builder.selections}
    assert rows == {
        "train": ("0--P/b.jpg", "0--P/a.jpg", "9--X/c.jpg"),
        "test": ("1--Hand/t.jpg", "1--Hand/t.jpg", "1--Hand/s.jpg", "1--Hand/r.jpg"),
        "pose": ("1--Hand/t.jpg",),
        **dict.fromkeys(("expression", "illumination", "makeup"), ("1--Hand/s.jpg",)),
        "occlusion": ("1--Hand/t.jpg", "1--Hand/s.jpg"),
        "blur": ("1--Hand/r.jpg",),
    }
    attributes = {split: builder.load_table(split, ["attributes"])["attributes"] for split in ("train", "test")}
    np.testing.assert_array_equal(attributes["test"][2], [False, True, True, True, True, False])
    # A training face with an attribute keeps it, but belongs to no test subset.
    assert attributes["train"][0, 0] and TfdsSource(builder, "train").subsets[0] == "train"


@tiny
def test_wflw_coordinates_are_those_of_the_list(wflw_tree, tmp_path):
    record = open_dataset("wflw", tmp_path / "data", "test", wflw_tree)[1]
    np.testing.assert_array_equal(record["landmarks"][:3], [[1, 1.5], [2, 2.5], [3, 3.5]])
    np.testing.assert_array_equal(record["box"], [1, 2, 21, 22])
    assert record["image"] == (wflw_tree / "WFLW_images/1--Hand/t.jpg").read_bytes()


@tiny
@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda fields: [*fields[:5], "x", *fields[6:]], "could not convert"),
        (lambda fields: [*fields[:5], "nan", *fields[6:]], "finite"),
        (lambda fields: fields[1:], "206 fields"),
        (lambda fields: [*fields[:205], "2", fields[206]], "six flags"),
        (lambda fields: [*fields[:-1], "absent.jpg"], "absent.jpg"),
    ],
)
def test_wflw_names_the_wrong_row(wflw_tree, tmp_path, change, expected):
    path = wflw_tree / "WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt"
    lines = path.read_text().splitlines()
    lines[2] = " ".join(change(lines[2].split()))
    path.write_text("\n".join(lines))
    message = error_of("wflw", tmp_path / "data", wflw_tree)
    assert message.startswith(f"{path}, row 3: ") and expected in message
    assert no_data_in(tmp_path / "data")


@tiny
def test_aflw_follows_the_permutation_of_the_list(aflw_tree, tmp_path):
    builder = prepare("aflw", tmp_path / "data", aflw_tree)
    train, full = TfdsSource(builder, "train"), TfdsSource(builder, "full")
    # Rows 3 1 6 2 | 5 4, 1-based; x0 of row i is 100 (i - 1).
    np.testing.assert_array_equal(train.landmarks[:, 0, 0], [200, 0, 500, 100])
    np.testing.assert_array_equal(full.landmarks[:, 0, 0], [400, 300])
    # All x, then all y.
    np.testing.assert_array_equal(train[1]["landmarks"], np.stack([np.arange(19), np.arange(19, 38)], axis=1))
    # left, right, top, bottom becomes x0, y0, x1, y1.
    np.testing.assert_array_equal(train[1]["box"], [10, 20, 60, 90])
    assert train[1]["image"] == (aflw_tree / "aflw/data/flickr/0/image00002.jpg").read_bytes()
    # Row 4 has an invisible landmark: not frontal.
    np.testing.assert_array_equal(full[1]["visible"], np.arange(19) != 7)
    assert full.subsets == ("frontal", "other")
    assert TfdsSource(builder, "frontal").files == ("3/image5.jpg",)


@tiny
@pytest.mark.filterwarnings("ignore:.*no rectangle for 1 faces:UserWarning")
def test_aflw_boxes_of_the_database(aflw_tree, tmp_path):
    train = open_dataset("aflw", tmp_path / "data", "train", aflw_tree, boxes="sqlite")
    # Rows 3 1 6 2; the two faces of one image find theirs by overlap, row 6 keeps the list's.
    corners = [[71, 81], [11, 21], [160, 170], [41, 51]]
    np.testing.assert_array_equal(train.boxes[:, :2], corners)
    np.testing.assert_array_equal(train.boxes[:, 2:], np.add(corners, [[50, 70]]))
    from_list = open_dataset("aflw", tmp_path / "data", "train", aflw_tree)
    np.testing.assert_array_equal(from_list.boxes[:, :2], [[70, 80], [10, 20], [160, 170], [40, 50]])


@tiny
def test_aflw_needs_the_list(aflw_tree, tmp_path):
    path = aflw_tree / "AFLWinfo_release.mat"
    fields = {name: value for name, value in scipy.io.loadmat(path).items() if not name.startswith("__")}
    for wrong in ({**fields, "ra": np.ones((1, 6))}, {name: fields[name] for name in fields if name != "bbox"}):
        scipy.io.savemat(path, wrong)
        assert error_of("aflw", tmp_path / "data", aflw_tree).startswith(f"{path}: not the public list")
    path.write_bytes(b"MATLAB 5.0")
    assert error_of("aflw", tmp_path / "data", aflw_tree).startswith(f"{path}: not the public list")
    path.unlink()
    message = error_of("aflw", tmp_path / "data", aflw_tree, boxes="sqlite")
    assert message.startswith(f"{path}: no such file") and "aflw.sqlite alone has no split" in message
    assert no_data_in(tmp_path / "data")


def stub_face(seed, size):
    """Pixels and points that tell the seed."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (size, size, 3), np.uint8)
    return image, generator.uniform(0, size - 1, (68, 2)).astype(np.float32), generator.random(68) < 0.9


def test_synthetic_faces_are_drawn_once_each_and_kept_exactly(tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.tfds.synthetic.render_face", stub_face)
    builder = prepare("synthetic", tmp_path, num_train=3, num_test=2, size=32, seed=1)
    train, test = TfdsSource(builder, "train"), TfdsSource(builder, "test")
    assert (len(train), len(test)) == (3, 2)
    for source, seeds in ((train, (1_000_000, 1_000_001, 1_000_002)), (test, (1_000_003, 1_000_004))):
        for record, seed in zip(source, seeds, strict=True):
            pixels, landmarks, visible = stub_face(seed, 32)
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(record["image"]))), pixels)
            np.testing.assert_array_equal(record["landmarks"], landmarks)
            np.testing.assert_array_equal(record["visible"], visible)
    other = prepare("synthetic", tmp_path, num_train=3, num_test=2, size=32, seed=2)
    assert other.data_dir != builder.data_dir  # another configuration never reads these files


def test_wrong_options_are_refused():
    with pytest.raises(InputError, match="boxes='dlib' is not one of mat, sqlite"):
        Aflw.configure(boxes="dlib")
    for options, field in (({"num_train": 0}, "num_train"), ({"size": 31}, "size"), ({"yaw": 3}, "yaw")):
        with pytest.raises(InputError, match=field):
            SyntheticFaces.configure(**options)


@tiny
def test_command_prepares_a_data_set(wflw_tree, tmp_path, monkeypatch, capsys):
    arguments = ["--dataset", "wflw", "--manual_dir", str(wflw_tree), "--data_dir", str(tmp_path / "data")]
    monkeypatch.setattr(sys, "argv", ["builders", *arguments])
    main()
    out = capsys.readouterr().out.splitlines()
    assert out[:3] == ["train: 3 faces", "test: 4 faces", "pose: 1 faces"]
    assert (Path(out[-1]) / "dataset_info.json").is_file()
    monkeypatch.setattr(sys, "argv", ["builders", *arguments, "--size", "32"])
    with pytest.raises(InputError, match="wflw has no option 'size'"):
        main()
