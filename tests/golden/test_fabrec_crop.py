"""The crops of 3FabRec against its own numbers."""

import math

import numpy as np
import pytest
from reference import Case

from common.data.faces import crop, fabrec_crop


@pytest.fixture(scope="module")
def case():
    return Case("fabrec_heatmaps")


@pytest.fixture(scope="module")
def boxes(case):
    return np.array(case.variants["crop"]["bboxes"])


@pytest.fixture(scope="module")
def face(case):
    """Image and landmarks as case.json describes them."""
    inputs = case.inputs()
    image = np.clip(np.rint(inputs["img"][0].transpose(1, 2, 0)), 0, 255).astype(np.uint8)
    landmarks = inputs["face68"] + np.float32([150, 130])
    fixed = {8: (150, 200), 36: (118, 105), 39: (136, 106), 42: (164, 106), 45: (182, 103), 48: (130, 165)}
    for index, point in (fixed | {54: (170, 166), 27: (150, 108), 51: (150, 150)}).items():
        landmarks[index] = point
    return image, landmarks


def test_boxes(case, boxes):
    np.testing.assert_array_equal(
        [fabrec_crop.extend_box(box, (0.2, 0.12)) for box in boxes], case.expected["bbox/extend_dt0.2_db0.12"]
    )
    np.testing.assert_array_equal(
        [fabrec_crop.extend_box(box, (0.0, 0.1)) for box in boxes], case.expected["bbox/extend_db0.1"]
    )
    regions = [fabrec_crop.region_from_box(box, 256, (0.2, 0.12)) for box in boxes]
    np.testing.assert_array_equal(regions, case.expected["bbox/roi_256_margin107"].astype(int))
    assert fabrec_crop.diagonal(256) == case.expected["bbox/diagonal256"]
    assert fabrec_crop.diagonal(128) == case.expected["bbox/diagonal128"]


@pytest.mark.parametrize("mode", ["bbox", "landmarks"])
def test_crops(case, boxes, face, mode):
    image, landmarks = face
    visible = np.ones(68, bool)
    region = {
        "bbox": fabrec_crop.region_from_box(boxes[0], 256, (0.2, 0.12)),
        "landmarks": fabrec_crop.region_from_landmarks(landmarks, visible),
    }[mode]
    np.testing.assert_array_equal(region, case.expected[f"crop/{mode}/tl_br"])
    moved = crop.apply(fabrec_crop.crop_matrix(region, 256), landmarks)
    np.testing.assert_allclose(moved, case.expected[f"crop/{mode}/landmarks"], rtol=1e-6, atol=1e-4)
    pixels = fabrec_crop.crop_image(image, region, 256, fill=0)
    assert pixels.shape == (363, 363, 3)
    difference = pixels[::11, ::11].astype(int) - case.expected[f"crop/{mode}/image@sub11"]
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("source", ["fabrec", "fabrec_landmarks"])
@pytest.mark.parametrize("context, pixels", [(1.0, 256), (math.sqrt(2), 362)])
def test_the_network_sees_the_central_part(boxes, face, source, context, pixels):
    image, landmarks = face
    visible, rule = np.ones(68, bool), crop.Crop(256, source=source, context=context, extend=(0.2, 0.12))
    result, matrix = crop.crop_face(rule, image, landmarks, visible, boxes[0], "face.png")
    region = (
        fabrec_crop.region_from_box(boxes[0], 256, (0.2, 0.12))
        if source == "fabrec"
        else fabrec_crop.region_from_landmarks(landmarks, visible)
    )
    border = (363 - pixels) // 2  # 53 for 256, the reference's offset
    whole = fabrec_crop.crop_image(image, region, 256, fill=0)
    np.testing.assert_array_equal(result, whole[border : border + pixels, border : border + pixels])
    expected = crop.apply(fabrec_crop.crop_matrix(region, 256), landmarks) - border
    np.testing.assert_allclose(crop.apply(matrix, landmarks), expected, atol=1e-3)
