"""What the four phases of a training step minimise, as functions of parameters and of every random draw.

LossConfig are one value an image, without the factor of lazy regularisation; the caller takes the mean.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from jax import Array

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator
from hsr_jax.gan import adversarial

AugmentFn = Callable[[Array], Array]
"""Images [B, H, W, C] -> the same shape; its random numbers and strength are drawn and set already."""


class LatentDraws(NamedTuple):
    """The random inputs of one pass of the generator."""

    z: Array
    """[B, z_dim], standard normal."""
    mixing_z: Array
    """[B, z_dim], of the rows from `cutoff` on."""
    cutoff: Array | int
    """int32 [], see `adversarial.mix_styles`."""
    noise: Array | None = None
    """PRNG key of the layers' noise; the stored maps when absent."""


class Generated(NamedTuple):
    """What one pass of the generator gives."""

    images: Array
    """[B, R, R, C], about [-1, 1]."""
    features: dict[str, Array]
    """Of `SynthesisNetwork`."""
    stats: Any
    """The generator's collections with the mean w moved; see `GAN.latents`."""


class PathLength(NamedTuple):
    """What the path length regularisation gives beside its loss."""

    penalty: Array
    """[B], unweighted."""
    lengths: Array
    """[B]."""
    mean: Array
    """[], the new running mean."""
    stats: Any
    """As in `Generated`."""


@dataclasses.dataclass(frozen=True)
class GAN:
    """The two networks in training mode. `params` and `stats` are of the one that is called."""

    generator: Generator
    discriminator: Discriminator

    def latents(self, params: Any, stats: Any, draws: LatentDraws, c: Array | None = None) -> tuple[Array, Any]:
        """ws [B, num_ws, w_dim] with mixed styles, and `stats` with the mean w moved by the first z alone."""

        def mapping(z, **options):
            variables = {"params": params, **stats}
            return self.generator.apply(variables, z, c, **options, method=lambda g, *a, **k: g.mapping(*a, **k)[0])

        ws, updated = mapping(draws.z, update_w_avg=True, mutable=list(stats))
        return adversarial.mix_styles(ws, mapping(draws.mixing_z), draws.cutoff), updated

    def synthesize(self, params: Any, stats: Any, ws: Array, noise: Array | None) -> tuple[Array, dict[str, Array]]:
        """Images [B, R, R, C] and features; `noise` as in `LatentDraws`."""
        mode, rngs = ("const", {}) if noise is None else ("random", {"noise": noise})
        return self.generator.apply(
            {"params": params, **stats}, ws, noise_mode=mode, rngs=rngs, method=lambda g, *a, **k: g.synthesis(*a, **k)
        )

    def generate(self, params: Any, stats: Any, draws: LatentDraws, c: Array | None = None) -> Generated:
        """A batch of images."""
        ws, updated = self.latents(params, stats, draws, c)
        return Generated(*self.synthesize(params, stats, ws, draws.noise), updated)

    def logits(self, params: Any, images: Array, c: Array | None = None) -> Array:
        """[B, R, R, C] -> [B]."""
        return self.discriminator.apply({"params": params}, images, c)[0]


def g_main(
    gan: GAN, g_params: Any, g_stats: Any, d_params: Any, draws: LatentDraws, augment: AugmentFn, c: Array | None = None
) -> tuple[Array, tuple[Array, Generated]]:
    """Loss of the generator [B]; logits [B] and the images they are of (those before the augmentation)."""
    generated = gan.generate(g_params, g_stats, draws, c)
    logits = gan.logits(d_params, augment(generated.images), c)
    return adversarial.generator_loss(logits), (logits, generated)


def g_reg(
    gan: GAN,
    g_params: Any,
    g_stats: Any,
    pl_mean: Array,
    draws: LatentDraws,
    pl_noise: Array,
    weight: float,
    c: Array | None = None,
) -> tuple[Array, PathLength]:
    """Path length regularisation of the generator [B]; `pl_noise` [B, R, R, C] is standard normal."""
    ws, stats = gan.latents(g_params, g_stats, draws, c)
    synthesize = lambda ws: gan.synthesize(g_params, g_stats, ws, draws.noise)[0]
    lengths = adversarial.path_lengths(adversarial.path_gradients(synthesize, ws, pl_noise))
    penalty, mean = adversarial.path_length_penalty(lengths, pl_mean)
    return weight * penalty, PathLength(penalty, lengths, mean, stats)


def d_main(
    gan: GAN, d_params: Any, fakes: Array, reals: Array, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """Loss of the discriminator [B]; its logits of the fakes and of the reals [B].

    Both are [B, R, R, C], augmented already. They go through the network apart, for the minibatch deviation. The
    gradient of the sum of their losses is the sum of the two gradients that StyleGAN2-ADA accumulates.
    """
    fake, real = gan.logits(d_params, fakes, c), gan.logits(d_params, reals, c)
    return adversarial.discriminator_loss_fake(fake) + adversarial.discriminator_loss_real(real), (fake, real)


def d_reg(
    gan: GAN, d_params: Any, reals: Array, gamma: float, augment: AugmentFn, c: Array | None = None
) -> tuple[Array, tuple[Array, Array]]:
    """R1 regularisation of the discriminator [B]; penalty without gamma / 2 [B], logits [B].

    `reals` are not augmented; `augment` is, so that the gradient goes through it.
    """
    penalty, logits = adversarial.r1_penalty(lambda images: gan.logits(d_params, augment(images), c), reals)
    return gamma / 2 * penalty, (penalty, logits)
