"""Features of many images: their moments, the feature vectors that a metric needs, and a cache of both on disk."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
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
from common.errors import InputError
from common.metrics import moments
from common.metrics.moments import Moments
from common.train import inference, sharding
from common.train.inference import Batches, OnBatch, silent
from common.weights import read

CHUNK = 4096
"""Approximate number of vectors that are reduced to moments at once; each reduction sends D^2 numbers to the host."""
PROBED = 64
"""Number of images whose bytes are part of the digest of a source."""


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """Features of a set of images from one network."""

    moments: Moments
    """Moments of the features of all images."""
    features: np.ndarray
    """Features of the first N' images, float32 [N', D], where N' is the requested number."""


def collect(batches: Batches, mesh: Mesh, keep: Mapping[str, int], on_batch: OnBatch = silent) -> dict[str, FeatureSet]:
    """Feature sets by name of the network.

    Args:
      batches: features [B, D] by name of the network, in batches of `common.train.inference`.
      keep: number of vectors to keep by name; 0 if only the moments are needed.
      on_batch: called with the number of images done.
    """
    streams = {name: _Stream(mesh) for name in keep}
    rows: dict[str, list[np.ndarray]] = {name: [] for name in keep}
    kept, done = dict.fromkeys(keep, 0), 0
    for features, index in batches:
        for name, stream in streams.items():
            stream.add(features[name], index)
        wanted = {name: features[name] for name, limit in keep.items() if kept[name] < limit}
        # Waiting for the batch even if no vector is wanted keeps at most two batches on the devices.
        vectors, numbers = inference.on_host((wanted, index), index)
        for name, x in vectors.items():
            rows[name].append(x[: keep[name] - kept[name]])
            kept[name] += len(rows[name][-1])
        done += len(numbers)
        on_batch(done)
    sets = {}
    for name, stream in streams.items():
        result = stream.result()
        empty = np.zeros((0, len(result.mean)), np.float32)
        sets[name] = FeatureSet(result, np.concatenate(rows[name]) if rows[name] else empty)
    return sets


class _Stream:
    """Moments of batches; the batches stay on the devices until there are about `CHUNK` vectors to reduce."""

    def __init__(self, mesh: Mesh):
        self._reduce = _reduction(mesh)
        self._waiting: list[tuple[Array, Array]] = []
        self._total: Moments | None = None

    def add(self, features: Array, index: Array) -> None:
        self._waiting.append((features, index))
        if len(self._waiting) * len(features) >= CHUNK:
            self._merge()

    def result(self) -> Moments:
        if self._waiting:
            features, index = self._waiting[-1]
            # Batches of padding are added, because the reduction is compiled for one number of batches.
            missing = -(-CHUNK // len(features)) - len(self._waiting)
            self._waiting += [(features, jnp.full_like(index, -1))] * missing
            self._merge()
        return self._total

    def _merge(self) -> None:
        new = jax.device_get(self._reduce(self._waiting))
        self._total = moments.merge(self._total or moments.empty(len(new.mean)), new)
        self._waiting = []


@functools.cache
def _reduction(mesh: Mesh) -> Callable[[list[tuple[Array, Array]]], Moments]:
    def reduce(batches: list[tuple[Array, Array]]) -> Moments:
        # The new axis follows the axis that is split over the devices, so that every vector stays on its device.
        features, index = (jnp.stack(parts, axis=1) for parts in zip(*batches, strict=True))
        return moments.batch_moments(features.reshape(-1, features.shape[-1]), (index >= 0).reshape(-1))

    return jax.jit(reduce, out_shardings=sharding.replicated_sharding(mesh))


def cached(
    directory: str | Path,
    digests: Mapping[str, str],
    keep: Mapping[str, int],
    compute: Callable[[dict[str, int]], dict[str, FeatureSet]],
) -> dict[str, FeatureSet]:
    """Feature sets of real images by name, read from cached files or, where one is missing, computed and cached.

    Args:
      directory: directory of the files.
      digests: file names without suffix, by name; they identify images, network and preprocessing (see `digest`).
      keep: see `collect`; a file with fewer vectors is replaced.
      compute: function that computes the missing feature sets, given the number of vectors to keep by name.
    """
    paths = {name: Path(directory) / f"{digests[name]}.npz" for name in keep}
    found = {name: _load(path, keep[name]) for name, path in paths.items()}
    # All processes must compute the same feature sets, but some processes may not see the files of the first one.
    here = np.array([found[name] is not None for name in keep])
    everywhere = multihost_utils.process_allgather(here, tiled=True).reshape(-1, len(keep)).all(0)
    missing = {name: keep[name] for name, there in zip(keep, everywhere, strict=True) if not there}
    computed = compute(missing) if missing else {}
    if jax.process_index() == 0:
        for name, features in computed.items():
            _save(paths[name], features)
    return {name: computed.get(name, found[name]) for name in keep}


def digest(*parts: Any) -> str:
    """SHA-256 of JSON values, 32 hexadecimal digits, as the name of a cache file."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def source_digest(source: ImageSource) -> str:
    """SHA-256 of the names of all images and the bytes of `PROBED` images, which shows whether a source has changed."""
    found = hashlib.sha256(json.dumps(list(source.files)).encode())
    for row in np.unique(np.linspace(0, len(source) - 1, PROBED).astype(int)):
        found.update(hashlib.sha256(source.read(int(row))).digest())
    return found.hexdigest()


def _save(path: Path, features: FeatureSet) -> None:
    files.write_arrays(path, **features.moments._asdict(), features=features.features)


def _load(path: Path, keep: int) -> FeatureSet | None:
    """Feature set of a file; None if the file is missing or damaged, or holds too few vectors."""
    try:
        stored = read.arrays(path)
        loaded = FeatureSet(Moments(float(stored["count"]), stored["mean"], stored["scatter"]), stored["features"])
    except (InputError, KeyError):
        return None
    return loaded if len(loaded.features) >= min(keep, loaded.moments.count) else None
