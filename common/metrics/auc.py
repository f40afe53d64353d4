"""One number for an error distribution: the area under it, and its share of failures.

NaN errors (a face without visible landmarks, or a model that predicts NaN) make the result NaN rather than vanish:
leave faces that cannot be measured out before.
"""

import chex
import jax.numpy as jnp
from jax import Array


def auc(errors: Array, threshold: float) -> Array:
    """Area under the cumulative error distribution up to `threshold`, over `threshold`: 1 is perfect.

    The distribution is a step function of the sorted errors, so the area is exact: each face below the threshold
    contributes the width from its error to the threshold.

    Args:
      errors: [B], one per face, in the unit of `threshold`.
      threshold: positive.

    Returns:
      scalar in [0, 1].

    >>> auc(jnp.array([0.0, 4.0, 20.0, 20.0]), 8.0).item()
    0.375
    """
    chex.assert_rank(errors, 1)
    # 1/t int_0^t F(e) de = mean_i max(t - e_i, 0) / t
    return jnp.clip(threshold - errors, min=0).mean() / threshold


def auc_sampled(errors: Array, threshold: float, num: int = 50) -> Array:
    """3FabRec's "AUC": the mean of 1 - failure rate over `num` equidistant thresholds in [0, threshold], both included.

    A coarse `auc`; the two differ by up to 1 / (num - 1).

    Args:
      errors: [B], in the unit of `threshold`.

    Returns:
      scalar in [0, 1].

    >>> f"{auc_sampled(jnp.array([0.0, 4.0, 20.0, 20.0]), 8.0, num=5):.3f}"
    '0.400'
    """
    chex.assert_rank(errors, 1)
    thresholds = jnp.linspace(0, threshold, num)
    return 1 - _fraction(errors[None, :] > thresholds[:, None], errors)


def failure_rate(errors: Array, threshold: float) -> Array:
    """Share of faces whose error is above `threshold` (an error equal to it is no failure). [B] -> scalar in [0, 1].

    >>> failure_rate(jnp.array([1.0, 8.0, 9.0, 20.0]), 8.0).item()
    0.5
    """
    chex.assert_rank(errors, 1)
    return _fraction(errors > threshold, errors)


def _fraction(fails: Array, errors: Array) -> Array:
    """Mean of `fails`, NaN where an error is: a comparison with NaN is false and would count as a success."""
    return jnp.where(jnp.isnan(errors).any(), jnp.nan, fails.mean())
