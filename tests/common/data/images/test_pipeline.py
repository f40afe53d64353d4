"""Tests `common/data/image_pipeline.py`: pixels, order, mirror images, sharding, caching and exact resumption."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from common.data.images.labels import Labels, unlabelled
from common.data.images.pipeline import center_square, eval_batches, train_iterator
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


def take(batches, count):
    return list(itertools.islice(batches, count))


def assert_same(batches, others):
    assert len(batches) == len(others)
    for a, b in zip(batches, others, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def joined(batches, name):
    return np.concatenate([batch[name] for batch in batches])


def train(source, batch_size=4, seed=7, threads=2, **options):
    return train_iterator(source, resolution=R, batch_size=batch_size, seed=seed, threads=threads, **options)


def evaluate(source, batch_size=4, **options):
    return eval_batches(source, resolution=R, batch_size=batch_size, **options)


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
    assert next(train(Pictures()))["label"].shape == (4, 0)


def test_the_mirror_doubles_the_data_set():
    source = Pictures(labels=Labels(np.arange(N), N))
    # With one thread: two may meet at a row that neither has finished, and both decode it.
    batches = list(evaluate(source, batch_size=N, mirror=True, cache_mib=1, threads=1))
    np.testing.assert_array_equal(joined(batches, "index"), np.arange(2 * N))
    np.testing.assert_array_equal(batches[0]["image"], source.pixels)
    np.testing.assert_array_equal(batches[1]["image"], source.pixels[:, :, ::-1])
    np.testing.assert_array_equal(batches[0]["label"], batches[1]["label"])
    assert source.reads == N  # an image and its mirror image share their place in the cache


@pytest.mark.parametrize("mirror", [False, True])
def test_every_epoch_has_every_row_once_in_its_own_order(mirror):
    count = N * (1 + mirror)
    seen = joined(take(train(Pictures(), mirror=mirror), count), "index")[: 4 * count].reshape(4, count)
    np.testing.assert_array_equal(np.sort(seen, 1), np.tile(np.arange(count), (4, 1)))
    assert len({tuple(epoch) for epoch in seen}) == 4


def test_the_seed_alone_fixes_the_batches():
    first = take(train(Pictures(), mirror=True), 8)
    for threads in (1, 16):
        assert_same(first, take(train(Pictures(), mirror=True, threads=threads, cache_mib=0), 8))
    assert (joined(first, "index") != joined(take(train(Pictures(), mirror=True, seed=8), 8), "index")).any()


@pytest.mark.parametrize("done", [0, 1, 5])
def test_resumes_with_the_very_next_batch(done):
    """Also in the middle of an epoch: 14 rows in batches of 4 rarely end with one."""
    iterator = train(Pictures(), mirror=True)
    take(iterator, done)
    state = iterator.get_state()
    expected = take(iterator, 6)
    restored = train(Pictures(), mirror=True)
    take(restored, 2)
    restored.set_state(state)
    assert_same(take(restored, 6), expected)


def test_two_processes_share_each_batch():
    whole = take(train(Pictures()), 5)
    parts = [take(train(Pictures(), process_index=p, process_count=2), 5) for p in (0, 1)]
    both = [{name: np.concatenate([a[name], b[name]]) for name in a} for a, b in zip(*parts, strict=True)]
    assert_same(both, whole)


@pytest.mark.parametrize("cache_mib, second_epoch", [(1, 0), (0, N), (3 * R * R * 3 / 2**20, N - 3)])
def test_the_cache_saves_decoding_within_its_limit(cache_mib, second_epoch):
    source = Pictures()
    batches = evaluate(source, cache_mib=cache_mib)
    first = list(batches)
    assert_same(list(batches), first)
    assert source.reads == N + second_epoch


def test_evaluation_is_in_order_padded_and_masked():
    batches = list(evaluate(Pictures(labels=Labels(np.zeros(N, np.int64), 1))))
    np.testing.assert_array_equal(joined(batches, "index"), [*range(N), -1])
    np.testing.assert_array_equal(joined(batches, "mask"), [1.0] * N + [0.0])
    assert not batches[-1]["image"][-1].any() and not batches[-1]["label"][-1].any()


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
    with pytest.raises(InputError, match="image5.png"):
        take(train(Pictures(broken=5)), N)


@pytest.mark.parametrize("resolution", [0, 2, -8, 12, 100])
def test_resolutions_are_powers_of_two(resolution):
    with pytest.raises(InputError, match=f"resolution {resolution}: must be a power of two"):
        train_iterator(Pictures(), resolution=resolution, batch_size=4, seed=0)


def test_wrong_batches_and_empty_sets_are_refused():
    with pytest.raises(InputError, match="batch_size 5"):
        train(Pictures(), batch_size=5, process_count=2)
    with pytest.raises(InputError, match="no rows"):
        evaluate(Pictures(0))
