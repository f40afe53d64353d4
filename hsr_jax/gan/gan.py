"""Generator and discriminator: from random draws to latents, from latents to images, from images to logits."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jax import Array

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator, num_ws


class LatentDraws(NamedTuple):
    """Random inputs of one pass of the generator."""

    z: Array
    """[B, z_dim], standard normal."""
    mixing_z: Array
    """[B, z_dim], standard normal; source of the rows of ws from `cutoff` on."""
    cutoff: Array | int
    """int32 [], first row of ws that comes from `mixing_z`; see `mix_styles`."""
    noise: Array | None = None
    """PRNG key of the noise in all layers; None takes the stored noise maps."""


class Generated(NamedTuple):
    """Result of one pass of the generator."""

    images: Array
    """[B, R, R, C], in about [-1, 1]."""
    features: dict[str, Array]
    """Features by name of the layer, see `SynthesisNetwork`."""
    model_state: Any
    """Collections of the generator, with the mean w updated; see `GAN.latents`."""


@dataclasses.dataclass(frozen=True)
class GAN:
    """Generator and discriminator in training mode.

    The generator's variables are {"params": params, **model_state}; the discriminator has parameters only.
    """

    generator: Generator
    discriminator: Discriminator

    def latents(self, params: Any, model_state: Any, draws: LatentDraws, c: Array | None = None) -> tuple[Array, Any]:
        """Latents ws [B, num_ws, w_dim] with mixed styles, and `model_state` with the mean w updated.

        Only the latents of `draws.z` move the mean w, not those of `draws.mixing_z`, as in StyleGAN2-ADA.
        """

        def to_ws(z, **options):
            variables = {"params": params, **model_state}
            return self.generator.apply(variables, z, c, **options, method=lambda g, *a, **k: g.mapping(*a, **k)[0])

        ws, updated = to_ws(draws.z, update_w_avg=True, mutable=list(model_state))
        return mix_styles(ws, to_ws(draws.mixing_z), draws.cutoff), updated

    def generate(self, params: Any, model_state: Any, draws: LatentDraws, c: Array | None = None) -> Generated:
        """Images of random draws; `c` [B, c_dim] are labels for a conditional generator."""
        ws, updated = self.latents(params, model_state, draws, c)
        return Generated(*synthesis(self.generator, {"params": params, **model_state}, ws, draws.noise), updated)

    def logits(self, params: Any, images: Array, c: Array | None = None) -> Array:
        """Logits [B] of the discriminator for images [B, R, R, C]."""
        output: Any = self.discriminator.apply({"params": params}, images, c)
        return output[0]


def mapping(generator: Generator, variables: Any, z: Array, c: Array | None, psi: Array) -> Array:
    """Truncated latents w [B, w_dim], the same for all layers, of z [B, z_dim]; `psi` [] is the truncation."""
    ws: Any = generator.apply(variables, z, c, psi, method=lambda g, *a: g.mapping(*a)[0])
    return ws[:, 0]


def synthesis(
    generator: Generator, variables: Any, ws: Array, noise: Array | None = None
) -> tuple[Array, dict[str, Array]]:
    """Images [B, R, R, C], in about [-1, 1], and features by layer, generated from ws [B, num_ws, w_dim].

    `noise` is a PRNG key, from which each image gets noise maps of its own; a second call with the same key and B gives
    the same maps. All images get the stored maps if it is None.
    """
    mode, rngs = ("const", {}) if noise is None else ("random", {"noise": noise})
    return generator.apply(variables, ws, noise_mode=mode, rngs=rngs, method=lambda g, *a, **k: g.synthesis(*a, **k))


def mix_styles(ws: Array, others: Array, cutoff: Array | int) -> Array:
    """Latents with the rows of `ws` before `cutoff` and the rows of `others` from there on, all [B, num_ws, w_dim].

    The whole batch has one `cutoff`, as in StyleGAN2-ADA. If `cutoff` is num_ws, the result is `ws`.
    """
    chex.assert_equal_shape([ws, others])
    return jnp.where(jnp.arange(ws.shape[1])[None, :, None] < cutoff, ws, others)


def draw_cutoff(key: Array, num_ws: int, probability: float) -> Array:
    """Random `cutoff` for `mix_styles`, int32 []: uniform in 1 .. num_ws - 1 with `probability`, otherwise num_ws."""
    row, decision = jax.random.split(key)
    cutoff = jax.random.randint(row, (), 1, num_ws)
    return jnp.where(jax.random.uniform(decision) < probability, cutoff, num_ws)


def draw_latents(
    key: Array, generator: Generator, batch: int, style_mixing: float, normal: Callable[..., Array] = jax.random.normal
) -> LatentDraws:
    """Random inputs for `batch` images.

    Args:
      style_mixing: probability that the images of the batch have mixed styles, see `mix_styles`.
      normal: function (key, shape) -> standard normal numbers, which may also place them on devices.
    """
    z, mixing_z, cutoff, noise = jax.random.split(key, 4)
    shape = (batch, generator.z_dim)
    cutoff = draw_cutoff(cutoff, num_ws(generator.resolution), style_mixing)
    return LatentDraws(normal(z, shape), normal(mixing_z, shape), cutoff, noise)
