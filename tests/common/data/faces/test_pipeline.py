"""Order, sharding, padding, caching and exact resumption of the input pipeline."""

import io
import itertools
import types

import numpy as np
import pytest
from PIL import Image

from common.data.faces.crop import Crop, apply, crop_face
from common.data.faces.pipeline import eval_batches, mean_shape, train_iterator
from common.errors import InputError

CROP = Crop(16, context=1.5)
N, K = 13, 5


class Faces:
    """`count` PNG files in memory; `reads` counts how often one is opened."""

    scheme = types.SimpleNamespace(name="five", count=K)

    def __init__(self, count: int = N, broken: int | None = None):
        rng = np.random.default_rng(0)
        self.landmarks = rng.uniform(5, 35, (count, K, 2)).astype(np.float32)
        self.visible = np.ones((count, K), bool)
        self.boxes = np.concatenate([self.landmarks.min(1), self.landmarks.max(1)], 1)
        self.files = [f"face{i}.png" for i in range(count)]
        self.subsets = ["even", "odd"] * (count // 2) + ["even"] * (count % 2)
        self.pixels = rng.integers(0, 256, (count, 40, 50, 3), dtype=np.uint8)
        self.broken, self.reads = broken, 0

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        self.reads += 1
        stream = io.BytesIO()
        Image.fromarray(self.pixels[index]).save(stream, "PNG")
        data = stream.getvalue()
        return dict(
            image=data[: len(data) // 2] if index == self.broken else data,
            file=self.files[index],
            subset=self.subsets[index],
            landmarks=self.landmarks[index],
            visible=self.visible[index],
            box=self.boxes[index],
        )


def take(batches, count):
    return list(itertools.islice(batches, count))


def assert_same(batches, others):
    assert len(batches) == len(others)
    for a, b in zip(batches, others, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def indices(batches):
    return np.concatenate([batch["index"] for batch in batches])


def train(source, batch_size=4, seed=7, **options):
    return train_iterator(source, crop=CROP, batch_size=batch_size, seed=seed, threads=2, prefetch=2, **options)


def test_an_example_is_the_crop_of_its_row():
    source = Faces()
    source.landmarks[3, 1], source.visible[3, 1] = np.nan, False
    batch = next(itertools.islice(eval_batches(source, crop=CROP, batch_size=4), 0, None))
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


def test_every_epoch_has_every_row_once_in_its_own_order():
    seen = indices(take(train(Faces()), 2 * N))[: 8 * N].reshape(8, N)  # 8 epochs in batches of 4
    np.testing.assert_array_equal(np.sort(seen, 1), np.tile(np.arange(N), (8, 1)))
    assert len({tuple(epoch) for epoch in seen}) == 8


def test_the_seed_alone_fixes_the_order():
    first = take(train(Faces()), 8)
    assert_same(first, take(train(Faces(), cache_mib=0), 8))
    assert (indices(first) != indices(take(train(Faces(), seed=8), 8))).any()


def test_a_set_smaller_than_the_batch_repeats():
    batch = next(train(Faces(3), batch_size=8))
    np.testing.assert_array_equal(np.sort(batch["index"][:6]), [0, 0, 1, 1, 2, 2])
    assert batch["image"].shape[0] == 8 and batch["mask"].all()


@pytest.mark.parametrize("done", [0, 1, 5])
def test_resumes_with_the_very_next_batch(done):
    """Also in the middle of an epoch: 13 rows in batches of 4 never end with one."""
    iterator = train(Faces())
    take(iterator, done)
    state = iterator.get_state()
    expected = take(iterator, 6)
    restored = train(Faces())
    take(restored, 2)
    restored.set_state(state)
    assert_same(take(restored, 6), expected)


def test_two_processes_share_each_batch():
    whole = take(train(Faces(), batch_size=4), 7)
    parts = [take(train(Faces(), batch_size=4, process_index=p, process_count=2), 7) for p in (0, 1)]
    joined = [{name: np.concatenate([a[name], b[name]]) for name in a} for a, b in zip(*parts, strict=True)]
    assert_same(joined, whole)


@pytest.mark.parametrize("cache_mib, second_epoch", [(1, 0), (0, N), (5 * 24 * 24 * 3 / 2**20, N - 5)])
def test_cache_saves_decoding_within_its_limit(cache_mib, second_epoch):
    source = Faces()
    batches = eval_batches(source, crop=CROP, batch_size=4, cache_mib=cache_mib)
    first = list(batches)
    assert source.reads == N
    assert_same(list(batches), first)
    assert source.reads == N + second_epoch


def test_evaluation_is_in_order_padded_and_masked():
    batches = list(eval_batches(Faces(), crop=CROP, batch_size=4))
    np.testing.assert_array_equal(indices(batches), [*range(N), -1, -1, -1])
    np.testing.assert_array_equal(np.concatenate([b["mask"] for b in batches]), [1.0] * N + [0.0] * 3)
    for name, values in batches[-1].items():
        assert np.isfinite(values).all(), name
    assert not batches[-1]["visible"][1:].any()


def test_evaluation_by_three_processes_gives_each_the_same_number_of_batches():
    parts = [list(eval_batches(Faces(), crop=CROP, batch_size=6, process_index=p, process_count=3)) for p in range(3)]
    assert [len(part) for part in parts] == [3, 3, 3]
    joined = np.concatenate([part[step]["index"] for step in range(3) for part in parts])
    np.testing.assert_array_equal(joined, [*range(N), -1, -1, -1, -1, -1])


def test_a_broken_file_is_named():
    with pytest.raises(InputError, match="face6.png"):
        list(eval_batches(Faces(broken=6), crop=CROP, batch_size=4))
    with pytest.raises(InputError, match="face6.png"):
        take(train(Faces(broken=6)), N)


def test_a_batch_that_processes_cannot_share_is_refused():
    with pytest.raises(InputError, match="batch_size 5"):
        train(Faces(), batch_size=5, process_count=2)
    with pytest.raises(InputError, match="batch_size 0"):
        eval_batches(Faces(), crop=CROP, batch_size=0)


def test_an_empty_set_is_refused():
    with pytest.raises(InputError, match="no rows"):
        train(Faces(0))
    with pytest.raises(InputError, match="no rows"):
        eval_batches(Faces(0), crop=CROP, batch_size=4)


def test_mean_shape_is_the_mean_of_the_examples():
    source = Faces()
    source.visible[:, 1] = False
    source.visible[::2, 2] = False
    shape = mean_shape(source, CROP)
    batches = list(eval_batches(source, crop=CROP, batch_size=1))
    landmarks, visible = (np.concatenate([b[name] for b in batches]) for name in ("landmarks", "visible"))
    np.testing.assert_allclose(shape[[0, 3, 4]], landmarks.mean(0)[[0, 3, 4]], rtol=1e-5)
    np.testing.assert_allclose(shape[2], landmarks[visible[:, 2] > 0, 2].mean(0), rtol=1e-5)
    np.testing.assert_array_equal(shape[1], [11.5, 11.5])
    assert source.reads == N  # by the batches alone
