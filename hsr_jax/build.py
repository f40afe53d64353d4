"""Generator and discriminator of a configuration, untrained."""

from typing import Any

import jax
import jax.numpy as jnp

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator
from hsr_jax.config import GanConfig
from hsr_jax.gan.gan import GAN

CLAMP = 256.0
"""Limit of activations in 16 bits; StyleGAN2-ADA."""


def build(config: GanConfig, c_dim: int = 0) -> GAN:
    """The networks; `c_dim` is the length of the data set's labels, 0 without."""
    n, dtype = config.networks, jnp.dtype(config.dtype)
    sizes = {"channel_base": n.channel_base, "channel_max": n.channel_max, "c_dim": c_dim}
    precision = {"dtype": dtype, "conv_clamp": None if dtype == jnp.float32 else CLAMP}
    generator = Generator(
        config.data.resolution,
        z_dim=n.z_dim,
        w_dim=n.w_dim,
        num_layers=n.mapping_layers,
        low_precision_resolutions=4,
        **sizes,
        **precision,
    )
    discriminator = Discriminator(
        config.data.resolution,
        architecture=n.architecture,
        mbstd_group=n.mbstd_group,
        mbstd_batch=n.mbstd_batch or None,
        **sizes,
        **precision,
    )
    return GAN(generator, discriminator)


def initialize(gan: GAN, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables of the generator and of the discriminator by a run's seed; the same on every backend."""
    g_key, d_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
    # On the host and hardly optimised: the programs run once.
    compiled = {"compiler_options": {"xla_backend_optimization_level": 0}}
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        z, image, c = _inputs(gan)
        return jax.jit(gan.generator.init, **compiled)(g_key, z, c), jax.jit(gan.discriminator.init, **compiled)(
            d_key, image, c
        )


def shapes(gan: GAN) -> tuple[dict[str, Any], dict[str, Any]]:
    """Shapes and types of what `initialize` gives, computing nothing."""
    z, image, c = _inputs(gan)
    key = jax.random.key(0)
    return jax.eval_shape(gan.generator.init, key, z, c), jax.eval_shape(gan.discriminator.init, key, image, c)


def _inputs(gan: GAN) -> tuple[Any, Any, Any]:
    g = gan.generator
    # The batch must split into the discriminator's groups.
    batch = gan.discriminator.mbstd_batch or gan.discriminator.mbstd_group or 1
    c = jnp.zeros((1, g.c_dim)) if g.c_dim else None
    return jnp.zeros((1, g.z_dim)), jnp.zeros((batch, g.resolution, g.resolution, 3)), c
