"""Place and pixels of crops, and the errors for wrong rules and boxes."""

import math

import numpy as np
import pytest
from PIL import Image

from common.data.faces.boxes import extend_box, landmark_box, square_box
from common.data.faces.crop import Crop, apply, crop_face, crop_image, crop_matrix, invert
from common.errors import InputError

LANDMARKS = np.array([[10, 20], [40, 30], [25, 60], [900, 900]], np.float32)
VISIBLE = np.array([1, 1, 1, 0], bool)
BOX = np.array([5, 10, 45, 70], np.float32)


def gradient(height, width):
    """Image whose red is x and green is y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 99)], -1).astype(np.uint8)


def test_boxes():
    boxes = landmark_box(np.stack([LANDMARKS, LANDMARKS]), np.stack([VISIBLE, np.zeros(4)]))
    np.testing.assert_array_equal(boxes, [[10, 20, 40, 60], [np.nan] * 4])
    np.testing.assert_array_equal(extend_box(boxes[0], (0.5, 0.25)), [10, 0, 40, 70])
    np.testing.assert_array_equal(square_box(np.array([10, 20, 40, 60]), 1.25), [0, 15, 50, 65])


@pytest.mark.parametrize("size, context, pixels", [(128, 1.0, 128), (128, math.sqrt(2), 182), (64, math.sqrt(2), 90)])
def test_context_adds_the_same_on_both_sides(size, context, pixels):
    rule = Crop(size, context=context)
    assert rule.pixels == pixels
    face = LANDMARKS, VISIBLE, BOX, "a.png"
    inner, outer = crop_matrix(Crop(size), *face), crop_matrix(rule, *face)
    np.testing.assert_allclose(
        apply(outer, LANDMARKS), apply(inner, LANDMARKS) + (pixels - size) / 2, rtol=1e-5, atol=1e-3
    )


@pytest.mark.parametrize("source, expected", [("landmarks", [0, 15, 50, 65]), ("box", [-12.5, 2.5, 62.5, 77.5])])
def test_the_square_fills_the_crop(source, expected):
    """The square's corners are the outer corners of the corner pixels, half a pixel from their centres."""
    matrix = crop_matrix(Crop(100, source=source), LANDMARKS, VISIBLE, BOX, "a.png")
    corners = apply(matrix, np.array(expected).reshape(2, 2))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [99.5, 99.5]], atol=1e-4)


def test_extend_moves_top_and_bottom():
    matrix = crop_matrix(Crop(90, source="box", scale=1, extend=(0.2, 0.3)), LANDMARKS, VISIBLE, BOX, "a.png")
    corners = apply(matrix, np.array([[25 - 45, 10 - 12], [25 + 45, 70 + 18]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [89.5, 89.5]], atol=1e-4)


def test_identity_crop_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    result, matrix = crop_image(image, np.array([-0.5, -0.5, 31.5, 31.5]), 32)
    np.testing.assert_array_equal(result, image)
    np.testing.assert_array_equal(matrix, np.eye(2, 3))


@pytest.mark.parametrize("square", [(20.3, 31.7, 90.3, 101.7), (50, 40, 75.5, 65.5)], ids=["smaller", "larger"])
def test_pixels_are_where_the_matrix_says(square):
    """The value of a pixel of a gradient is its position: crop pixels show positions that the inverse matrix gives."""
    result, matrix = crop_image(gradient(120, 140), np.array(square), 40)
    x, y = np.meshgrid(np.arange(40.0), np.arange(40.0))
    positions = apply(invert(matrix), np.stack([x, y], -1).reshape(-1, 2)).reshape(40, 40, 2)
    np.testing.assert_allclose(result[..., :2], positions, atol=0.51)  # rounding to a grey level


def test_shrinking_averages():
    """One-pixel stripes become grey, not stripes of another frequency."""
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, ::2] = 255
    result, _ = crop_image(image, np.array([15.5, 15.5, 111.5, 111.5]), 24)
    assert np.abs(result.astype(int) - 127).max() <= 3


def test_pixels_outside_are_filled():
    image = np.full((20, 30, 3), 200, np.uint8)
    half, _ = crop_image(image, np.array([-20.5, -0.5, -0.5 + 20, 39.5]), 40, fill=7)
    np.testing.assert_array_equal(half[:18, 22:], np.full((18, 18, 3), 200))
    np.testing.assert_array_equal(half[22:], np.full((18, 40, 3), 7))
    np.testing.assert_array_equal(half[:, :18], np.full((40, 18, 3), 7))
    away, _ = crop_image(image, np.array([500.0, -900.0, 540.0, -860.0]), 16, fill=7)
    np.testing.assert_array_equal(away, np.full((16, 16, 3), 7))


def test_against_pillow_inside():
    """Inside the image, the crop equals Pillow's own antialiased bicubic resize of the same box."""
    image = np.random.default_rng(1).integers(0, 256, (90, 110, 3), dtype=np.uint8)
    result, _ = crop_image(image, np.array([20.25, 15.5, 80.25, 75.5]), 48)
    expected = Image.fromarray(image).resize((48, 48), Image.Resampling.BICUBIC, box=(20.75, 16, 80.75, 76))
    np.testing.assert_array_equal(result, expected)


def test_crop_face_agrees_with_its_matrix():
    rule = Crop(64, context=1.25, fill=3)
    image, matrix = crop_face(rule, gradient(120, 140), LANDMARKS, VISIBLE, BOX, "a.png")
    assert image.shape == (80, 80, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(matrix, crop_matrix(rule, LANDMARKS, VISIBLE, BOX, "a.png"))
    x, y = np.rint(apply(matrix, LANDMARKS[1:2])[0]).astype(int)
    np.testing.assert_allclose(image[y, x, :2], LANDMARKS[1], atol=1.5)


@pytest.mark.parametrize("source", ["landmarks", "box", "fabrec", "fabrec_landmarks"])
@pytest.mark.parametrize("value", [5.0, np.nan, "huge"])
def test_a_box_without_a_size_is_named(source, value):
    landmarks, box = np.full((68, 2), 5.0, np.float32), np.full(4, 5.0, np.float32)
    if value == "huge":
        landmarks[1], box[2:] = 1e6, 1e6
    else:
        landmarks[:], box[:] = value, value
    with pytest.raises(InputError, match="faces/b.png: no crop") as error:
        crop_face(Crop(64, source=source), gradient(20, 20), landmarks, np.ones(68, bool), box, "faces/b.png")
    assert "\n" not in str(error.value)


def test_wrong_fields_are_refused():
    with pytest.raises(InputError, match="b.png"):  # no visible landmark
        crop_matrix(Crop(64), LANDMARKS, np.zeros(4, bool), BOX, "b.png")
    for wrong in ({"scale": 0.0}, {"context": 0.5}, {"fill": 256}, {"size": 0}):
        with pytest.raises(InputError, match="crop"):
            Crop(**{"size": 8, **wrong})
    with pytest.raises(InputError, match="context"):
        crop_matrix(Crop(64, source="fabrec", context=2.0), LANDMARKS, VISIBLE, BOX, "a.png")
    with pytest.raises(InputError, match="68 or 98"):
        crop_matrix(Crop(64, source="fabrec_landmarks"), LANDMARKS, VISIBLE, BOX, "a.png")


def test_fabrec_leaves_the_image_and_fills():
    image = np.full((40, 40, 3), 200, np.uint8)
    result, _ = crop_face(
        Crop(32, source="fabrec", fill=9), image, LANDMARKS, VISIBLE, np.array([100.0, 100, 140, 140]), "a"
    )
    np.testing.assert_array_equal(result, np.full((32, 32, 3), 9))
