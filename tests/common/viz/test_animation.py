"""Tests `common.viz.animation`."""

import numpy as np
import pytest
from PIL import Image

from common.viz import animation


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_has_its_frames(tmp_path, suffix):
    frames = [np.full((8, 12, 3), level, np.uint8) for level in (0, 80, 160, 240)]
    looped = animation.back_and_forth(frames)
    assert [frame[0, 0, 0] for frame in looped] == [0, 80, 160, 240, 160, 80]
    path = tmp_path / f"a{suffix}"
    animation.write_animation(path, looped, frames_per_second=10)
    with Image.open(path) as picture:
        assert (picture.n_frames, picture.size, picture.info["loop"]) == (6, (12, 8), 0)
        picture.seek(3)
        level = np.asarray(picture.convert("RGB"))
        assert picture.info["duration"] == 100
    np.testing.assert_allclose(level, 240, atol=3)
    with pytest.raises(ValueError, match="animation"):
        animation.write_animation(tmp_path / "a.mp4", frames)
