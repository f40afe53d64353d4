"""One number for the errors of many faces: the area under their cumulative distribution, or the share of failures.

A NaN error (no visible landmark, or a model that predicts NaN) is not skipped, it makes the result NaN. Remove faces
that cannot be measured first.
"""

import chex
import jax.numpy as jnp
from jax import Array


def auc(errors: Array, threshold: float) -> Array:
    """Area under the cumulative error distribution from 0 to `threshold`, divided by `threshold`; 1 is perfect.

    The distribution F is a step function, so the area is exact: every error below the threshold contributes the width
    from itself to the threshold.

    Args:
      errors: [B], per face, in the unit of `threshold`.
      threshold: largest error that counts, positive.

    Returns:
      Scalar in [0, 1].

    >>> auc(jnp.array([0.0, 4.0, 20.0, 20.0]), 8.0).item()
    0.375
    """
    chex.assert_rank(errors, 1)
    # 1/t int_0^t F(e) de = mean_i max(t - e_i, 0) / t
    return jnp.clip(threshold - errors, min=0).mean() / threshold


def auc_sampled(errors: Array, threshold: float, num: int = 50) -> Array:
    """3FabRec's "AUC": the mean of 1 - failure rate over `num` equidistant thresholds, 0 and `threshold` included.

    It approximates `auc`; the two differ by at most 1 / (num - 1).

    Args:
      errors: [B], in the unit of `threshold`.
      threshold: largest threshold.
      num: number of thresholds.

    Returns:
      Scalar in [0, 1].

    >>> f"{auc_sampled(jnp.array([0.0, 4.0, 20.0, 20.0]), 8.0, num=5):.3f}"
    '0.400'
    """
    chex.assert_rank(errors, 1)
    thresholds = jnp.linspace(0, threshold, num)
    return 1 - _fraction(errors[None, :] > thresholds[:, None], errors)


def failure_rate(errors: Array, threshold: float) -> Array:
    """Share of errors above `threshold`; an error equal to it is no failure. [B] -> scalar in [0, 1].

    >>> failure_rate(jnp.array([1.0, 8.0, 9.0, 20.0]), 8.0).item()
    0.5
    """
    chex.assert_rank(errors, 1)
    return _fraction(errors > threshold, errors)


def _fraction(fails: Array, errors: Array) -> Array:
    """Mean of `fails`, or NaN if any error is NaN: a comparison with NaN is false and would count as a success."""
    return jnp.where(jnp.isnan(errors).any(), jnp.nan, fails.mean())
