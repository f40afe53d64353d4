"""Tests `common/data/pts.py` through the folder source."""

import numpy as np
import pytest
from PIL import Image

from common.data.faces.folder import FolderSource
from common.data.faces.schemes import FIVE
from common.errors import InputError

FILES = ("train/a.jpg", "train/b.png", "test/c.png")
FACE = np.array([(20, 20), (40, 20), (30, 30), (22, 40), (38, 41)], np.float32)


@pytest.fixture
def root(tmp_path):
    for file in FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (60, 50)).save(tmp_path / file)
    return tmp_path


def fails(message, *args):
    with pytest.raises(InputError, match=message) as error:
        FolderSource(*args)
    assert "\n" not in str(error.value)


def points_text(points, count=None):
    body = "\n".join(f"{x} {y}" for x, y in points)
    return f"version: 1\nn_points:  {count or len(points)}\n{{\n{body}\n}}\n"


def write_points(root):
    for i, file in enumerate(FILES):
        (root / file).with_suffix(".pts").write_text(points_text(FACE + i + 1))  # 1-based


@pytest.mark.parametrize("annotations", [".", "**/*.pts"])
def test_pts(root, annotations):
    write_points(root)
    faces = FolderSource(root, annotations, FIVE)
    assert faces.files == ["test/c.png", "train/a.jpg", "train/b.png"]
    assert faces.subsets == ["test", "train", "train"]
    np.testing.assert_array_equal(faces.landmarks, np.stack([FACE + 2, FACE, FACE + 1]))
    assert len(FolderSource(root, annotations, FIVE, subsets=("train",))) == 2
    assert faces[1]["file"] == "train/a.jpg"


def test_pts_in_a_folder_of_their_own(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("points")
    (other / "train").mkdir()
    (other / "train/b.pts").write_text(points_text(FACE + 1))
    faces = FolderSource(root, other, FIVE)
    assert (faces.files, faces.subsets) == (["train/b.png"], ["train"])


@pytest.mark.parametrize(
    "text, message",
    [
        (points_text(FACE[:4]), "b.pts: 4 points, but the scheme five has 5"),
        (points_text(FACE, 68), 'b.pts: field "n_points" says 68, the file holds 5'),
        (points_text(FACE).replace("22.0", "nan"), 'b.pts, point 4: "nan 40.0" is not two finite numbers'),
        (points_text(FACE).replace("22.0 ", ""), 'b.pts, point 4: "40.0" is not two'),
        (points_text(FACE)[:40], "b.pts: the points between . and . are missing or cut off"),
        ("", "b.pts: the points between"),
    ],
)
def test_bad_pts(root, text, message):
    write_points(root)
    (root / "train/b.pts").write_text(text)
    fails(message, root, ".", FIVE)


def test_pts_without_image_and_no_pts(root):
    fails("no .pts files", root, ".", FIVE)
    fails("matches no .pts file", root, "*.pts", FIVE)
    (root / "alone.pts").write_text(points_text(FACE))
    fails("alone.pts: no image of this name", root, ".", FIVE)
