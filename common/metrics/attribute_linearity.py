"""Attribute linearity score (ALS): do attributes change in proportion to the latent? (Sec. 4.3.3, thesis)

The input, scores [P, T, A], holds logits of A attributes at T equidistant places on the lines between P pairs of
latents; the first and the last place are the latents themselves (Eq. 4.3, thesis). 0 is best. There are two versions of
the ALS: the equation of the thesis, and the computation in the public code of HSR.
"""

import chex
import jax.numpy as jnp
from jax import Array


def deviation(scores: Array) -> Array:
    """Height of the straight line between the two ends above the scores: [P, T, A] -> [P, T, A].

    >>> deviation(jnp.array([0.0, 1.5, 2.0]).reshape(1, 3, 1)).ravel().tolist()
    [0.0, -0.5, 0.0]
    """
    chex.assert_rank(scores, 3)
    # s_0 + t (s_1 - s_0) - s_t, t = 0, 1/N, ..., 1
    first, last = scores[:, :1], scores[:, -1:]
    t = jnp.linspace(0, 1, scores.shape[1])[None, :, None]
    return first + t * (last - first) - scores


def attribute_linearity(scores: Array) -> Array:
    """ALS per attribute; the mean over attributes is Delta_T of the thesis.

    Args:
      scores: [P, T, A].

    Returns:
      [A], squared units of the logits; a mean over pairs and over the T - 1 places after the first.

    >>> attribute_linearity(jnp.array([0.0, 1.5, 2.0]).reshape(1, 3, 1)).tolist()
    [0.125]
    """
    # Delta_tj = ||C_j(G(w_t)) - C_j(G(w_0)) - t (C_j(G(w_1)) - C_j(G(w_0)))||^2  (4.5);  1/N sum_{t=1..N} Delta_tj
    return jnp.square(deviation(scores))[:, 1:].mean((0, 1))


def hsr_deviation(scores: Array) -> Array:
    """`deviation` divided by the standard deviation of each attribute's scores: [P, T, A] -> [P, T, A].

    >>> f"{hsr_deviation(jnp.array([0.0, 3.0, 0.0]).reshape(1, 3, 1))[0, 1, 0]:.4f}"  # -3 / sqrt(2)
    '-2.1213'
    """
    return deviation(scores) / scores.std((0, 1), keepdims=True)


def hsr_attribute_linearity(scores: Array) -> Array:
    """ALS per attribute as the public code of HSR computes it; the code prints the mean over attributes.

    It differs from Eq. (4.5) in two ways. Logits are divided by their standard deviation over the model's own images,
    so every model has its own unit. And absolute deviations are averaged over pairs, then squared, then summed (not
    averaged) over the places.

    Args:
      scores: [P, T, A].

    Returns:
      [A], no unit.

    >>> f"{hsr_attribute_linearity(jnp.array([0.0, 3.0, 0.0]).reshape(1, 3, 1)).item():.4f}"
    '4.5000'
    """
    # sum_t ( 1/P sum_p |d_ptj| / std_j )^2
    return jnp.square(jnp.abs(hsr_deviation(scores)).mean(0)).sum(0)
