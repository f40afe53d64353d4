"""Features of many images: their moments, streamed, the vectors where a metric needs them, and a cache on the disk."""

import dataclasses
import functools
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from common import files
from common.data.images.source import ImageSource
from common.metrics import moments
from common.metrics.moments import Moments
from common.train import sharding

CHUNK = 4096
"""Vectors of one reduction, about: D^2 numbers go to the host for each."""
PROBED = 64
"""Images of a source whose bytes tell whether it is still the same."""
DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises for an .npz file that is absent, cut short, or no such file."""

Batches = Iterator[tuple[dict[str, Array], Array]]
"""({name: features [B, D]}, valid [B]), split over the devices; the same shapes in every batch."""


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """What is kept of the features of a set of images by one network."""

    moments: Moments
    features: np.ndarray
    """float32 [N', D], the first N' of them, as many as were asked for."""


def collect(
    batches: Batches, mesh: Mesh, keep: Mapping[str, int], on_batch: Callable[[int], None] = lambda count: None
) -> dict[str, FeatureSet]:
    """Feature sets by name.

    Args:
      batches: features by name.
      keep: how many vectors to keep of each name, 0 for the moments alone.
      on_batch: called with the number of images done, for a progress bar.
    """
    streams = {name: _Stream(mesh) for name in keep}
    rows: dict[str, list[np.ndarray]] = {name: [] for name in keep}
    kept, done = dict.fromkeys(keep, 0), 0
    for features, valid in batches:
        for name, stream in streams.items():
            stream.add(features[name], valid)
        wanted = {name: features[name] for name, limit in keep.items() if kept[name] < limit}
        # Waits for the batch, even where nothing is wanted: no more than two are on the way.
        local, counts = multihost_utils.process_allgather((wanted, valid), tiled=True)
        for name, x in local.items():
            rows[name].append(x[counts > 0][: keep[name] - kept[name]])
            kept[name] += len(rows[name][-1])
        done += int(counts.sum())
        on_batch(done)
    return {name: _finished(stream.result(), rows[name]) for name, stream in streams.items()}


def _finished(result: Moments, rows: list[np.ndarray]) -> FeatureSet:
    return FeatureSet(result, np.concatenate(rows) if rows else np.zeros((0, len(result.mean)), np.float32))


class _Stream:
    """Moments of batches that stay on the devices until there are about `CHUNK` vectors."""

    def __init__(self, mesh: Mesh):
        self._reduce = _reduction(mesh)
        self._waiting: list[tuple[Array, Array]] = []
        self._total: Moments | None = None

    def add(self, features: Array, valid: Array) -> None:
        self._waiting.append((features, valid))
        if len(self._waiting) * len(features) >= CHUNK:
            self._merge()

    def result(self) -> Moments:
        if self._waiting:
            features, valid = self._waiting[-1]
            # Filled up with a batch that does not count: the reduction is compiled for one number of batches.
            missing = -(-CHUNK // len(features)) - len(self._waiting)
            self._waiting += [(features, jnp.zeros_like(valid))] * missing
            self._merge()
        return self._total

    def _merge(self) -> None:
        new = jax.device_get(self._reduce(self._waiting))
        self._total = moments.merge(self._total or moments.empty(len(new.mean)), new)
        self._waiting = []


@functools.cache
def _reduction(mesh: Mesh) -> Callable[[list[tuple[Array, Array]]], Moments]:
    def reduce(batches: list[tuple[Array, Array]]) -> Moments:
        # Stacked behind the axis that is split: no vector changes its device.
        features, valid = (jnp.stack(parts, axis=1) for parts in zip(*batches, strict=True))
        return moments.batch_moments(features.reshape(-1, features.shape[-1]), valid.reshape(-1))

    return jax.jit(reduce, out_shardings=sharding.replicated_sharding(mesh))


def cached(
    directory: str | Path,
    digests: Mapping[str, str],
    keep: Mapping[str, int],
    compute: Callable[[dict[str, int]], dict[str, FeatureSet]],
) -> dict[str, FeatureSet]:
    """The feature sets of real images, from files where an earlier evaluation left them.

    Args:
      directory: of the files, one a digest.
      digests: name -> what identifies the images, the network and what it sees (`digest`).
      keep: as in `collect`; a file with fewer vectors is made anew.
      compute: makes those that are missing, given how many vectors of each to keep.
    """
    paths = {name: Path(directory) / f"{digests[name]}.npz" for name in keep}
    found = {name: _load(path, keep[name]) for name, path in paths.items()}
    # All processes do the same, though one of them may not see the files of another.
    here = np.array([found[name] is not None for name in keep])
    everywhere = multihost_utils.process_allgather(here, tiled=True).reshape(-1, len(keep)).all(0)
    missing = {name: keep[name] for name, there in zip(keep, everywhere, strict=True) if not there}
    if missing:
        made = compute(missing)
        for name in missing:
            found[name] = made[name]
            if jax.process_index() == 0:
                _save(paths[name], made[name])
    return {name: found[name] for name in keep}


def digest(*parts: Any) -> str:
    """A name for a file, of JSON values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def source_digest(source: ImageSource) -> str:
    """What identifies images: their names, and the bytes of some of them."""
    found = hashlib.sha256(json.dumps(list(source.files)).encode())
    for row in np.unique(np.linspace(0, len(source) - 1, PROBED).astype(int)):
        found.update(hashlib.sha256(source.read(int(row))).digest())
    return found.hexdigest()


def _save(path: Path, features: FeatureSet) -> None:
    data = io.BytesIO()
    count, mean, scatter = features.moments
    np.savez(data, count=count, mean=mean, scatter=scatter, features=features.features)
    files.write_bytes(path, data.getvalue())


def _load(path: Path, keep: int) -> FeatureSet | None:
    """None where there is no such file, it is damaged, or it holds too few vectors."""
    try:
        with np.load(path) as stored:
            loaded = FeatureSet(Moments(float(stored["count"]), stored["mean"], stored["scatter"]), stored["features"])
    except DAMAGED:
        return None
    return loaded if len(loaded.features) >= min(keep, loaded.moments.count) else None
