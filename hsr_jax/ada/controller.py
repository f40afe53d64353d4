"""Controller of the augmentation's strength p, which rises while the discriminator recognises real images too well.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 3.1. The published code reports
the logits of real, augmented images of the main phase and of the R1 phase, and changes p every 4 batches.
"""

import chex
import jax.numpy as jnp
from jax import Array


def next_p(p: Array, mean_sign: Array, *, images: int, target: float = 0.6, kimg: float = 500.0) -> Array:
    """Strength p after one change, a scalar.

    There is a lower bound only, as in the published code; the paper does not mention any. A p above 1 acts as 1, and
    needs its time to come down again.

    Args:
      p: scalar, the strength before; a run starts with 0.
      mean_sign: scalar, the mean of sign(D(x)) over all real images reported since the last change; r_t of the paper.
      images: number of real images since the last change: the global batch size times the batches between changes.
      target: the `mean_sign` at which p stays as it is.
      kimg: thousands of images in which p can rise from 0 to 1; 100 for a run that starts from trained networks.
    """
    chex.assert_rank([p, mean_sign], 0)
    # p <- max(p + sign(r - target) * images / (1000 kimg), 0)
    return jnp.maximum(p + jnp.sign(mean_sign - target) * (images / (1000 * kimg)), 0.0)
