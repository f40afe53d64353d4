"""The controller of the augmentation's strength p: stronger as long as the discriminator tells real images too well.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 3.1.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

TARGET = 0.6
INTERVAL = 4
KIMG = 500.0
KIMG_RESUMED = 100.0
"""Of a run that starts from trained networks."""


class Controller(NamedTuple):
    """State of the controller; scalars, float32."""

    p: Array
    """Strength of the augmentation."""
    signs: Array
    """Sum of sign(D(x)) over the real images since the last change of p."""
    count: Array
    """How many those were."""
    batches: Array
    """Batches since the last change of p."""


def start(p: float = 0.0) -> Controller:
    """A controller without reports."""
    zero = jnp.zeros((), jnp.float32)
    return Controller(zero + p, zero, zero, zero)


def report(state: Controller, logits: Array) -> Controller:
    """Adds D's logits of real, augmented images, of any shape; in the main as well as in the R1 phase."""
    return state._replace(signs=state.signs + jnp.sign(logits).sum(), count=state.count + logits.size)


def update(
    state: Controller,
    batch: int,
    *,
    target: float = TARGET,
    kimg: float = KIMG,
    interval: int = INTERVAL,
) -> Controller:
    """To be called after every batch; changes p after every `interval` of them.

    As in the published code, p has a lower bound only: above 1 it acts as 1, and takes as long to come back.

    Args:
      batch: real images a batch, over all devices.
      target: of r, the mean of sign(D(x)); the heuristic r_t of the paper.
      kimg: thousands of images in which p goes from 0 to 1 at most.
      interval: batches.
    """
    batches = state.batches + 1
    due = (batches >= interval) & (state.count > 0)
    # p <- max(p + sign(r - target) * batch * interval / (1000 kimg), 0)
    r = state.signs / jnp.maximum(state.count, 1)
    moved = jnp.maximum(state.p + jnp.sign(r - target) * (batch * interval / (1000 * kimg)), 0.0)
    changed = start()._replace(p=moved)
    kept = state._replace(batches=batches)
    return Controller(*(jnp.where(due, a, b) for a, b in zip(changed, kept, strict=True)))
