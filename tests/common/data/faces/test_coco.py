"""Tests `common/data/coco.py` through the folder source."""

import json

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


def coco():
    annotations = [
        {"id": 7, "image_id": 1, "keypoints": [*FACE.ravel().tolist()], "bbox": [10, 12, 40, 30]},
        {"id": 8, "image_id": 2, "keypoints": [*(FACE + 1).ravel().tolist()]},
    ]
    for entry, flags in zip(annotations, ([2, 2, 1, 2, 2], [2, 2, 2, 2, 0]), strict=True):
        triples = [[*entry["keypoints"][2 * k : 2 * k + 2], v] if v else [0, 0, 0] for k, v in enumerate(flags)]
        entry["keypoints"] = [value for triple in triples for value in triple]
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


def with_annotation(**fields):
    content = coco()
    content["annotations"][1].update(fields)
    return content


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "faces.json: not readable as JSON"),
        ({"images": []}, 'faces.json: the list "annotations" is missing'),
        ({**coco(), "annotations": []}, 'the list "annotations" is empty'),
        (with_annotation(image_id=9), 'annotation 8: "image_id" 9 is no image'),
        (with_annotation(keypoints=[1, 2, 2]), 'annotation 8: "keypoints" has 3 values, the scheme five needs 15'),
        (with_annotation(keypoints=None), 'annotation 8: the list "keypoints" is missing'),
        (with_annotation(keypoints=[None] * 15), 'annotation 8: "keypoints" value 0 is None'),
        (with_annotation(keypoints=[float("nan")] * 15), 'annotation 8: "keypoints" value 0 is nan'),
        (with_annotation(bbox=[1, 2, 3]), 'annotation 8: "bbox" must be x, y, width, height'),
        (with_annotation(bbox=[1, 2, 0, 5]), "annotation 8: the box .* is empty"),
        (with_annotation(image_id=1, keypoints=coco()["annotations"][0]["keypoints"]), "annotation 8: the same face"),
    ],
)
def test_bad_coco(root, content, message):
    fails(message, root, write_json(root, content), FIVE)
