"""Cumulative error distribution."""

import chex
import jax.numpy as jnp
from jax import Array


def ced(errors: Array) -> tuple[Array, Array]:
    """The steps of the cumulative error distribution.

    Args:
      errors: [B], one per face.

    Returns:
      (errors, fractions), both [B]: the sorted errors, NaN last, and the share of faces with at most that error.

    >>> errors, fractions = ced(jnp.array([4.0, 1.0, 9.0, 2.0]))
    >>> errors.tolist(), fractions.tolist()
    ([1.0, 2.0, 4.0, 9.0], [0.25, 0.5, 0.75, 1.0])
    """
    chex.assert_rank(errors, 1)
    return jnp.sort(errors), jnp.arange(1, len(errors) + 1) / len(errors)
