"""Tests of `fase_jax.predict`."""

import pytest

from common.errors import InputError
from fase_jax.predict import read_boxes


def test_boxes_of_images_that_share_a_name(tmp_path):
    """A name that two images share is refused, while each path and every other name is accepted."""
    paths, file = ["a/1.png", "b/1.png", "b/2.png"], tmp_path / "boxes.csv"
    file.write_text("file,x0,y0,x1,y1\nb/1.png,1,2,3,4\n2.png,5,6,7,8\n")
    assert read_boxes(str(file), paths) == [("b/1.png", (1, 2, 3, 4)), ("b/2.png", (5, 6, 7, 8))]
    for name, message in (("1.png", "2 inputs are named 1.png"), ("3.png", "3.png is not among the inputs")):
        file.write_text(f"file,x0,y0,x1,y1\n{name},1,2,3,4\n")
        with pytest.raises(InputError, match=rf"boxes.csv.* {message}"):
            read_boxes(str(file), paths)
