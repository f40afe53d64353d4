"""Controller of the augmentation's strength p, which rises while the discriminator recognises real images too well.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 3.1. The published code counts
the logits of augmented real images in the discriminator's main phase and in its R1 phase, and changes p every 4
batches.
"""

import chex
import jax.numpy as jnp
from jax import Array


def next_p(p: Array, mean_sign: Array, *, images: int, target: float = 0.6, kimg: float = 500.0) -> Array:
    """Strength p after one change, a scalar.

    As in the published code, p has a lower bound only; the paper mentions no bound. A p above 1 acts as 1, and has to
    fall below 1 again before the augmentation becomes weaker.

    Args:
      p: scalar, the strength before the change; a run starts with 0.
      mean_sign: scalar, mean of sign(D(x)) over all real images counted since the last change; r_t in the paper.
      images: number of real images since the last change: global batch size times batches between changes.
      target: value of `mean_sign` at which p does not change.
      kimg: thousands of images in which p can rise from 0 to 1; 100 for a run that starts from trained networks.
    """
    chex.assert_rank([p, mean_sign], 0)
    # p <- max(p + sign(r - target) * images / (1000 kimg), 0)
    return jnp.maximum(p + jnp.sign(mean_sign - target) * (images / (1000 * kimg)), 0.0)
