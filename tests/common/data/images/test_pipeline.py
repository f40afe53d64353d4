"""Tests the loader of square images: pixels, labels, mirror images, padding."""

import io

import numpy as np
import pytest
from PIL import Image

from common.data import batches
from common.data.images.labels import Labels, unlabelled
from common.data.images.pipeline import ImageLoader, center_square
from common.data.images.source import ImageSource
from common.errors import InputError

N, R = 7, 8


class Pictures(ImageSource):
    """`count` PNG files in memory, of the resolution; `reads` counts how often one is opened."""

    def __init__(self, count: int = N, labels: Labels | None = None, broken: int | None = None):
        self.pixels = np.random.default_rng(0).integers(0, 256, (count, R, R, 3), np.uint8)
        self.files = [f"image{i}.png" for i in range(count)]
        self.labels = unlabelled(count) if labels is None else labels
        self.broken, self.reads = broken, 0

    def read(self, row):
        self.reads += 1
        stream = io.BytesIO()
        Image.fromarray(self.pixels[row]).save(stream, "PNG")
        data = stream.getvalue()
        return data[: len(data) // 2] if row == self.broken else data


def joined(batches, name):
    return np.concatenate([batch[name] for batch in batches])


def evaluate(source, batch_size=4, threads=4, **options):
    return batches.once(ImageLoader(source, R, **options), batch_size=batch_size, threads=threads)


def test_an_image_of_the_resolution_is_taken_as_it_is():
    source = Pictures(labels=Labels(np.arange(N) % 3, 3))
    batch = next(iter(evaluate(source)))
    assert {name: (x.dtype, x.shape) for name, x in batch.items()} == {
        "image": (np.uint8, (4, R, R, 3)),
        "label": (np.float32, (4, 3)),
        "mask": (np.float32, (4,)),
        "index": (np.int32, (4,)),
    }
    np.testing.assert_array_equal(batch["image"], source.pixels[:4])
    np.testing.assert_array_equal(batch["label"], np.eye(3)[[0, 1, 2, 0]])


def test_without_labels_they_have_length_zero():
    assert next(iter(evaluate(Pictures())))["label"].shape == (4, 0)


def test_the_mirror_doubles_the_data_set():
    source = Pictures(labels=Labels(np.arange(N), N))
    # With one thread: two may meet at a row that neither has finished, and both decode it.
    found = list(evaluate(source, batch_size=N, mirror=True, cache_mib=1, threads=1))
    np.testing.assert_array_equal(joined(found, "index"), np.arange(2 * N))
    np.testing.assert_array_equal(found[0]["image"], source.pixels)
    np.testing.assert_array_equal(found[1]["image"], source.pixels[:, :, ::-1])
    np.testing.assert_array_equal(found[0]["label"], found[1]["label"])
    assert source.reads == N  # an image and its mirror image share their place in the cache


def test_padding_does_not_count():
    *_, last = evaluate(Pictures(labels=Labels(np.zeros(N, np.int64), 1)))
    assert (last["index"][-1], last["mask"][-1]) == (-1, 0)
    assert not last["image"][-1].any() and not last["label"][-1].any()


@pytest.mark.parametrize("shape", [(12, 20), (20, 12), (13, 16), (16, 13), (5, 9)])
def test_the_central_square_is_resized_without_aliasing(shape):
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    side = min(shape)
    top, left = ((length - side) // 2 for length in shape)
    square = image[top : top + side, left : left + side]
    result = center_square(image, R)
    assert result.shape == (R, R, 3) and result.dtype == np.uint8
    changed = image.copy()
    changed[top : top + side, left : left + side] = 0
    outside = (changed > 0).any(-1)
    image[outside] = 255 - image[outside]
    np.testing.assert_array_equal(center_square(image, R), result)  # what lies outside the square has no influence
    reference = Image.fromarray(square).resize((R, R), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(result, np.asarray(reference))


def test_resizing_averages_stripes_and_keeps_flat_borders():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 200
    assert np.abs(center_square(stripes, R)[1:-1].astype(int) - 100).max() <= 6  # nearest would give 0 or 200
    np.testing.assert_array_equal(center_square(np.full((30, 50, 3), 77, np.uint8), R), np.full((R, R, 3), 77))


def test_other_sizes_are_an_error_without_resizing():
    source = Pictures()
    source.pixels = np.concatenate([source.pixels, source.pixels], 1)
    assert next(iter(evaluate(source)))["image"].shape == (4, R, R, 3)
    with pytest.raises(InputError, match="image0.png: 8 x 16 px, not 8 x 8; resize it"):
        list(evaluate(source, resize=False))
    assert len(list(evaluate(Pictures(), resize=False))) == 2


def test_a_broken_file_is_named():
    with pytest.raises(InputError, match="image5.png"):
        list(evaluate(Pictures(broken=5)))


@pytest.mark.parametrize("resolution", [0, 2, -8, 12, 100])
def test_resolutions_are_powers_of_two(resolution):
    with pytest.raises(InputError, match=f"resolution {resolution}: must be a power of two"):
        ImageLoader(Pictures(), resolution)
