"""Features, path lengths and attribute scores of generated or real images (Sec. 4.3, thesis).

All networks compute in full float32: the change of an image along a path of length 1e-4 is smaller than the rounding
errors of the accelerators' fast modes.

Features and path lengths are measured with random noise, whose key depends on the seed and the number of the first
image in the batch. Attribute scores and pictures have the stored noise. An image in a picture therefore has the latent
of the measured image, but different noise.
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
from hsr_jax.gan.gan import synthesis

EPSILON = 1e-4
"""Length of the step along a path; Karras et al. (2019)."""
POSITIONS = 11
"""Number of positions on a line where attributes are scored: t = 0, 0.1, ..., 1, as in HSR's public code."""


def generated_features(
    sampler: Sampler,
    embeddings: Mapping[str, Embedding],
    count: int,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of the generated images 0 to count - 1 by name of the network; for `keep` see `collect`.

    Images are rounded to 8 bits and have random noise, as in StyleGAN2-ADA's metrics.
    """
    networks, embed = _embed(sampler, embeddings)

    def run(variables, networks, index, c):
        ws = sampler.map(variables, sampler.latents(index)[0], c)
        noise = jax.random.fold_in(jax.random.key(sampler.seed + 1), index[0])  # another key in every batch
        return embed(networks, stylegan2_ada_uint8(synthesis(sampler.generator, variables, ws, noise)[0]))

    program = inference.compiled(run, sampler.mesh, precision="highest")
    return collect(sampler.over(program, sampler.rows(np.arange(count)), networks), sampler.mesh, keep, on_batch)


def real_features(
    sampler: Sampler,
    embeddings: Mapping[str, Embedding],
    source: ImageSource,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of all images of a source, not mirrored, at the generator's resolution; see `generated_features`."""
    networks, embed = _embed(sampler, embeddings)
    program = inference.compiled(embed, sampler.mesh, precision="highest")
    loader = ImageLoader(source, sampler.generator.resolution)
    results = inference.over_loader(program, (networks,), loader, ("image",), sampler.mesh, sampler.batch_size)
    return collect(results, sampler.mesh, keep, on_batch)


def _embed(sampler: Sampler, embeddings: Mapping[str, Embedding]) -> tuple[Any, Callable[[Any, Array], Any]]:
    """Variables of the networks on all devices, and a function (variables, uint8 images) -> features, both by name."""
    networks = sharding.put_replicated({name: e.variables for name, e in embeddings.items()}, sampler.mesh)
    return networks, lambda networks, images: {name: e.embed(networks[name], images) for name, e in embeddings.items()}


def path_lengths(sampler: Sampler, distance: Distance, count: int, on_batch: OnBatch = silent) -> np.ndarray:
    """Path lengths at the starts of the lines 0 to count - 1 in W, float32 [count]; their trimmed mean is the PPL.

    Both images of a pair have the same random noise, so that only the latent changes the image. In StyleGAN2-ADA all
    pairs of a batch have the same noise maps; here each pair has its own, with the same distribution. The generator
    computes in float32, as in StyleGAN2-ADA.
    """
    network = sharding.put_replicated(distance.variables, sampler.mesh)
    generator = sampler.generator.clone(dtype=jnp.float32)

    def run(variables, network, index, c):
        z0, z1 = sampler.latents(index)
        noise = jax.random.fold_in(jax.random.key(sampler.seed + 2), index[0])
        return path_length.path_lengths(
            z0,
            z1,
            jnp.zeros(len(index)),
            lambda z: sampler.map(variables, z, c),
            lambda ws: synthesis(generator, variables, ws, noise)[0],
            functools.partial(distance.compare, network),
            epsilon=EPSILON,
        )

    program = inference.compiled(run, sampler.mesh, precision="highest")
    return inference.gathered(sampler.over(program, sampler.rows(np.arange(count)), network), on_batch)


def attribute_scores(
    sampler: Sampler, classify: Callable[[Array], Array], lines: int, on_batch: OnBatch = silent
) -> np.ndarray:
    """Logits of A attributes at equidistant positions of the lines 0 to lines - 1, float32 [lines, POSITIONS, A].

    Args:
      classify: images [B, R, R, 3] in about [-1, 1] -> logits [B, A].
    """
    run = lambda variables, index, c, t: classify(sampler.on_line(variables, index, t, c)[0])
    program = inference.compiled(run, sampler.mesh, precision="highest")
    index, t = np.repeat(np.arange(lines), POSITIONS), np.tile(np.linspace(0, 1, POSITIONS), lines)
    return inference.gathered(sampler.over(program, sampler.rows(index, t)), on_batch).reshape(lines, POSITIONS, -1)
