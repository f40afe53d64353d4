"""A folder of pictures to annotate."""

import pytest
from PIL import Image


@pytest.fixture
def root(tmp_path):
    """Three pictures of 60 x 50 px."""
    for i, file in enumerate(("train/a.jpg", "train/b.png", "test/c.png")):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (60, 50), (10 * i, 20, 30)).save(tmp_path / file)
    return tmp_path
