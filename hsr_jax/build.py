"""Networks, phases of a training step and initial state of a configuration."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator
from common.nn.untrained import init_on_host
from hsr_jax.ada.augment import PIPES, augment
from hsr_jax.ada.controller import next_p
from hsr_jax.config import GanConfig
from hsr_jax.gan.gan import GAN
from hsr_jax.gan.optimizer import adam
from hsr_jax.gan.phases import Phases
from hsr_jax.gan.regularizer import Regularizer
from hsr_jax.gan.state import GANState, create_gan_state

CLAMP = 256.0
"""Largest absolute value of activations in 16 bits; StyleGAN2-ADA."""
RESUMED_ADA_KIMG = 100.0
"""Largest `ada.kimg` of a run that starts from a snapshot; StyleGAN2-ADA."""


def build_gan(config: GanConfig, c_dim: int = 0) -> GAN:
    """Networks of a configuration; `c_dim` is the length of the data set's labels, 0 without labels."""
    n, dtype = config.networks, jnp.dtype(config.dtype)
    shared = {
        "channel_base": n.channel_base,
        "channel_max": n.channel_max,
        "c_dim": c_dim,
        "dtype": dtype,
        "conv_clamp": None if dtype == jnp.float32 else CLAMP,
    }
    generator = Generator(
        config.data.resolution,
        z_dim=n.z_dim,
        w_dim=n.w_dim,
        num_layers=n.mapping_layers,
        low_precision_resolutions=4,
        **shared,
    )
    discriminator = Discriminator(
        config.data.resolution,
        architecture=n.architecture,
        mbstd_group=n.mbstd_group,
        mbstd_batch=n.mbstd_batch or None,
        **shared,
    )
    return GAN(generator, discriminator)


def initialize(gan: GAN, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables of the untrained generator and discriminator for a run's seed, the same on every backend."""
    g_key, d_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), 0))
    z, image, c = _inputs(gan)
    return init_on_host(gan.generator, g_key, z, c), init_on_host(gan.discriminator, d_key, image, c)


def shapes(gan: GAN) -> tuple[dict[str, Any], dict[str, Any]]:
    """Shapes and types of the results of `initialize`, without computing them."""
    z, image, c = _inputs(gan)
    key = jax.random.key(0)
    return jax.eval_shape(gan.generator.init, key, z, c), jax.eval_shape(gan.discriminator.init, key, image, c)


def build_phases(config: GanConfig, gan: GAN, mesh: Mesh, semantics: Regularizer | None) -> Phases:
    """Phases of a configuration's training step."""
    schedule, ada_kimg = config.schedule, config.ada.kimg
    if config.resume_from:  # StyleGAN2-ADA's rule for a run that starts from a snapshot
        schedule, ada_kimg = dataclasses.replace(schedule, ema_ramp_up=None), min(ada_kimg, RESUMED_ADA_KIMG)
    images = config.batch_size * schedule.ada_interval
    control = functools.partial(next_p, target=config.ada.target, images=images, kimg=ada_kimg)
    augments = config.ada.mode != "none"
    return Phases(
        gan,
        config.losses,
        schedule,
        adam(config.g_lr, schedule.g_interval),
        adam(config.d_lr, schedule.d_interval),
        mesh,
        augment=functools.partial(augment, pipe=PIPES[config.ada.pipe]) if augments else None,
        semantic_loss=semantics.loss if semantics else None,
        control=control if config.ada.mode == "adaptive" else None,
    )


def new_state(config: GanConfig, phases: Phases, semantics: Regularizer | None) -> GANState:
    """State before the first batch, with untrained networks drawn with the run's seed."""
    g_variables, d_variables = initialize(phases.gan, config.seed)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    heads = semantics and semantics.init(jax.random.fold_in(key, 0))
    optimizers = phases.g_optimizer, phases.d_optimizer
    return create_gan_state(g_variables, d_variables["params"], *optimizers, key, heads, config.ada.p)


def _inputs(gan: GAN) -> tuple[Any, Any, Any]:
    """Latents, images and labels of the right shapes."""
    g = gan.generator
    # The discriminator divides the batch into groups.
    batch = gan.discriminator.mbstd_batch or gan.discriminator.mbstd_group or 1
    c = jnp.zeros((1, g.c_dim)) if g.c_dim else None
    return jnp.zeros((1, g.z_dim)), jnp.zeros((batch, g.resolution, g.resolution, 3)), c
