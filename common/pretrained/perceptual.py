"""Perceptual distances between two images: LPIPS, distances of another network's features, or of pixels."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from common.metrics.path_length import MAX_SIZE
from common.nn.lpips import EPSILON, Lpips
from common.ops.pool import box_downsample
from common.ops.similarity import unit_vectors
from common.pretrained.extractor import FORMATS, Extractor, make_extractor
from common.weights import formats

SMALLEST = 8
"""Side in pixels of the coarsest images that `pixels` compares."""


class Perceptual(NamedTuple):
    """A distance in two steps, so that an image that is compared many times is described only once."""

    name: str
    """Name for messages."""
    describe: Callable[[Any, Array], Any]
    """(variables, images [B, R, R, 3] in [-1, 1]) -> pytree of [B, ...]."""
    compare: Callable[[Any, Any, Any], Array]
    """(variables, description, description) -> distances [B]."""
    variables: Any
    """Variables of the network; {} for a distance without a network."""


def open_perceptual(path: str, image_size: int = 224) -> Perceptual:
    """The distance of the network in a checkpoint or an imported directory.

    Args:
      path: file or directory with LPIPS or another network that can be an extractor; '' chooses `pixels`.
      image_size: side in pixels to which images are resized for a network other than LPIPS.

    Raises:
      InputError: there is no such network, or it is damaged.
    """
    if not path:
        return pixels()
    _, module, variables = formats.open_network(path, FORMATS)
    if isinstance(module, Lpips):
        return of_lpips(module, variables)
    return of_features(*make_extractor(module, variables, image_size))


def of_lpips(module: Lpips, variables: Any) -> Perceptual:
    """LPIPS of images that are first averaged down to about 256 px, as for the path length."""

    def describe(variables: Any, images: Array) -> Any:
        small = box_downsample(images, max(images.shape[1] // MAX_SIZE, 1))
        return module.apply(variables, small, method="describe")

    def compare(variables: Any, a: Any, b: Any) -> Array:
        distances: Any = module.apply(variables, a, b, method="compare")
        return sum(distances.values())

    return Perceptual("LPIPS", describe, compare, variables)


def of_features(network: Extractor, variables: Any) -> Perceptual:
    """Mean squared distance of unit features over positions and layers, which is LPIPS with equal weights."""

    def describe(variables: Any, images: Array) -> Any:
        return [unit_vectors(x, EPSILON, added=True) for x in network.targets(variables, images)]

    def compare(_: Any, a: Any, b: Any) -> Array:
        # 1/L sum_l 1/(H_l W_l) sum_hw |a_hw - b_hw|^2
        return sum(jnp.square(x - y).sum(-1).mean((1, 2)) for x, y in zip(a, b, strict=True)) / len(a)

    return Perceptual(f"{type(network.module).__name__} features", describe, compare, variables)


def pixels() -> Perceptual:
    """Mean squared difference of pixels, averaged over several scales: full size, half, a quarter, ... down to 8 px.

    It is not perceptual, but needs no weights. Coarse scales guide an optimisation while the fine ones still differ
    everywhere.
    """

    def describe(_: Any, images: Array) -> Any:
        scales = [images]
        while scales[-1].shape[1] > SMALLEST:
            scales.append(box_downsample(scales[-1], 2))
        return scales

    def compare(_: Any, a: Any, b: Any) -> Array:
        return sum(jnp.square(x - y).mean((1, 2, 3)) for x, y in zip(a, b, strict=True)) / len(a)

    return Perceptual("pixels at several scales", describe, compare, {})
