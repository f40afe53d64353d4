"""Search for images in folders and by command lines."""

import os

import pytest

from common.data.images.find import find_images, list_files, list_images
from common.errors import InputError


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    for name in ("b.png", "a.JPG", "deep/c.webp", "._b.png", "notes.txt", "dataset.json"):
        (root / name).touch()
    return root


def test_all_images_of_a_folder_in_the_order_of_their_names(folder):
    with pytest.warns(UserWarning, match='"._b.png".*2 such files'):  # dataset.json is no surprise
        assert list_images(folder) == ["a.JPG", "b.png", "deep/c.webp"]


def test_linked_folders_are_followed_but_not_in_circles(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "e.png").touch()
    os.symlink(other, folder / "link")
    assert "link/e.png" in list_files(folder)
    os.symlink(folder, other / "back")
    with pytest.raises(InputError, match="link/back: .*remove the link"):
        list_files(folder)


def test_files_folders_and_globs_name_each_image_once(folder):
    wanted = [f"{folder}/{name}" for name in ("a.JPG", "b.png", "deep/c.webp")]
    assert find_images([str(folder)]) == wanted
    assert find_images([wanted[1], str(folder), f"{folder}/*.png"]) == [wanted[1], wanted[0], wanted[2]]


def test_an_input_without_images_is_an_error(tmp_path):
    with pytest.raises(InputError, match="field inputs"):
        find_images([])
    for absent in (str(tmp_path), str(tmp_path / "*.png"), str(tmp_path / "a.png")):
        with pytest.raises(InputError, match="names no image"):
            find_images([absent])
    (tmp_path / "a.dat").touch()
    with pytest.raises(InputError, match="holds no file with the suffix"):
        list_images(tmp_path)
