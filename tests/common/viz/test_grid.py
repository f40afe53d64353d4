"""Tests of `common.viz.grid`."""

import numpy as np
import pytest
from PIL import Image

from common.viz.grid import grid, write_image


def solid(height, width, value):
    return np.full((height, width, 3), value, np.uint8)


def test_every_image_is_there_once_and_in_reading_order():
    sheet = grid([solid(10, 12, value) for value in (10, 20, 30, 40, 50)], columns=3)
    for value in (10, 20, 30, 40, 50):
        assert (sheet == value).all(-1).sum() == 120
    position = {value: tuple(np.argwhere((sheet == value).all(-1))[0]) for value in (10, 20, 30, 40)}
    assert position[10][0] == position[20][0] == position[30][0] < position[40][0]
    assert position[10][1] == position[40][1] < position[20][1] < position[30][1]


def test_smaller_images_are_centred_in_their_cell():
    sheet = grid([solid(20, 20, 10), solid(10, 6, 20)], columns=2)
    large, small = (np.argwhere((sheet == value).all(-1)) for value in (10, 20))
    assert small[:, 0].mean() == large[:, 0].mean()
    assert len(small) == 60


def test_captions_stand_below_their_image_and_stay_in_their_cell():
    names = ["short", "a/very/long/path/that/would/run/into/the/next/cell.png"]
    sheet = grid([solid(40, 100, 200)] * 2, columns=2, captions=names)
    plain = grid([solid(40, 100, 200)] * 2, columns=2)
    assert sheet.shape[0] > plain.shape[0] and sheet.shape[1] == plain.shape[1]
    text = (sheet[44:] < 128).all(-1)
    assert text[:, :106].any() and text[:, 106:].any()
    assert not text[:, 104:108].any()  # the gap between the cells


def test_umlauts_have_glyphs_of_their_own():
    one, other = (grid([solid(40, 100, 200)], captions=[name]) for name in ("ä", "ß"))
    assert (one != other).any()


def test_bad_arguments():
    with pytest.raises(ValueError, match="at least one"):
        grid([])
    with pytest.raises(ValueError, match="1 captions for 2"):
        grid([solid(4, 4, 0)] * 2, captions=["a"])


def test_written_images_read_back(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    write_image(tmp_path / "new" / "a.png", image)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "a.png")), image)
    write_image(tmp_path / "a.jpg", image)
    assert Image.open(tmp_path / "a.jpg").format == "JPEG"
    with pytest.raises(ValueError, match="suffix"):
        write_image(tmp_path / "a.landmarks", image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "new"]  # nothing left aside
