"""Optimisers of adversarial training: Adam with lazy regularisation, finite gradients, the generator's average."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array


def adam(learning_rate: float, interval: int, b1: float = 0.0, b2: float = 0.99) -> optax.GradientTransformation:
    """Adam for a network that is regularised only in every `interval`-th batch.

    The regularisation is an additional step of the same optimiser: k batches are k + 1 steps. StyleGAN2, Appendix B.
    """
    # c = k / (k + 1);  lr c, b1^c, b2^c
    c = interval / (interval + 1)
    return optax.adam(learning_rate * c, b1**c, b2**c, eps=1e-8)


def clean_gradients(gradients: Any) -> Any:
    """Gradients with NaN replaced by 0 and infinity by 1e5 with its sign, because 16 bits overflow now and then."""
    return jax.tree.map(lambda g: jnp.nan_to_num(g, nan=0.0, posinf=1e5, neginf=-1e5), gradients)


def update(optimizer: optax.GradientTransformation, gradients: Any, opt_state: Any, params: Any) -> tuple[Any, Any]:
    """Parameters and optimiser state after a step with cleaned gradients."""
    updates, opt_state = optimizer.update(clean_gradients(gradients), opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def ema_beta(batch_size: int, images_seen: Array | int, half_life_kimg: float, ramp_up: float | None = None) -> Array:
    """Weight [] of the old average in the generator's average after a batch.

    Args:
      images_seen: [], number of images in all batches before this one.
      half_life_kimg: thousands of images after which the weight of a parameter in the average has halved.
      ramp_up: largest half-life as a share of `images_seen`, which matters early in a run; None for no limit.
    """
    # beta = 0.5^(batch / half-life)
    half_life = jnp.float32(1000 * half_life_kimg)
    if ramp_up is not None:
        half_life = jnp.minimum(half_life, ramp_up * jnp.asarray(images_seen, jnp.float32))
    return 0.5 ** (batch_size / jnp.maximum(half_life, 1e-8))
