"""LPIPS, the perceptual distance of two images (Zhang et al., 2018, Eq. 1)."""

import chex
import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from common.nn.alexnet import AlexNet
from common.nn.vgg import VGG16
from common.ops.resize import resize_bilinear
from common.ops.similarity import unit_vectors

# Mean and deviation of ImageNet's colours in the range [-1, 1].
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
EPSILON = 1e-10
"""Added to the norm of every feature vector."""


def standardize(images: Array) -> Array:
    """Input of LPIPS's trunks, (x - shift) / scale per channel: images [B, H, W, 3] in [-1, 1] -> [B, H, W, 3]."""
    chex.assert_shape(images, (None, None, None, 3))
    shift, scale = jnp.asarray(SHIFT, images.dtype), jnp.asarray(SCALE, images.dtype)
    return (images - shift[None, None, None]) / scale[None, None, None]


class Lpips(nn.Module):
    """Weighted squared differences of a trunk's features. The weights, `head{k}` [C_k] for tap k, start at 1."""

    trunk: VGG16 | AlexNet

    def setup(self):
        ones = nn.initializers.ones_init()
        self.heads = [self.param(f"head{k}", ones, (width,)) for k, width in enumerate(self.trunk.widths)]

    def __call__(
        self, a: Array, b: Array, *, normalize: bool = False, spatial: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        """Distances of the pairs (a[i], b[i]).

        Args:
          a: [B, H, W, 3], float, in [-1, 1].
          b: [B, H, W, 3], float, in [-1, 1].
          normalize: whether the images are in [0, 1] instead.
          spatial: whether the result is a map of distances.

        Returns:
          Distances [B], or maps [B, H, W] if `spatial`, and a dict of their summands by tap (`trunk.taps`); float32.

        Raises:
          AssertionError: images of different shapes or without 3 channels.
          ValueError: images too small for the trunk.
        """
        chex.assert_equal_shape([a, b])
        terms = self.compare(
            self.describe(a, normalize), self.describe(b, normalize), a.shape[1:3] if spatial else None
        )
        return sum(terms.values()), terms

    def describe(self, images: Array, normalize: bool = False) -> dict[str, Array]:
        """Unit features of images [B, H, W, 3] by tap, each [B, h, w, C] float32; `compare` takes two such dicts."""
        _, features = self.trunk(standardize(2 * images - 1 if normalize else images))
        return {tap: unit_vectors(features[tap].astype(jnp.float32), EPSILON, added=True) for tap in self.trunk.taps}

    def compare(
        self, a: dict[str, Array], b: dict[str, Array], size: tuple[int, int] | None = None
    ) -> dict[str, Array]:
        """Summands of the distance by tap: means [B] over the positions or, with `size` (H, W), maps [B, H, W]."""
        terms = {}
        for tap, head in zip(self.trunk.taps, self.heads, strict=True):
            # d = sum_l 1/(H_l W_l) sum_hw |w_l * (a_hw - b_hw)|^2, with the squares of w_l as weights
            distances = (head[None, None, None] * jnp.square(a[tap] - b[tap])).sum(-1)
            terms[tap] = distances.mean((1, 2)) if size is None else _enlarge(distances, size)
        return terms


def _enlarge(maps: Array, size: tuple[int, int]) -> Array:
    """[B, h, w] -> [B, *size], bilinear with half-pixel centres."""
    return resize_bilinear(maps[..., None], size)[..., 0]
