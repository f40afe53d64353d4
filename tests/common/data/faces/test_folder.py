"""Sources from folders of annotated images, with annotations in CSV tables."""

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode
from common.data.faces.folder import FolderSource
from common.data.faces.schemes import FIVE, W300
from common.errors import InputError

SHARED = Path(__file__).parents[5] / "shared/data"
SIZE = (60, 50)
FACE = np.array([(20, 20), (40, 20), (30, 30), (22, 40), (38, 41)], np.float32)
FILES = ("train/a.jpg", "train/b.png", "test/c.png")
NUMBERED = [f"{axis}{k}" for k in range(5) for axis in "xy"]


def table():
    """Header and rows; the face moves by a pixel from row to row."""
    rows = [[file, file.split("/")[0], *(FACE + i).ravel().tolist()] for i, file in enumerate(FILES)]
    return ["file", "subset", *NUMBERED], rows


def write(root, header, rows, name="labels.csv"):
    lines = [",".join(str(cell) for cell in line) for line in [header, *rows]]
    (root / name).write_text("\n".join(lines) + "\n")
    return name


def source(root, header, rows, **options):
    return FolderSource(root, write(root, header, rows), FIVE, **options)


def fails(message, *args, **options):
    with pytest.raises(InputError, match=message) as error:
        FolderSource(*args, **options)
    assert "\n" not in str(error.value)


def test_csv(root):
    faces = source(root, *table())
    record = faces[1]
    assert (record["file"], record["subset"], record["box"].tolist()) == ("train/b.png", "train", [21, 21, 41, 42])
    np.testing.assert_array_equal(decode(record["image"], "b")[0, 0], [10, 20, 30])
    assert pickle.loads(pickle.dumps(faces))[2]["image"] == faces[2]["image"]  # loader processes get a pickled copy
    assert (len(faces), faces.scheme) == (3, FIVE)
    assert (faces.files, faces.subsets) == (list(FILES), ["train", "train", "test"])
    np.testing.assert_array_equal(faces.landmarks, np.stack([FACE, FACE + 1, FACE + 2]))
    np.testing.assert_array_equal(faces.boxes, [[20, 20, 40, 41], [21, 21, 41, 42], [22, 22, 42, 43]])
    assert faces.visible.all() and faces.visible.shape == (3, 5)
    assert (faces.landmarks.dtype, faces.visible.dtype, faces.boxes.dtype) == (np.float32, np.bool_, np.float32)


def test_csv_with_named_columns_box_visibility_and_extras(root):
    header = ["pose", "file", *(f"{n}_{a}" for n in FIVE.names for a in "xy"), *(f"{n}_v" for n in FIVE.names)]
    header += ["box_x0", "box_y0", "box_x1", "box_y1"]
    rows = [["left", FILES[0], *FACE.ravel(), 1, 1, 2, 1, 0, 1, 2, 50, 48]]
    rows[0][header.index("right_mouth_x")] = ""  # not labelled, so its coordinates may be absent
    faces = source(root, header, rows)
    np.testing.assert_array_equal(faces.visible, [[True, True, True, True, False]])
    np.testing.assert_array_equal(faces.boxes, [[1, 2, 50, 48]])
    assert faces.subsets == ["all"]
    assert np.isfinite(faces.landmarks).all()


def test_unlabelled_landmarks_do_not_stretch_the_box(root):
    header, rows = table()
    rows = [[*rows[0], 1, 1, 1, 1, 0]]
    rows[0][-7:-5] = [0, 0]
    faces = source(root, [*header, *(f"v{k}" for k in range(5))], rows)
    np.testing.assert_array_equal(faces.boxes, [[20, 20, 40, 40]])


def test_subsets_are_selected(root):
    faces = source(root, *table(), subsets=("test",))
    assert faces.files == ["test/c.png"] and faces.landmarks.shape == (1, 5, 2)


def test_landmark_beside_the_image_has_no_weight(root):
    header, rows = table()
    rows[1][header.index("x1")] = SIZE[0] - 0.5  # the border of the last pixel is still inside
    rows[2][header.index("x1")] = SIZE[0] + 2
    with pytest.warns(UserWarning, match="row 4: a landmark lies outside.*1 landmarks in 1 rows"):
        faces = source(root, header, rows)
    np.testing.assert_array_equal(np.argwhere(~faces.visible), [[2, 1]])
    assert faces.boxes[2, 2] == SIZE[0] + 2


def test_size_is_that_of_the_upright_image(root):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (50, 90)).save(root / FILES[0], exif=exif)  # upright: 90 x 50
    header, rows = table()
    rows[0][header.index("x1")] = 85
    assert source(root, header, rows[:1]).visible.all()


