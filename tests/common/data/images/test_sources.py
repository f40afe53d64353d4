"""Sources from folders, zip files and tables: order, labels, subsets and errors."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode
from common.data.images.folder import open_folder, open_images, open_table
from common.data.images.source import subset
from common.data.splits import ada_rows
from common.errors import InputError

MTFL = Path(__file__).parents[5] / "shared/data/mtfl"
FILES = ["00/a.png", "00/c.png", "b.JPG", "d.png"]
CLASSES = [["b.JPG", 2], ["00/a.png", 0], ["d.png", 0], ["00/c.png", 1]]


def png(value, size=(6, 4)):
    stream = io.BytesIO()
    Image.new("RGB", size, (value, 20, 30)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Four images; image i of the sorted names has i as its red."""
    root = tmp_path / "images"
    (root / "00").mkdir(parents=True)
    for i, file in enumerate(FILES):
        (root / file).write_bytes(png(i))
    return root


def describe(root, labels):
    (root / "dataset.json").write_text(json.dumps({"labels": labels}))


def pack(root, path, *extra):
    """A zip file of the folder, and members (name, bytes) beside."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, file.relative_to(root).as_posix())
        for name, data in extra:
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def opened(request, folder, tmp_path):
    """Opens the images as they are now, from the folder or from a zip file of it."""

    def open_(labelled=False):
        path = folder if request.param == "folder" else pack(folder, tmp_path / "images.zip")
        return open_images(path, labelled)

    return open_


def fails(message, function, *args, **options):
    with pytest.raises(InputError, match=message) as error:
        function(*args, **options)
    assert "\n" not in str(error.value)


def red(source):
    return [int(decode(record["image"], record["file"])[0, 0, 0]) for record in source]


def test_images_come_sorted_by_name(opened):
    source = opened()
    assert (len(source), source.files, red(source), source.shape) == (4, FILES, [0, 1, 2, 3], (4, 6, 3))
    assert source.labels.size == 0 and source[0]["label"].shape == (0,)


def test_class_labels_are_one_hot(opened, folder):
    describe(folder, CLASSES)
    source = opened(labelled=True)
    assert source.labels.size == 3 and source[0]["label"].dtype == np.float32
    np.testing.assert_array_equal(
        np.stack([record["label"] for record in source]), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    )
    assert opened(labelled=False).labels.size == 0


def test_vectors_are_labels_as_they_are(opened, folder):
    describe(folder, [[file, [i, 0.5]] for i, file in enumerate(FILES)])
    np.testing.assert_array_equal(opened(labelled=True)[3]["label"], np.float32([3, 0.5]))


@pytest.mark.parametrize("labels", ["absent", None])
def test_labels_that_are_asked_for_must_be_there(opened, folder, labels):
    if labels is None:
        describe(folder, None)
    fails("dataset.json: labels are asked for, but .*; add them", opened, labelled=True)
    assert opened(labelled=None).labels.size == 0  # there are none


@pytest.mark.parametrize(
    "labels, message",
    [
        (CLASSES[:3], 'no label for "00/c.png", one of 1 images'),
        ([*CLASSES, ["00/e.png", 1]], 'entry 5 of "labels": there is no image "00/e.png"; the nearest is 00/'),
        ([*CLASSES, CLASSES[0]], 'entry 5 of "labels": "b.JPG" has a label already'),
        ([*CLASSES[:3], ["00/c.png", "cat"]], "the label of \"00/c.png\" is 'cat', not a class from 0"),
        ([*CLASSES[:3], ["00/c.png", -1]], "is -1, not a class"),
        ([*CLASSES[:3], ["00/c.png", True]], "is True, not a class"),
        ([*CLASSES[:3], ["00/c.png", 10**9]], "is 1000000000, not a class from 0 to 65535"),
        ([*CLASSES[:3], ["00/c.png", [1, 0]]], "not a class"),
        ([[file, [0, float("nan")]] for file in FILES], "not 2 finite numbers"),
        ([[file, [0] * (1 + i)] for i, file in enumerate(FILES)], 'label of "00/c.png" is .0, 0., not 1 finite'),
        ([[file, None] for file in FILES], "is None, not a class .a whole number. or a list of numbers"),
        ([["00/a.png"]], 'entry 1 of "labels": must be .file, label.'),
        ({"00/a.png": 1}, 'must hold {"labels"'),
    ],
)
def test_wrong_labels_are_named(opened, folder, labels, message):
    describe(folder, labels)
    fails("dataset.json.*" + message, opened, labelled=True)
    opened()  # without wanted labels there is no error


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000])
def test_a_broken_description_is_named(opened, folder, text):
    (folder / "dataset.json").write_text(text)
    fails("dataset.json: (line 1|not JSON|must hold)", opened, labelled=None)


def test_other_files_are_counted_not_dropped_silently(opened, folder):
    for name in ("readme.txt", "00/.hidden.png", "list"):
        (folder / name).write_text("x")
    with pytest.warns(UserWarning, match='"00/.hidden.png" has no name of an image; 3 such files'):
        assert opened().files == FILES


def test_what_is_no_image_is_named_when_decoded(opened, folder):
    (folder / FILES[1]).write_bytes(b"<html>")
    fails("00/c.png: not an image", red, opened())


def test_missing_paths_and_vanished_files(folder):
    fails("none: no such folder", open_folder, folder / "none")
    source = open_folder(folder)
    (folder / FILES[3]).unlink()
    fails("d.png: cannot be read", red, source)


def test_sources_travel_to_a_worker(opened, folder):
    describe(folder, CLASSES)
    source = opened(labelled=True)
    copy = pickle.loads(pickle.dumps(source))
    assert copy.files == source.files and red(copy) == [0, 1, 2, 3]
    np.testing.assert_array_equal(copy[2]["label"], [0, 0, 1])


def test_a_subset_carries_names_and_labels_along(opened, folder):
    describe(folder, CLASSES)
    source = opened(labelled=True)
    rows = ada_rows(4, 2, seed=5).tolist()
    drawn = subset(source, 2, seed=5)
    assert drawn.files == [FILES[row] for row in rows] and red(drawn) == rows
    np.testing.assert_array_equal(drawn[1]["label"], source[rows[1]]["label"])
    assert drawn.labels.size == 3  # also where the largest class is not drawn


HEADER = ["file", "smile", "glasses", "note"]
ROWS = [["d.png", "1", "2", "x"], ["00/c.png", "2", "1", ""], ["00/a.png", "2", "2", "y"]]
ATTRIBUTES = {"glasses": "1", "smile": "1"}


def write_table(root, header=HEADER, rows=ROWS):
    (root / "table.csv").write_text("\n".join(",".join(line) for line in [header, *rows]) + "\n")
    return "table.csv"


def test_a_table_chooses_the_images_and_labels_them(folder):
    source = open_table(folder, write_table(folder), ATTRIBUTES)
    assert source.files == ["d.png", "00/c.png", "00/a.png"] and red(source) == [3, 1, 0]
    labels = np.stack([record["label"] for record in source])
    np.testing.assert_array_equal(labels, [[0, 1], [1, 0], [0, 0]])
    assert labels.dtype == np.float32
    assert open_table(folder, folder / "table.csv").labels.size == 0


def test_rows_without_a_value_are_counted_not_dropped_silently(folder):
    rows = [ROWS[0], [ROWS[1][0], "", "1", ""], ROWS[2]]
    with pytest.warns(UserWarning, match='row 3, column "smile": no value; 1 such rows are left out'):
        source = open_table(folder, write_table(folder, rows=rows), {"smile": "1"})
    assert source.files == ["d.png", "00/a.png"]
    np.testing.assert_array_equal(source[0]["label"], [1])
    assert len(open_table(folder, "table.csv")) == 3  # the row counts if the label is not wanted
    rows = [["d.png", "1", "", ""], ["00/c.png", "", "1", ""]]
    fails("no value, and no row has all of smile, glasses", open_table, folder, write_table(folder, rows=rows),
          {"smile": "1", "glasses": "1"})  # fmt: skip


@pytest.mark.parametrize(
    "header, rows, message",
    [
        (["image", *HEADER[1:]], ROWS, 'column "file" is missing'),
        (["file", "smiles", *HEADER[2:]], ROWS, 'column "smile" is missing'),
        (HEADER, [[row[0], "2", *row[2:]] for row in ROWS], 'column "smile": no row has "1"; its values are 2'),
        (HEADER, [*ROWS, ROWS[1]], 'row 5: "00/c.png" is already listed in .*row 3; remove one'),
        (HEADER, [*ROWS, ["00/b.png", "1", "1", ""]], 'row 5: there is no image "00/b.png" .*nearest'),
    ],
)
def test_wrong_tables_are_named(folder, header, rows, message):
    fails("table.csv.*" + message, open_table, folder, write_table(folder, header, rows), ATTRIBUTES)


@pytest.mark.skipif(not MTFL.exists(), reason="needs ../shared/data")
def test_real_table_of_attributes():
    """The README of the data counts 10,000 faces, 17 of them without attributes."""
    with pytest.warns(UserWarning, match="17 such rows are left out"):
        source = open_table(MTFL, "train.csv", {"gender": "1", "smile": "1", "glasses": "1"})
    assert len(source) == 9983
    np.testing.assert_array_equal(source.labels.values.sum(0), [5802, 5608, 1408])
    assert source.shape == (80, 80, 3)
