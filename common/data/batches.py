"""Batches of a loader's examples, made by Grain: order of the rows, shares of the processes, padding, a cache.

The order of the batches does not depend on the number of threads that make them.
"""

import json
import threading
from collections.abc import Callable
from typing import Any, Protocol

import grain
import jax
import numpy as np

from common.errors import InputError


class Loader(Protocol):
    """Maker of the example of each row: a dict of numpy arrays, with the same shapes and types for all rows."""

    def __len__(self) -> int:
        """Number of rows."""

    def __call__(self, row: int, /) -> Any:
        """Example of a row in [0, len). Several threads call this at once."""

    def padding(self) -> Any:
        """Example that fills up the last batch when every row is wanted once."""


class Cache:
    """Store of one value per row, `row_bytes` each, which accepts new values until `mib` mebibytes are full.

    Nothing is evicted, because in shuffled epochs every row is equally far from its next use. Many threads may call it;
    if two threads ask for the same new row at once, both make its value.
    """

    def __init__(self, mib: float, row_bytes: int):
        self._capacity = int(mib * 2**20) // row_bytes
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def get(self, row: int, make: Callable[[], Any]) -> Any:
        """Stored value of the row; if there is none, the result of `make`, which is stored if there is room."""
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
) -> grain.DatasetIterator:
    """Endless batches of shuffled epochs. An epoch has every row once, in a new order; a batch may span two epochs.

    Args:
      loader: training data; it may have fewer rows than a batch.
      batch_size: number of examples of all processes together; each process gets an equal share.
      seed: seed from 0 to 2**32 - 1, which alone determines the order.
      process_index, process_count: index of this process and number of processes, by default those of JAX. The shares
        of all processes, concatenated in their order, are the batches of a single process.
      threads: number of threads, each of which makes a whole batch.

    Returns:
      An iterator with `get_state` and `set_state`. A restored iterator continues with the very next batch.

    Raises:
      InputError: there are no rows, or the batch size is not divisible; while iterating, a file is wrong (names it).
    """
    share, own = _share(loader, batch_size, process_index, process_count)
    rows = grain.MapDataset.source(np.arange(len(loader))).seed(seed).shuffle().repeat()
    return iter(rows.map(loader).batch(share).slice(own).to_iter_dataset(_ahead(threads)))


def once(
    loader: Loader,
    *,
    batch_size: int,
    process_index: int | None = None,
    process_count: int | None = None,
    threads: int = 4,
) -> grain.IterDataset:
    """Batches that hold every row once, in order; the loader's padding fills up the last batch.

    Arguments and errors are those of `endless`. All processes get the same number of batches. The result can be
    iterated several times; later passes use the loader's cache.
    """
    share, own = _share(loader, batch_size, process_index, process_count)
    padded = np.arange(-(-len(loader) // batch_size) * batch_size)
    rows = grain.MapDataset.source(np.where(padded < len(loader), padded, -1))
    load = lambda row: loader(row) if row >= 0 else loader.padding()
    return rows.map(load).batch(share).slice(own).to_iter_dataset(_ahead(threads))


def _ahead(threads: int) -> grain.ReadOptions:
    return grain.ReadOptions(num_threads=threads, prefetch_buffer_size=4)


def _share(loader: Loader, batch_size: int, process_index: int | None, process_count: int | None) -> tuple[int, slice]:
    """Number of examples of a global batch per process, and the slice that selects the shares of this process."""
    if not len(loader):
        raise InputError("the data set has no rows; check the names of split and subsets")
    index = jax.process_index() if process_index is None else process_index
    count = jax.process_count() if process_count is None else process_count
    if batch_size < 1 or batch_size % count:
        raise InputError(f"batch_size {batch_size}: must be a positive multiple of the {count} processes")
    return batch_size // count, slice(index, None, count)


class Position:
    """Position of an iterator at the time this object was made, in the form that Grain's checkpoint handler uses.

    The training loop fetches each batch one step before it is used, so it saves a position older than the iterator's.
    """

    def __init__(self, iterator: Any):
        self.iterator = iterator
        self.state = json.dumps(iterator.get_state()).encode()

    def get_state(self) -> bytes:
        return self.state

    def set_state(self, state: bytes) -> None:
        self.iterator.set_state(json.loads(state))

    def start_prefetch(self) -> None:
        """Does nothing. Grain calls this after `set_state`, but the iterator starts by itself at its first batch."""
