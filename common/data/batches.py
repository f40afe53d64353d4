"""What every input pipeline shares: the order of rows, shares of processes, padding, a bounded cache (Grain).

A pipeline brings a function from a row to its example, a dict of numpy arrays; here they become batches, in an order
that does not depend on the number of threads.
"""

import threading
from collections.abc import Callable
from typing import Any

import grain
import numpy as np

from common.errors import InputError


class Cache:
    """What was made for a row, kept until the memory given is full; later rows are made anew every time.

    Nothing is evicted: in shuffled epochs every row is equally far from its next use. Safe to call from many threads;
    two that ask for the same new row at once both make it.
    """

    def __init__(self, mib: float, row_bytes: int):
        self._capacity = int(mib * 2**20) // row_bytes
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def get(self, row: int, make: Callable[[], Any]) -> Any:
        """What is kept for the row, else what `make` returns."""
        if row in self._kept:
            return self._kept[row]
        made = make()
        with self._lock:
            if len(self._kept) < self._capacity:
                self._kept[row] = made
        return made


def endless(
    count: int,
    load: Callable[[int], Any],
    *,
    batch_size: int,
    seed: int,
    process_index: int,
    process_count: int,
    threads: int,
    prefetch: int,
) -> grain.DatasetIterator:
    """Batches of shuffled epochs without end; every epoch has its own order and every row once, batches cross epochs.

    Args:
      count: number of rows.
      load: row in [0, count) -> example; called from several threads.
      batch_size: of all processes together; each gets an equal share.
      seed: 0 to 2**32 - 1; it alone fixes the order.
      process_index, process_count: this process among all.
      threads: that prepare batches at once.
      prefetch: batches prepared ahead.

    Returns:
      An iterator with `get_state` and `set_state`; restored, it goes on with the very next batch.

    Raises:
      InputError: no rows, an indivisible batch size.
    """
    share = _share(count, batch_size, process_count)
    rows = grain.MapDataset.source(np.arange(count)).seed(seed).shuffle().repeat()
    return iter(_batches(rows, load, share, process_index, process_count, threads, prefetch))


def once(
    count: int,
    load: Callable[[int], Any],
    padding: Callable[[], Any],
    *,
    batch_size: int,
    process_index: int,
    process_count: int,
    threads: int,
    prefetch: int,
) -> grain.IterDataset:
    """Every row once, in order; the last batch is filled up with what `padding` returns. The rest as `endless`.

    All processes get the same number of batches. The result can be iterated again.
    """
    share = _share(count, batch_size, process_count)
    padded = np.arange(-(-count // batch_size) * batch_size)
    rows = grain.MapDataset.source(np.where(padded < count, padded, -1))
    load_or_pad = lambda row: load(row) if row >= 0 else padding()
    return _batches(rows, load_or_pad, share, process_index, process_count, threads, prefetch)


def _batches(
    rows: grain.MapDataset,
    load: Callable[[int], Any],
    share: int,
    process_index: int,
    process_count: int,
    threads: int,
    prefetch: int,
) -> grain.IterDataset:
    # Of each run of process_count shares, which make one global batch, a process takes its own.
    batches = rows.map(load).batch(share).slice(slice(process_index, None, process_count))
    return batches.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch))


def _share(count: int, batch_size: int, process_count: int) -> int:
    """Rows of a global batch that one process gets."""
    if count == 0:
        raise InputError("the data set has no rows; check the split and subset names")
    if batch_size < 1 or batch_size % process_count:
        raise InputError(f"batch_size {batch_size}: must be a positive multiple of the {process_count} processes")
    return batch_size // process_count
