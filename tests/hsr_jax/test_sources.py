"""Tests the images of a run: prepared data sets by name, and subsets drawn with the seed."""

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from hsr_jax.config import ImageDataConfig
from hsr_jax.sources import open_source

pytestmark = pytest.mark.filterwarnings("ignore:.*officially:UserWarning")


@pytest.fixture
def downloads(tmp_path):
    names = [f"church_outdoor_train/{i}.jpg" for i in range(5)] + ["church_outdoor_val/9.jpg"]
    names += ["AnimalFace-dog/1.jpg", "AnimalFace-cat/2.jpg", "AnimalFace-cat/3.jpg"]
    for i, name in enumerate(names):
        path = tmp_path / "downloads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(path)
    return tmp_path / "downloads"


def test_prepared_sets_go_by_name_part_and_animal(downloads, tmp_path):
    places = {"data_dir": str(tmp_path / "data"), "manual_dir": str(downloads)}
    church = open_source(ImageDataConfig(source="lsun_church", split="train", **places), seed=0)
    assert church.files == [f"church_outdoor_train/{i}.jpg" for i in range(5)]
    cats = open_source(ImageDataConfig(source="animal_face/cat", **places), seed=0)
    assert cats.files == ["AnimalFace-cat/2.jpg", "AnimalFace-cat/3.jpg"]
    with pytest.raises(InputError, match="animal='cow' is not one of dog, cat"):
        open_source(ImageDataConfig(source="animal_face/cow", **places), seed=0)
    with pytest.raises(InputError, match="full.*train, val"):
        open_source(ImageDataConfig(source="lsun_church", **places), seed=0)


def test_a_subset_is_drawn_by_the_seed(downloads):
    data = ImageDataConfig(source=str(downloads / "church_outdoor_train"), max_images=3)
    first, again, other = (open_source(data, seed).files for seed in (0, 0, 1))
    assert len(set(first)) == 3 and first == again != other


def test_a_source_is_asked_for():
    with pytest.raises(InputError, match="field data.source: empty; .*animal_face"):
        open_source(ImageDataConfig(), seed=0)
