"""Tests `common.data.images.inputs`."""

import pytest
from common.data.images.inputs import find_images

from common.errors import InputError


def test_files_folders_and_globs_name_each_image_once(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "a.JPG", "deep/c.webp", "._b.png", "notes.txt"):
        (tmp_path / name).touch()
    folder = str(tmp_path)
    wanted = [f"{folder}/{name}" for name in ("a.JPG", "b.png", "deep/c.webp")]
    assert find_images([folder]) == wanted
    assert find_images([wanted[1], folder, f"{folder}/*.png"]) == [wanted[1], wanted[0], wanted[2]]


def test_what_names_nothing_is_an_error(tmp_path):
    with pytest.raises(InputError, match="field inputs: empty"):
        find_images([])
    for absent in (str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / "a.png")):
        with pytest.raises(InputError, match="names no image"):
            find_images([absent])
