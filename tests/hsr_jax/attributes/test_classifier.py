"""Tests `hsr_jax.attributes`: loss, augmentation and accuracies of a classifier, loading it, its data."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common import files
from common.config import config_to_dict
from common.errors import InputError
from common.train.checkpoint import Checkpoints
from hsr_jax.attributes import build, classifier
from hsr_jax.attributes.config import AttributesConfig
from hsr_jax.attributes.data import AttributeDataConfig, names, open_test, open_training

KEY = jax.random.key(0)


def test_the_loss_is_the_cross_entropy():
    scores, labels = jnp.array([[2.0, -1.0], [0.0, 3.0]]), jnp.array([[1.0, 0.0], [1.0, 0.0]])
    p = 1 / (1 + np.exp(-np.array(scores)))
    expected = -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).mean(1)
    np.testing.assert_allclose(classifier.loss(scores, labels), expected, rtol=1e-5)
    # d loss / d logit = sigmoid - label, over the attributes
    gradient = jax.grad(lambda s: classifier.loss(s, labels).sum())(scores)
    np.testing.assert_allclose(gradient, (p - labels) / 2, atol=1e-6)


def test_augmentation_shifts_and_recolours_each_image_by_itself():
    side = 32
    image = jnp.zeros((side, side, 3)).at[16, 16].set(0.5)
    found = classifier.augment(KEY, jnp.tile(image, (64, 1, 1, 1)))
    assert found.shape == (64, side, side, 3)
    ground, places = [], []
    for one in np.array(found):
        # The image is a dot on a uniform ground: one pixel is brighter by the contrast, wherever the shift moved it.
        levels, counts = np.unique(one[..., 0].round(5), return_counts=True)
        assert counts.tolist() == [side**2 - 1, 1]
        ground.append(levels[0])
        assert 0.4 - 1e-4 <= levels[1] - levels[0] <= 0.6 + 1e-4
        places.append(np.argwhere(one[..., 0] == one[..., 0].max())[0] - 16)
    assert np.abs(ground).max() <= 0.2 and np.std(ground) > 0.05
    assert np.abs(places).max() == 2  # a sixteenth of 32
    assert len(np.unique(places, axis=0)) > 10


def test_tallies_add_up_to_accuracies():
    scores = jnp.array([[1.0, 1.0], [-1.0, 1.0], [2.0, 1.0], [-3.0, 1.0], [9.0, -9.0]])
    labels = jnp.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    mask = jnp.array([1.0, 1, 1, 1, 0])  # the last is padding
    parts = [classifier.tally(scores[i : i + 3], labels[i : i + 3], mask[i : i + 3]) for i in (0, 3)]
    totals = jax.tree.map(lambda *x: np.sum(x, axis=0), *parts)
    found = classifier.summarize(totals, ("a", "b"))
    assert (found["accuracy/a"], found["accuracy/b"], found["accuracy"]) == (0.5, 1.0, 0.75)
    assert found["balanced_accuracy/a"] == 0.5
    assert found["balanced_accuracy/b"] == 1.0  # all images have it, so only their accuracy counts
    np.testing.assert_allclose(found["loss"], classifier.loss(scores, labels)[:4].mean(), rtol=1e-6)


def test_a_loaded_classifier_sees_pictures_at_its_own_size(tmp_path):
    """Images of another size are resized, and a generator's values beyond [-1, 1] are clipped."""
    data = AttributeDataConfig(source="x", attributes=("a", "b"))
    config = AttributesConfig(str(tmp_path), data=data, image_size=16, widths=(2, 2, 2, 2), depths=(1, 1, 1, 1))
    model, variables = build.build(config), build.initialize(config)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"params": variables["params"], "model_state": {"batch_stats": variables["batch_stats"]}})
    checkpoints.close()
    files.write_json(tmp_path / "config.json", config_to_dict(config))
    apply, names = build.load_classifier(str(tmp_path))
    images = 2 * jax.random.normal(KEY, (2, 16, 16, 3))
    found = apply(images)
    assert names == ("a", "b") and found.shape == (2, 2)
    np.testing.assert_allclose(found, classifier.logits(model, variables, jnp.clip(images, -1, 1), 16), atol=1e-6)
    assert np.abs(found - classifier.logits(model, variables, images, 16)).max() > 1e-3
    np.testing.assert_allclose(apply(images.repeat(2, 1).repeat(2, 2)), found, atol=1e-5)


@pytest.fixture
def folder(tmp_path):
    rows = ["file,smile,hair"]
    for i in range(10):
        Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,{1 + i % 2},{'long' if i < 3 else 'short'}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    return tmp_path


def test_attributes_of_a_table(folder):
    data = AttributeDataConfig(
        str(folder), "table.csv", attributes=("hair", "smile"), positive=("long", "2"), validation_fraction=0.3
    )
    source, validation = open_training(data, seed=0)
    assert (len(source), len(validation)) == (7, 3)
    assert sorted([*source.files, *validation.files]) == [f"{i}.png" for i in range(10)]
    for images in (source, validation):
        for row, file in enumerate(images.files):
            i = int(file[0])
            np.testing.assert_array_equal(images.labels[row], [i < 3, i % 2])
    again = open_training(data, seed=0)[1]
    assert again.files == validation.files
    assert open_test(data) is None


@pytest.mark.parametrize(
    "change, message",
    [
        ({"attributes": ()}, "data.attributes: empty"),
        ({"attributes": ("smile", "smile")}, "twice"),
        ({"attributes": ("smil",)}, "nearest is smile"),
        ({"positive": ("1", "2", "3")}, "data.positive"),
        ({"positive": ("7",)}, "no row has"),
        ({"table": ""}, "data.table"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"source": "celeba_hq", "attributes": ("Smilin",)}, "nearest is Smiling"),
        ({"source": "ffhq", "attributes": ()}, "no attributes"),
    ],
)
def test_wrong_fields(folder, change, message):
    data = dataclasses.replace(AttributeDataConfig(str(folder), "table.csv", attributes=("smile",)), **change)
    with pytest.raises(InputError, match=message):
        names(data)
        open_training(data, seed=0)


def test_celeba_hq_has_forty():
    assert len(names(AttributeDataConfig())) == 40
    assert names(AttributeDataConfig(attributes=("Young", "Male"))) == ("Young", "Male")
