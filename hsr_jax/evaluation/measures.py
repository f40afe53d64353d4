"""Runs a generator, or real images, through networks: features, path lengths, attribute scores (Sec. 4.3, thesis).

Each program is compiled once, for batches of one size, and split over the devices. Features and path lengths are of
images whose noise is drawn, by a key of the seed and of the number of the batch's first image; attribute scores and
pictures are of images with the stored noise. So an image in the pictures has the latent of the one that was measured,
and other noise.
"""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from common.data import batches
from common.data.images.pipeline import ImageLoader
from common.data.images.source import ImageSource
from common.metrics import path_length
from common.ops.pixels import stylegan2_ada_uint8
from common.pretrained.metric_networks import Distance, Embedding
from common.train import sharding
from hsr_jax.evaluation.feature_sets import Batches, FeatureSet, collect
from hsr_jax.evaluation.sampler import OnBatch, Sampler, ahead, compiled, gathered, silent

EPSILON = 1e-4
"""Step along a path; Karras et al. (2019)."""
PLACES = 11
"""Of the attribute scores on a line: t = 0, 0.1, ..., 1, as in HSR's public code."""


def generated_features(
    sampler: Sampler,
    embeddings: Mapping[str, Embedding],
    count: int,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of images 0 to count - 1, rounded to 8 bits, by name of the network; `keep` as in `collect`.

    Noise is drawn anew for every image, as StyleGAN2-ADA's metrics do.
    """
    networks = sharding.put_replicated({name: e.variables for name, e in embeddings.items()}, sampler.mesh)

    def run(variables, networks, index, c):
        ws = sampler.map(variables, sampler.latents(index)[0], c)
        noise = jax.random.fold_in(jax.random.key(sampler.seed + 1), index[0])  # new in every batch
        images = stylegan2_ada_uint8(sampler.synthesize(variables, ws, noise)[0])
        return {name: e.embed(networks[name], images) for name, e in embeddings.items()}

    batches = sampler.over(compiled(run, sampler.mesh), sampler.rows(np.arange(count)), networks)
    return collect(batches, sampler.mesh, keep, on_batch)


def real_features(
    source: ImageSource,
    embeddings: Mapping[str, Embedding],
    mesh: Mesh,
    *,
    resolution: int,
    batch_size: int,
    keep: Mapping[str, int],
    on_batch: OnBatch = silent,
) -> dict[str, FeatureSet]:
    """Features of all images of a source, not mirrored, by name of the network; `keep` as in `collect`."""
    networks = sharding.put_replicated({name: e.variables for name, e in embeddings.items()}, mesh)
    run = lambda networks, images: {name: e.embed(networks[name], images) for name, e in embeddings.items()}
    program = compiled(run, mesh)

    def results() -> Batches:
        for batch in batches.once(ImageLoader(source, resolution), batch_size=batch_size):
            images, valid = sharding.put_batch((batch["image"], batch["mask"]), mesh)
            yield program(networks, images), valid

    return collect(ahead(results()), mesh, keep, on_batch)


def path_lengths(sampler: Sampler, distance: Distance, count: int, on_batch: OnBatch = silent) -> np.ndarray:
    """Path lengths at the beginnings of lines 0 to count - 1 in W, float32 [count]; their trimmed mean is the PPL.

    Noise as StyleGAN2-ADA has it: drawn anew with every batch, and shared by both images of a pair, so that the latent
    alone moves the image. There all pairs of a batch have the same maps, here each pair has its own, of the same
    distribution. The generator is computed in float32, as there.
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

    batches = sampler.over(compiled(run, sampler.mesh), sampler.rows(np.arange(count)), network)
    return gathered(batches, on_batch)


def attribute_scores(
    sampler: Sampler, classify: Callable[[Array], Array], lines: int, on_batch: OnBatch = silent
) -> np.ndarray:
    """Logits of A attributes at `PLACES` equidistant places of lines 0 to lines - 1, float32 [lines, PLACES, A].

    Args:
      classify: images [B, R, R, 3] in [-1, 1] -> logits [B, A].
    """

    def run(variables, index, c, t):
        return classify(sampler.on_line(variables, index, t, c)[0])

    index, t = np.repeat(np.arange(lines), PLACES), np.tile(np.linspace(0, 1, PLACES), lines)
    batches = sampler.over(compiled(run, sampler.mesh), sampler.rows(index, t))
    return gathered(batches, on_batch).reshape(lines, PLACES, -1)
