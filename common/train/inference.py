"""Inference on many examples: a compiled function runs on batches of equal size, split over all devices.

The examples are rows in memory (`over_rows`) or come from a loader of `common.data.batches` (`over_loader`). Both
start the next batch before they return the results of the last one, so that the devices do not wait for the host.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from common.data import batches
from common.train import sharding

Batches = Iterator[tuple[Any, Array]]
"""(results, index) per batch: a pytree of arrays [B, ...] and the number of each example, int32 [B], both split over
the devices. The index is -1 in rows that only fill up the last batch. B is the same in every batch."""

OnBatch = Callable[[int], None]
"""Function for a progress bar: it is called after each batch with the number of examples done so far."""


def silent(count: int) -> None:
    """Does nothing: an `OnBatch` without a progress bar."""


def compiled(function: Callable[..., Any], mesh: Mesh, *, precision: Literal["highest"] | None) -> Callable[..., Any]:
    """Compiles a function whose results [B, ...] stay split over the devices.

    Args:
      precision: precision of matrix products and convolutions. "highest" is full float32 on every backend, which
        everything needs that is compared with published numbers; None is the backend's fast default.
    """

    def with_precision(*arguments):
        with jax.default_matmul_precision(precision):
            return function(*arguments)

    return jax.jit(with_precision if precision else function, out_shardings=sharding.batch_sharding(mesh))


def even_batch_size(batch_size: int, mesh: Mesh) -> int:
    """Batch size, rounded up to a multiple of the number of devices."""
    return -(-batch_size // mesh.size) * mesh.size


def over_rows(
    program: Callable[..., Any],
    constants: Sequence[Any],
    rows: Sequence[np.ndarray],
    mesh: Mesh,
    batch_size: int,
) -> Batches:
    """Results of `program(*constants, *rows)` for rows in memory.

    Args:
      program: compiled function from arrays [B, ...] to arrays [B, ...].
      constants: first arguments of the program, which lie on all devices of the mesh.
      rows: arrays [N, ...], equal in all processes. The last row is repeated to fill up the last batch.
      batch_size: B, a multiple of the number of devices.
    """
    total, split = len(rows[0]), sharding.batch_sharding(mesh)
    put = lambda x: jax.make_array_from_callback(x.shape, split, lambda part: x[part])

    def results() -> Batches:
        for start in range(0, total, batch_size):
            number = np.arange(start, start + batch_size, dtype=np.int32)
            taken, index = np.minimum(number, total - 1), np.where(number < total, number, np.int32(-1))
            yield program(*constants, *(put(x[taken]) for x in rows)), put(index)

    return _ahead(results())


def over_loader(
    program: Callable[..., Any],
    constants: Sequence[Any],
    loader: batches.Loader,
    names: Sequence[str],
    mesh: Mesh,
    batch_size: int,
) -> Batches:
    """Results of `program(*constants, *arrays)` for every example of a loader.

    Args:
      program, constants, batch_size: see `over_rows`.
      loader: its examples hold an array "index", -1 in padding. Each process loads its own share.
      names: names of the arrays of an example that the program takes.
    """

    def results() -> Batches:
        for batch in batches.once(loader, batch_size=batch_size):
            *arrays, index = sharding.put_batch([batch[name] for name in (*names, "index")], mesh)
            yield program(*constants, *arrays), index

    return _ahead(results())


def on_host(results: Any, index: Array) -> Any:
    """Results of one batch without padding, as numpy arrays in the order of `index`, in every process."""
    fetched = results, index
    if all(x.is_fully_addressable for x in jax.tree.leaves(fetched)):
        values, numbers = jax.device_get(fetched)
    else:
        values, numbers = multihost_utils.process_allgather(fetched, tiled=True)
    order = np.argsort(numbers, kind="stable")  # the devices of a mesh need not be in the order of their processes
    kept = order[numbers[order] >= 0]
    return jax.tree.map(lambda x: x[kept], values)


def gathered(results: Batches, on_batch: OnBatch = silent) -> Any:
    """Results of all examples [N, ...], as numpy arrays in the order of their numbers in every process."""
    parts, done = [], 0
    for values, index in results:
        parts.append(on_host(values, index))
        done += len(jax.tree.leaves(parts[-1])[0])
        on_batch(done)
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def total(results: Batches) -> Any:
    """Sum over all batches of results that are sums over a batch, each the same on all devices."""
    sums = [jax.device_get(values) for values, _ in results]
    return jax.tree.map(lambda *x: np.sum(x, axis=0), *sums)


def _ahead(results: Batches) -> Batches:
    """The same items, each returned after the next one has been started."""
    waiting = None
    for item in results:
        if waiting is not None:
            yield waiting
        waiting = item
    if waiting is not None:
        yield waiting
