"""The controller of the augmentation's strength p: stronger as long as the discriminator tells real images too well.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 3.1. The published code reports
the logits of real, augmented images in the main as well as in the R1 phase, and changes p every 4 batches.
"""

import chex
import jax.numpy as jnp
from jax import Array

TARGET = 0.6
KIMG = 500.0


def next_p(p: Array, mean_sign: Array, *, images: int, target: float = TARGET, kimg: float = KIMG) -> Array:
    """The strength after one change.

    As in the published code there is a lower bound only: a p above 1 acts as 1, and takes as long to come back. The
    paper does not mention a bound.

    Args:
      p: scalar, the strength until now; a run starts with 0.
      mean_sign: scalar, the mean of sign(D(x)) over all real images reported since the last change; r_t of the paper.
      images: real images since the last change: the batch over all devices times the batches between changes.
      target: the `mean_sign` at which p rests.
      kimg: thousands of images in which p goes from 0 to 1 at the fastest; 100 for a run that starts from trained
        networks.

    Returns:
      Scalar.
    """
    chex.assert_rank([p, mean_sign], 0)
    # p <- max(p + sign(r - target) * images / (1000 kimg), 0)
    return jnp.maximum(p + jnp.sign(mean_sign - target) * (images / (1000 * kimg)), 0.0)
