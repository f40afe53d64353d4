"""Annotations in COCO and .pts files, read through the folder source; `test_folder.py` has the CSV tables."""

import json

import numpy as np
import pytest

from common.data.faces.folder import FolderSource
from common.data.faces.schemes import FIVE
from common.errors import InputError

FILES = ("train/a.jpg", "train/b.png", "test/c.png")
FACE = np.array([(20, 20), (40, 20), (30, 30), (22, 40), (38, 41)], np.float32)


def fails(message, root, annotations):
    with pytest.raises(InputError, match=message) as error:
        FolderSource(root, annotations, FIVE)
    assert "\n" not in str(error.value)


def coco(**fields):
    """Two annotated faces; `fields` replace some of the second one."""
    flags = ([2, 2, 1, 2, 2], [2, 2, 2, 2, 0])
    keypoints = [
        [
            value
            for (x, y), v in zip(FACE + i, face, strict=True)
            for value in ((x.item(), y.item(), v) if v else [0] * 3)
        ]
        for i, face in enumerate(flags)
    ]
    annotations = [
        {"id": 7, "image_id": 1, "keypoints": keypoints[0], "bbox": [10, 12, 40, 30]},
        {"id": 8, "image_id": 2, "keypoints": keypoints[1], **fields},
    ]
    listed = [{"id": i + 1, "file_name": file, "subset": file.split("/")[0]} for i, file in enumerate(FILES)]
    return {"images": listed, "annotations": annotations}


def write_json(root, content):
    (root / "faces.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return "faces.json"


def test_coco(root):
    faces = FolderSource(root, write_json(root, coco()), FIVE)
    assert (faces.files, faces.subsets) == (list(FILES[:2]), ["train", "train"])
    np.testing.assert_array_equal(faces.visible, [[True] * 5, [True] * 4 + [False]])  # 1 is occluded, but labelled
    np.testing.assert_array_equal(faces.landmarks[0], FACE)
    # The given box as corners; without one, the extent of the labelled landmarks.
    np.testing.assert_array_equal(faces.boxes, [[10, 12, 50, 42], [21, 21, 41, 41]])


@pytest.mark.parametrize(
    "content, names",
    [
        ("{", "line 1"),
        ({"images": []}, '"annotations"'),
        ({**coco(), "annotations": []}, '"annotations"'),
        (coco(image_id=9), 'annotation 8: "image_id" 9'),
        (coco(keypoints=[1, 2, 2]), 'annotation 8: "keypoints" has 3 values.*five needs 15'),
        (coco(keypoints=None), 'annotation 8: the list "keypoints"'),
        (coco(keypoints=[None] * 15), 'annotation 8: "keypoints" value 0 is None'),
        (coco(keypoints=[float("nan")] * 15), 'annotation 8: "keypoints" value 0 is nan'),
        (coco(bbox=[1, 2, 3]), 'annotation 8: "bbox"'),
        (coco(bbox=[1, 2, 0, 5]), "annotation 8: the box"),
        (coco(image_id=1, keypoints=coco()["annotations"][0]["keypoints"]), "annotation 8: the same face"),
    ],
)
def test_bad_coco(root, content, names):
    fails("faces.json.*" + names, root, write_json(root, content))


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
    "text, names",
    [
        (points_text(FACE[:4]), ": 4 points.*five has 5"),
        (points_text(FACE, 68), ': field "n_points" says 68'),
        (points_text(FACE).replace("22.0", "nan"), ', point 4: "nan 40.0"'),
        (points_text(FACE).replace("22.0 ", ""), ', point 4: "40.0"'),
        (points_text(FACE)[:40], ": the points between"),
        ("", ": the points between"),
    ],
)
def test_bad_pts(root, text, names):
    write_points(root)
    (root / "train/b.pts").write_text(text)
    fails("train/b.pts" + names, root, ".")


def test_pts_without_image_and_no_pts(root):
    fails("no .pts files", root, ".")
    fails("matches no .pts file", root, "*.pts")
    (root / "alone.pts").write_text(points_text(FACE))
    fails("alone.pts: no image", root, ".")