def edit(column, value, row=1):
    def apply(header, rows):
        rows[row][header.index(column)] = value
        return header, rows

    return apply


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda h, r: ([c.replace("y3", "yy3") for c in h], r), r'labels\.csv: column "y3" .*nearest is yy3'),
        (lambda h, r: (["image", *h[1:]], r), 'column "file"'),
        (lambda h, r: (["file", "subset", *"abcdefghij"], r), 'column "x0"'),
        (lambda h, r: ([*h, "box_x0"], [[*x, 0] for x in r]), 'column "box_y0" .*nearest is box_x0'),
        (lambda h, r: ([*h, "v0"], [[*x, 0] for x in r]), 'column "v1"'),
        (edit("x2", "nan"), r'labels\.csv, row 3, column "x2": "nan"'),
        (edit("y4", ""), 'row 3, column "y4": ""'),
        (edit("x0", "1e99", 0), 'row 2, column "x0": "1e99"'),
        (edit("x1", 400), r'row 3: landmark 1 \(400, 21\) .*"train/b.png"'),
        (edit("file", "train/bb.png"), 'row 3: there is no image "train/bb.png" under .*nearest is b.png'),
        (edit("file", "val/b.png"), "row 3: there is no image .*there is no folder"),
        (edit("file", "train"), 'row 3: there is no image "train"'),
        (lambda h, r: (h, [*r, r[1]]), 'row 5: the same face of "train/b.png" as in .*row 3; remove one'),
        (
            lambda h, r: (h, [[*x[:2], *(10 * v for v in x[2:])] for x in r]),
            "5 of 5 landmarks lie outside .*60 x 50 px",
        ),
        (lambda h, r: (h, [[*x[:2], *(v / 60 for v in x[2:])] for x in r]), "between 0 and 1; they must be pixels"),
        (lambda h, r: (h, [[*x[:2], *[20] * 10] for x in r]), "row 2: the landmarks all lie at one place.*add a box"),
    ],
)
def test_bad_tables(root, change, message):
    fails(message, root, write(root, *change(*table())), FIVE)


def test_two_faces_in_one_image_and_one_face_in_two_subsets_are_no_duplicates(root):
    header, rows = table()
    second = [FILES[0], "train", *(FACE + [15, 5]).ravel()]
    again = [rows[2][0], "profile", *rows[2][2:]]
    assert source(root, header, [*rows, second, again]).subsets[3:] == ["train", "profile"]


@pytest.mark.parametrize(
    "subsets, message",
    [
        (("val",), 'subset "val" has no rows; available: test, train'),
        (("train", "tests"), 'subset "tests" has no rows; the nearest is test; available'),
        ((), "no subset chosen.*available: test, train"),
    ],
)
def test_empty_splits(root, subsets, message):
    fails(message, root, write(root, *table()), FIVE, subsets=subsets)


def test_rows_without_a_label_are_counted_not_dropped_silently(root):
    header, rows = table()
    header += [f"v{k}" for k in range(5)]
    with pytest.warns(UserWarning, match="row 3: no labelled landmark; 1 such rows"):
        faces = source(root, header, [[*row, *[int(i != 1)] * 5] for i, row in enumerate(rows)])
    assert faces.files == [FILES[0], FILES[2]]
    fails("row 2: no landmark is labelled", root, write(root, header, [[*row, *[0] * 5] for row in rows]), FIVE)


@pytest.mark.parametrize("content, message", [(b"", "b.png: .*zero bytes"), (b"text", "b.png: not an image")])
def test_bad_image_is_named_at_once(root, content, message):
    (root / FILES[1]).write_bytes(content)
    fails(message, root, write(root, *table()), FIVE)


def test_bad_paths_and_schemes(root, tmp_path_factory):
    header, rows = table()
    other = tmp_path_factory.mktemp("elsewhere")
    write(other, header, rows)
    assert len(FolderSource(root, other / "labels.csv", FIVE)) == 3
    boxes = [*header, "box_x0", "box_y0", "box_x1", "box_y1"]
    fails("row 2: the box .* is empty", root, write(root, boxes, [[*rows[0], 30, 1, 30, 9]]), FIVE)
    fails("labels.csv: 5 landmarks .*the scheme w300 has 68", root, write(root, header, rows), W300)
    fails("no such folder", root / "none", "labels.csv", FIVE)
    fails("label.csv: no such annotations.*nearest is labels.csv", root, "label.csv", FIVE)
    fails("annotations are a .csv, a .json", root, FILES[0], FIVE)


def test_vanished_image(root):
    faces = source(root, *table())
    (root / FILES[2]).unlink()
    with pytest.raises(InputError, match="c.png: cannot be read"):
        faces[2]


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_real_faces():
    faces = FolderSource(SHARED / "300w", "landmarks_68.csv", W300)
    assert len(faces) == 2236 and faces.visible.all()
    counts = {name: faces.subsets.count(name) for name in sorted(set(faces.subsets))}
    assert counts == {"afw": 337, "helen_train": 870, "lfpw_test": 224, "lfpw_train": 805}
    record = faces[0]
    height, width, _ = decode(record["image"], record["file"]).shape
    assert (record["landmarks"] > 0).all() and (record["landmarks"] < (width, height)).all()


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_real_faces_with_named_columns():
    """The README of the data counts 1,500 faces, 28 of them grey."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces = FolderSource(SHARED / "mtfl", "aflw.csv", FIVE)
    assert len(faces) == 1500 and faces.landmarks.shape == (1500, 5, 2)
