"""Builders of images without landmarks: official layouts in, official order, selections and labels out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data import batches
from common.data.images.pipeline import ImageLoader
from common.data.tfds import IMAGE_BUILDERS
from common.data.tfds.celebahq import ATTRIBUTES
from common.data.tfds.records import TfdsImages, open_dataset, open_image_dataset, prepare
from common.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*officially:UserWarning")


def image(path, seed, size=(12, 9)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def error_of(name, *args, **kwargs) -> str:
    with pytest.raises(InputError) as error:
        open_image_dataset(name, *args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def ffhq(tmp_path):
    root = tmp_path / "ffhq"
    for i, name in enumerate(["69000/69999.png", "00000/00001.png", "59000/59999.png", "60000/60000.png"]):
        image(root / "images1024x1024" / name, i)
    image(root / "thumbnails128x128/00007.png", 9)
    return root


@pytest.fixture
def cub(tmp_path):
    root = tmp_path / "cub"
    names = ["001.Albatross/b.jpg", "001.Albatross/a.jpg", "200.Yellowthroat/c.jpg"]
    for i, name in enumerate(names):
        image(root / "CUB_200_2011/images" / name, i)
    lists = {"images": names, "image_class_labels": ["1", "1", "200"], "train_test_split": ["0", "1", "1"]}
    for name, values in lists.items():
        lines = "".join(f"{i} {value}\n" for i, value in enumerate(values, start=1))
        (root / "CUB_200_2011" / f"{name}.txt").write_text(lines)
    return root


@pytest.fixture
def celeba_hq(tmp_path):
    """Image i has attributes i and 31 (Smiling)."""
    root = tmp_path / "celeba"
    lines = ["3", " ".join(ATTRIBUTES) + " "]
    for i in range(3):
        image(root / f"CelebAMask-HQ/CelebA-HQ-img/{i}.jpg", i)
        lines.append(f"{i}.jpg  " + " ".join("1" if a in (i, 31) else "-1" for a in range(40)))
    (root / "CelebAMask-HQ/CelebAMask-HQ-attribute-anno.txt").write_text("\n".join(lines) + "\n")
    return root


def test_ffhq_is_in_the_order_of_its_numbers(ffhq, tmp_path):
    everything = open_image_dataset("ffhq", tmp_path / "data", "full", ffhq)
    names = ["00000/00001.png", "59000/59999.png", "60000/60000.png", "69000/69999.png"]
    assert everything.files == [f"images1024x1024/{name}" for name in names]
    assert everything[1]["image"] == (ffhq / everything.files[1]).read_bytes()
    assert everything.labels.size == 0 and everything[0]["label"].shape == (0,)
    assert open_image_dataset("ffhq", tmp_path / "data", "training").files == everything.files[:2]
    validation = open_image_dataset("ffhq", tmp_path / "data", "validation")
    assert validation.files == everything.files[2:]
    assert validation[1]["image"] == (ffhq / everything.files[3]).read_bytes()
    small = open_image_dataset("ffhq", tmp_path / "data", "full", ffhq, resolution=128)
    assert small.files == ["thumbnails128x128/00007.png"]


def test_ffhq_says_what_is_wrong(ffhq, tmp_path):
    data = tmp_path / "data"
    assert "resolution='512px' is not one of 1024px, 128px" in error_of("ffhq", data, "full", ffhq, resolution=512)
    image(ffhq / "images1024x1024/mean.png", 0)
    assert "images of FFHQ are named by a number" in error_of("ffhq", data, "full", ffhq)
    message = error_of("ffhq", data, "full", tmp_path / "data")
    assert "images1024x1024: no such file or folder; manual_dir must hold images1024x1024/" in message


def test_lsun_sorts_by_the_names_in_the_database(tmp_path):
    root = tmp_path / "lsun"
    for i, name in enumerate(["train/f/0/f0aa.webp", "train/0/f/0fbb.webp", "val/1/1/11cc.webp"]):
        image(root / f"church_outdoor_{name}", i)
    image(root / "church_outdoor_train/9/z/00dd.webp", 5)
    train = open_image_dataset("lsun_church", tmp_path / "data", "train", root)
    assert [Path(file).name for file in train.files] == ["00dd.webp", "0fbb.webp", "f0aa.webp"]
    assert len(open_image_dataset("lsun_church", tmp_path / "data", "val")) == 1
    (root / "church_outdoor_val").rename(root / "elsewhere")
    assert "church_outdoor_val: no such file or folder; manual_dir" in error_of(
        "lsun_church", tmp_path / "new", "train", root
    )
    assert "no split 'full'; it has train, val" in error_of("lsun_church", tmp_path / "other", "full", root)
    assert not (tmp_path / "other").exists()  # seen before anything is prepared


def test_animal_faces_are_two_data_sets(tmp_path):
    for name, seed in (("dog/0.jpg", 0), ("dog/1.jpg", 1), ("cat/img/7.jpg", 2)):
        image(tmp_path / f"animals/AnimalFace-{name}", seed)
    dogs = open_image_dataset("animal_face", tmp_path / "data", "full", tmp_path / "animals")
    cats = open_image_dataset("animal_face", tmp_path / "data", "full", tmp_path / "animals", animal="cat")
    assert dogs.files == ["AnimalFace-dog/0.jpg", "AnimalFace-dog/1.jpg"]
    assert cats.files == ["AnimalFace-cat/img/7.jpg"]
    assert "animal='cow' is not one of dog, cat" in error_of("animal_face", tmp_path, animal="cow")


def test_cub_has_one_hot_species_and_the_official_split(cub, tmp_path):
    birds = open_image_dataset("cub", tmp_path / "data", "full", cub, labelled=True)
    assert birds.files == ["001.Albatross/b.jpg", "001.Albatross/a.jpg", "200.Yellowthroat/c.jpg"]
    labels = np.stack([record["label"] for record in birds])
    assert labels.shape == (3, 200) and labels.dtype == np.float32
    np.testing.assert_array_equal(labels.argmax(1), [0, 0, 199])
    np.testing.assert_array_equal(labels.sum(1), [1, 1, 1])
    train = open_image_dataset("cub", tmp_path / "data", "train", labelled=True)
    assert (
        train.files == birds.files[1:] and open_image_dataset("cub", tmp_path / "data", "test").files == birds.files[:1]
    )
    np.testing.assert_array_equal(train[1]["label"], labels[2])
    assert open_image_dataset("cub", tmp_path / "data").labels.size == 0


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("image_class_labels", "1 1\n2 1\n3 201\n", "image 3: class '201' is not from 1 to 200"),
        ("train_test_split", "1 0\n2 1\n3 2\n", "image 3: .*'2' not 0 or 1"),
        ("train_test_split", "1 0\n2 1\n", "train_test_split.txt: not the images of images.txt"),
        ("images", "1 a.jpg\n1 b.jpg\n", "images.txt, row 2: needs a new number"),
        ("images", "1 001.Albatross/b.jpg\n2\n", "images.txt, row 2: needs a new number and a value"),
        ("images", "1 x.jpg\n2 y.jpg\n3 z.jpg\n", "images.txt, row 1: there is no image .*x.jpg"),
    ],
)
def test_cub_names_what_is_wrong(cub, tmp_path, name, text, message):
    (cub / f"CUB_200_2011/{name}.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        prepare("cub", tmp_path / "data", cub)


def test_celeba_hq_has_its_attributes(celeba_hq, tmp_path):
    faces = open_image_dataset("celeba_hq", tmp_path / "data", "full", celeba_hq, labelled=True)
    assert faces.files == ["0.jpg", "1.jpg", "2.jpg"] and faces.labels.size == 40
    for i, record in enumerate(faces):
        np.testing.assert_array_equal(np.flatnonzero(record["label"] == 1), [i, 31])
        assert record["label"].sum() == 2
    assert IMAGE_BUILDERS["celeba_hq"].attributes[31] == "Smiling"


def test_celeba_hq_names_what_is_wrong(celeba_hq, tmp_path):
    path = celeba_hq / "CelebAMask-HQ/CelebAMask-HQ-attribute-anno.txt"
    count, header, *lines = path.read_text().splitlines()
    for wrong, message in (
        (["30000", header, *lines], "not a count, the names of 40 attributes and that many rows"),
        ([count, header.replace("Young", "Old"), *lines], "not a count"),
        ([count, header, lines[0], lines[1].replace("-1", "0", 1), lines[2]], "row 4: needs a file and 40 values"),
        ([count, header, lines[0], lines[1][:-3], lines[2]], "row 4: needs a file and 40 values"),
        ([count, header, lines[0], lines[1].replace("1.jpg", "9.jpg"), lines[2]], "row 2: there is no image .*9.jpg"),
        ([], "not a count"),
    ):
        path.write_text("\n".join(wrong) + "\n" if wrong else "")
        with pytest.raises(InputError, match=message):
            prepare("celeba_hq", tmp_path / "data", celeba_hq)


def test_prepared_images_go_through_the_pipeline(cub, tmp_path):
    source = open_image_dataset("cub", tmp_path / "data", "full", cub, labelled=True)
    (batch,) = batches.once(ImageLoader(source, 8), batch_size=3)
    assert batch["image"].shape == (3, 8, 8, 3) and batch["image"].any(axis=(1, 2, 3)).all()
    np.testing.assert_array_equal(batch["label"].argmax(1), [0, 0, 199])


def test_labels_and_landmarks_that_are_not_there(ffhq, tmp_path):
    builder = prepare("ffhq", tmp_path / "data", ffhq)
    with pytest.raises(InputError, match="ffhq: labels are asked for, but it has none"):
        TfdsImages(builder, "full", labelled=True)
    with pytest.raises(InputError, match="ffhq has no landmarks; data sets with landmarks are w300"):
        open_dataset("ffhq", tmp_path / "data", "full")
    with pytest.raises(InputError, match="no data set of images 'w300'; there are ffhq, lsun_church, cub"):
        open_image_dataset("w300", tmp_path)
    with pytest.raises(InputError, match="no split 'train'; it has full, training, validation"):
        TfdsImages(builder, "train")
