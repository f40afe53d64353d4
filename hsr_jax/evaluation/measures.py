"""Runs a generator, or real images, through networks: features, path lengths, attribute scores (Sec. 4.3, thesis).

All networks compute in full float32: along a path of length 1e-4 an image changes by less than the fast modes of
accelerators round away.

Features and path lengths are measured with drawn noise, whose key comes from the seed and the number of the first image
in the batch. Attribute scores and pictures have the stored noise. An image in a picture therefore has the latent of the
image that was measured, but other noise.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from common.data.images.pipeline import ImageLoader
from common.data.images.source import ImageSource
from common.metrics import path_length
from common.ops.pixels import stylegan2_ada_uint8
from common.pretrained.metric_networks import Distance, Embedding
from common.train import inference, sharding
from common.train.inference import OnBatch, silent
from hsr_jax.evaluation.feature_sets import FeatureSet, collect
from hsr_jax.evaluation.sampler import Sampler

EPSILON = 1e-4
"""Step along a path; Karras et al. (2019)."""
PLACES = 11
"""Places on a line where attributes are scored: t = 0, 0.1, ..., 1, as in HSR's public code."""


def generated_features(
    sampler: Sampler,
    embeddings: Mapping[str, Embedding],
    count: int,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of the images 0 to count - 1, rounded to 8 bits, by name of the network; for `keep` see `collect`.

    The noise of every image is drawn, as in StyleGAN2-ADA's metrics.
    """
    networks, embed = _embed(sampler, embeddings)

    def run(variables, networks, index, c):
        ws = sampler.map(variables, sampler.latents(index)[0], c)
        noise = jax.random.fold_in(jax.random.key(sampler.seed + 1), index[0])  # another key in every batch
        return embed(networks, stylegan2_ada_uint8(sampler.synthesize(variables, ws, noise)[0]))

    program = inference.compiled(run, sampler.mesh, precision="highest")
    return collect(sampler.over(program, sampler.rows(np.arange(count)), networks), sampler.mesh, keep, on_batch)


def real_features(
    sampler: Sampler,
    embeddings: Mapping[str, Embedding],
    source: ImageSource,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of all images of a source, none of them mirrored, at the generator's resolution; see also
    `generated_features`."""
    networks, embed = _embed(sampler, embeddings)
    program = inference.compiled(embed, sampler.mesh, precision="highest")
    loader = ImageLoader(source, sampler.generator.resolution)
    results = inference.over_loader(program, (networks,), loader, ("image",), sampler.mesh, sampler.batch_size)
    return collect(results, sampler.mesh, keep, on_batch)


def _embed(sampler: Sampler, embeddings: Mapping[str, Embedding]) -> tuple[Any, Callable[[Any, Array], Any]]:
    """Variables of the networks on all devices, and (variables, uint8 images) -> features, both by name."""
    networks = sharding.put_replicated({name: e.variables for name, e in embeddings.items()}, sampler.mesh)
    return networks, lambda networks, images: {name: e.embed(networks[name], images) for name, e in embeddings.items()}


def path_lengths(sampler: Sampler, distance: Distance, count: int, on_batch: OnBatch = silent) -> np.ndarray:
    """Path lengths at the beginnings of the lines 0 to count - 1 in W, float32 [count]; their trimmed mean is the PPL.

    Noise is drawn for every batch and shared by both images of a pair, so that only the latent moves the image. In
    StyleGAN2-ADA all pairs of a batch have the same noise maps; here each pair has its own, of the same distribution.
    The generator computes in float32, as there.
    """
    network = sharding.put_replicated(distance.variables, sampler.mesh)

    def run(variables, network, index, c):
        z0, z1 = sampler.latents(index)
        noise = jax.random.fold_in(jax.random.key(sampler.seed + 2), index[0])
        return path_length.path_lengths(
            z0,
            z1,
            jnp.zeros(len(index)),
            lambda z: sampler.map(variables, z, c),
            lambda ws: sampler.synthesize(variables, ws, noise, float32=True)[0],
            functools.partial(distance.compare, network),
            epsilon=EPSILON,
        )

    program = inference.compiled(run, sampler.mesh, precision="highest")
    return inference.gathered(sampler.over(program, sampler.rows(np.arange(count)), network), on_batch)


def attribute_scores(
    sampler: Sampler, classify: Callable[[Array], Array], lines: int, on_batch: OnBatch = silent
) -> np.ndarray:
    """Logits of A attributes at `PLACES` equidistant places of the lines 0 to lines - 1, float32 [lines, PLACES, A].

    Args:
      classify: images [B, R, R, 3] in about [-1, 1] -> logits [B, A].
    """
    run = lambda variables, index, c, t: classify(sampler.on_line(variables, index, t, c)[0])
    program = inference.compiled(run, sampler.mesh, precision="highest")
    index, t = np.repeat(np.arange(lines), PLACES), np.tile(np.linspace(0, 1, PLACES), lines)
    return inference.gathered(sampler.over(program, sampler.rows(index, t)), on_batch).reshape(lines, PLACES, -1)
