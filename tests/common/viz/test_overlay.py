"""Tests of `common.viz.overlay`."""

import numpy as np
import pytest

from common.data.faces.scheme import LandmarkScheme
from common.viz.overlay import PREDICTED, TARGET, overlay

SCHEME = LandmarkScheme("three", ("a", "b", "c"), lines=((0, 1),))
GREY = np.full((64, 96, 3), 128, np.uint8)
POINTS = np.array([[10.0, 20.0], [60.0, 20.0], [40.0, 50.0]])
FACTOR = 4  # 96 px reach the default of 384


def drawn(picture):
    return (picture != 128).any(-1)


def at(picture, x, y):
    """The pixel in the middle of the enlarged pixel (x, y)."""
    return picture[round((y + 0.5) * FACTOR - 0.5), round((x + 0.5) * FACTOR - 0.5)]


def test_dots_are_where_the_landmarks_are():
    picture = overlay(GREY, POINTS)
    assert picture.shape == (64 * FACTOR, 96 * FACTOR, 3) and picture.dtype == np.uint8
    for x, y in POINTS:
        np.testing.assert_array_equal(at(picture, x, y), PREDICTED)
    # The centre of what is drawn is the centre of the landmarks: nothing is shifted by half a pixel.
    rows, columns = np.nonzero(drawn(picture))
    centre = (np.array([columns.mean(), rows.mean()]) + 0.5) / FACTOR - 0.5
    np.testing.assert_allclose(centre, POINTS.mean(0), atol=0.1)


def test_colours_of_prediction_and_truth():
    picture = overlay(GREY, POINTS, POINTS + np.array([20.0, 5.0]))
    np.testing.assert_array_equal(at(picture, 10, 20), PREDICTED)
    np.testing.assert_array_equal(at(picture, 30, 25), TARGET)


def test_lines_are_those_of_the_scheme():
    with_lines, dots = overlay(GREY, POINTS, scheme=SCHEME), overlay(GREY, POINTS)
    assert drawn(at(with_lines, 35, 20)) and not drawn(at(dots, 35, 20))
    assert not drawn(with_lines[30 * FACTOR : 40 * FACTOR]).any()  # no line goes to c


def test_edges_are_smooth():
    # Grey, black and one colour would be 3 values without smoothing.
    assert len(np.unique(overlay(GREY, POINTS, scheme=SCHEME)[..., 2])) > 10


def test_unknown_landmarks_are_not_drawn():
    unknown = POINTS.copy()
    unknown[2] = np.nan
    np.testing.assert_array_equal(overlay(GREY, unknown)[120:], overlay(GREY, POINTS[:2])[120:])
    hidden = overlay(GREY, None, POINTS, SCHEME, visible=np.array([0, 1, 1]))
    assert not drawn(at(hidden, 10, 20)) and not drawn(at(hidden, 35, 20)) and drawn(at(hidden, 60, 20))


def test_landmarks_outside_do_not_fail_and_the_input_stays():
    before = GREY.copy()
    assert not drawn(overlay(GREY, np.full((3, 2), -1e4), scheme=SCHEME)).any()
    np.testing.assert_array_equal(GREY, before)


def test_large_images_keep_their_size():
    assert overlay(np.zeros((500, 400, 3), np.uint8), POINTS).shape == (500, 400, 3)


@pytest.mark.parametrize(
    ("image", "points"),
    [(GREY.astype(np.float32), POINTS), (GREY[..., 0], POINTS), (GREY, POINTS[:2]), (GREY, POINTS.T)],
)
def test_wrong_shapes_are_loud(image, points):
    with pytest.raises(ValueError, match="must be"):
        overlay(image, points, scheme=SCHEME)
