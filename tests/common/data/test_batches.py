"""Tests `common.data.batches`: order, shares of processes, padding, caching and exact resumption."""

import itertools

import numpy as np
import pytest

from common.data import batches
from common.errors import InputError

N = 13


class Rows:
    """Rows 0 to `count` - 1 as their own examples; `makes` counts how often an example is made anew."""

    def __init__(self, count: int = N, cache_bytes: float = 0):
        self.count, self.makes = count, 0
        self.cache = batches.Cache(cache_bytes / 2**20, row_bytes=10)

    def __len__(self):
        return self.count

    def __call__(self, row):
        def make():
            self.makes += 1
            return np.int32(row)

        return {"index": self.cache.get(int(row), make), "mask": np.float32(1)}

    def padding(self):
        return {"index": np.int32(-1), "mask": np.float32(0)}


def indices(iterator, count: int | None = None):
    return np.concatenate([batch["index"] for batch in itertools.islice(iterator, count)])


def endless(count: int = N, *, batch_size: int = 4, seed: int = 7, **options):
    return batches.endless(Rows(count), batch_size=batch_size, seed=seed, **options)


def test_every_epoch_has_every_row_once_in_its_own_order():
    seen = indices(endless(), 2 * N).reshape(8, N)  # 8 epochs in batches of 4
    np.testing.assert_array_equal(np.sort(seen, 1), np.tile(np.arange(N), (8, 1)))
    assert len({tuple(epoch) for epoch in seen}) == 8


def test_the_seed_alone_fixes_the_order():
    first = indices(endless(), 8)
    for threads in (1, 16):
        np.testing.assert_array_equal(first, indices(endless(threads=threads), 8))
    assert (first != indices(endless(seed=8), 8)).any()


def test_a_set_smaller_than_the_batch_repeats():
    np.testing.assert_array_equal(np.sort(indices(endless(3, batch_size=8), 1)[:6]), [0, 0, 1, 1, 2, 2])


@pytest.mark.parametrize("done", [0, 1, 5])
def test_resumes_with_the_very_next_batch(done):
    """The middle of an epoch is covered: an epoch of 13 rows never ends with a batch of 4."""
    iterator = endless()
    for _ in range(done):
        next(iterator)
    state = iterator.get_state()
    expected = indices(iterator, 6)
    restored = endless()
    next(restored)
    restored.set_state(state)
    np.testing.assert_array_equal(indices(restored, 6), expected)


def test_processes_share_each_batch():
    whole = indices(endless(), 7).reshape(7, 4)
    shares = [indices(endless(process_index=p, process_count=2), 7).reshape(7, 2) for p in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(shares, 1), whole)


@pytest.mark.parametrize("kept", [N, 0, 5])
def test_the_cache_saves_work_within_its_limit(kept):
    # With one thread: two may meet at a row that neither has finished, and both make it.
    loader = Rows(cache_bytes=10 * kept)
    dataset = batches.once(loader, batch_size=4, threads=1)
    first = indices(dataset)
    np.testing.assert_array_equal(indices(dataset), first)
    assert loader.makes == N + (N - kept)


def test_once_is_in_order_padded_and_masked():
    found = list(batches.once(Rows(), batch_size=4))
    np.testing.assert_array_equal(indices(found), [*range(N), -1, -1, -1])
    np.testing.assert_array_equal(np.concatenate([b["mask"] for b in found]), [1.0] * N + [0.0] * 3)


def test_three_processes_get_the_same_number_of_padded_batches():
    parts = [list(batches.once(Rows(), batch_size=6, process_index=p, process_count=3)) for p in range(3)]
    assert [len(part) for part in parts] == [3, 3, 3]
    joined = np.concatenate([part[step]["index"] for step in range(3) for part in parts])
    np.testing.assert_array_equal(joined, [*range(N), -1, -1, -1, -1, -1])


def test_batches_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="batch_size 5"):
        endless(batch_size=5, process_count=2)
    with pytest.raises(InputError, match="batch_size 0"):
        batches.once(Rows(), batch_size=0)
    for make in (endless, lambda count: batches.once(Rows(count), batch_size=4)):
        with pytest.raises(InputError, match="no rows"):
            make(0)
