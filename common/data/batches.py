"""Batches of the single examples of a loader (Grain): the order of rows, shares of processes, padding, a cache.

The order of the batches does not depend on the number of threads that make them.
"""

import threading
from collections.abc import Callable
from typing import Any, Protocol

import grain
import jax
import numpy as np

from common.errors import InputError


class Loader(Protocol):
    """Examples of a data set by row. Examples are dicts of numpy arrays, of the same shapes and types for all rows."""

    def __len__(self) -> int:
        """Number of rows."""

    def __call__(self, row: int) -> Any:
        """Example of a row in [0, len); called from several threads at once."""

    def padding(self) -> Any:
        """Example that fills up the last batch where every row is wanted once."""


class Cache:
    """Keeps what was made for each row until the given memory is full; what was not kept is made anew every time.

    Nothing is evicted: in shuffled epochs every row is equally far from its next use. Safe to call from many threads;
    two that ask for the same new row at once both make it.
    """

    def __init__(self, mib: float, row_bytes: int):
        self._capacity = int(mib * 2**20) // row_bytes
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def get(self, row: int, make: Callable[[], Any]) -> Any:
        """Value kept for the row, else what `make` returns."""
        if row in self._kept:
            return self._kept[row]
        made = make()
        with self._lock:
            if len(self._kept) < self._capacity:
                self._kept[row] = made
        return made


def endless(
    loader: Loader,
    *,
    batch_size: int,
    seed: int,
    process_index: int | None = None,
    process_count: int | None = None,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.DatasetIterator:
    """Batches of shuffled epochs without end. Each epoch has an order of its own and every row once; batches may span
    two epochs.

    Args:
      loader: what to train on; it may have fewer rows than a batch.
      batch_size: number of examples of all processes together; each process gets an equal share.
      seed: 0 to 2**32 - 1; it alone determines the order.
      process_index, process_count: which of how many processes this is; JAX's by default. The shares of all processes,
        concatenated in their order, are the batches of a single process.
      threads: number of threads; each makes a whole batch.
      prefetch: number of batches made ahead.

    Returns:
      An iterator with `get_state` and `set_state`; restored, it goes on with the very next batch.

    Raises:
      InputError: no rows, an indivisible batch size; while iterating, what is wrong with a file, naming it.
    """
    share, own = _share(loader, batch_size, process_index, process_count)
    rows = grain.MapDataset.source(np.arange(len(loader))).seed(seed).shuffle().repeat()
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch)
    return iter(rows.map(loader).batch(share).slice(own).to_iter_dataset(options))


def once(
    loader: Loader,
    *,
    batch_size: int,
    process_index: int | None = None,
    process_count: int | None = None,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.IterDataset:
    """Batches with every row once, in order; the last batch is filled up with the loader's padding.

    Arguments and errors are those of `endless`. All processes get the same number of batches. The result can be
    iterated several times, and then profits from the loader's cache.
    """
    share, own = _share(loader, batch_size, process_index, process_count)
    padded = np.arange(-(-len(loader) // batch_size) * batch_size)
    rows = grain.MapDataset.source(np.where(padded < len(loader), padded, -1))
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch)
    load = lambda row: loader(row) if row >= 0 else loader.padding()
    return rows.map(load).batch(share).slice(own).to_iter_dataset(options)


def _share(loader: Loader, batch_size: int, process_index: int | None, process_count: int | None) -> tuple[int, slice]:
    """Number of examples of a global batch that this process gets, and which of all processes' shares are its own."""
    if not len(loader):
        raise InputError("the data set has no rows; check the split and subset names")
    index = jax.process_index() if process_index is None else process_index
    count = jax.process_count() if process_count is None else process_count
    if batch_size < 1 or batch_size % count:
        raise InputError(f"batch_size {batch_size}: must be a positive multiple of the {count} processes")
    return batch_size // count, slice(index, None, count)
