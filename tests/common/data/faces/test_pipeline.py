"""Tests the loader of face crops."""

import io

import numpy as np
import pytest
from PIL import Image

from common.data import batches
from common.data.faces.crop import Crop, apply, crop_face
from common.data.faces.pipeline import CropLoader, mean_shape
from common.data.faces.source import Source
from common.errors import InputError

CROP = Crop(16, context=1.5)
N, K = 13, 5


class Faces(Source):
    """`count` PNG files in memory; `reads` counts how often one is opened."""

    def __init__(self, count: int = N, broken: int | None = None):
        rng = np.random.default_rng(0)
        self.landmarks = rng.uniform(5, 35, (count, K, 2)).astype(np.float32)
        self.visible = np.ones((count, K), bool)
        self.boxes = np.concatenate([self.landmarks.min(1), self.landmarks.max(1)], 1)
        self.files = [f"face{i}.png" for i in range(count)]
        self.pixels = rng.integers(0, 256, (count, 40, 50, 3), dtype=np.uint8)
        self.broken, self.reads = broken, 0

    def read(self, row):
        self.reads += 1
        stream = io.BytesIO()
        Image.fromarray(self.pixels[row]).save(stream, "PNG")
        data = stream.getvalue()
        return data[: len(data) // 2] if row == self.broken else data


def evaluate(source, batch_size=4, **options):
    return batches.once(CropLoader(source, CROP, **options), batch_size=batch_size)


def test_an_example_is_the_crop_of_its_row():
    source = Faces()
    source.landmarks[3, 1], source.visible[3, 1] = np.nan, False
    batch = next(iter(evaluate(source)))
    face = source.landmarks[3], source.visible[3], source.boxes[3], source.files[3]
    image, matrix = crop_face(CROP, source.pixels[3], *face)
    assert {name: (x.dtype, x.shape) for name, x in batch.items()} == {
        "image": (np.uint8, (4, 24, 24, 3)),
        "landmarks": (np.float32, (4, K, 2)),
        "visible": (np.float32, (4, K)),
        "mask": (np.float32, (4,)),
        "index": (np.int32, (4,)),
        "to_original": (np.float32, (4, 2, 3)),
        "box": (np.float32, (4, 4)),
        "image_size": (np.float32, (4, 2)),
    }
    np.testing.assert_array_equal(batch["image"][3], image)
    np.testing.assert_array_equal(batch["visible"][3], [1, 0, 1, 1, 1])
    np.testing.assert_array_equal(batch["landmarks"][3, 1], [0, 0])  # unknown, and finite
    np.testing.assert_array_equal(batch["landmarks"][3, 2:], apply(matrix, source.landmarks[3])[2:])
    back = apply(batch["to_original"][3], batch["landmarks"][3])
    np.testing.assert_allclose(back[2:], source.landmarks[3, 2:], atol=1e-4)
    np.testing.assert_array_equal(batch["image_size"][3], [50, 40])


def test_the_cache_saves_decoding():
    source = Faces()
    dataset = evaluate(source, cache_mib=5 * 24 * 24 * 3 / 2**20)
    for first, second in zip(list(dataset), list(dataset), strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])
    assert source.reads == N + (N - 5)


def test_padding_is_finite_and_does_not_count():
    *_, last = evaluate(Faces())
    assert last["index"][1:].tolist() == [-1] * 3 and not last["mask"][1:].any() and not last["visible"][1:].any()
    for name, values in last.items():
        assert np.isfinite(values).all(), name


def test_a_broken_file_is_named():
    with pytest.raises(InputError, match="face6.png"):
        list(evaluate(Faces(broken=6)))


def test_mean_shape_is_the_mean_of_the_examples():
    source = Faces()
    source.visible[:, 1] = False
    source.visible[::2, 2] = False
    shape = mean_shape(source, CROP)
    faces = list(evaluate(source, batch_size=1))
    landmarks, visible = (np.concatenate([face[name] for face in faces]) for name in ("landmarks", "visible"))
    np.testing.assert_allclose(shape[[0, 3, 4]], landmarks.mean(0)[[0, 3, 4]], rtol=1e-5)
    np.testing.assert_allclose(shape[2], landmarks[visible[:, 2] > 0, 2].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(shape[1], [11.5, 11.5])
    assert source.reads == N  # by the batches alone
