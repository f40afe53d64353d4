"""Pure functions on pytrees of parameters."""

from typing import Any

import jax
from jax import Array


def moving_average(average: Any, params: Any, decay: Array | float) -> Any:
    """Exponential moving average of parameters after one more step."""
    # average <- decay * average + (1 - decay) * params
    return jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, average, params)
