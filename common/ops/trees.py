"""Pure functions on pytrees: leaves by path, comparison of shapes, moving average."""

from typing import Any

import jax
import numpy as np
from jax import Array

from common.errors import InputError


def leaves_by_path(tree: Any) -> dict[str, Any]:
    """Leaves of a pytree by path, such as `params/encoder/kernel`."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def check_same_shapes(found: Any, wanted: Any, *, source: str, remedy: str) -> None:
    """Raises `InputError` unless two pytrees have leaves of the same shapes under the same paths.

    The message begins with `source`, the field or file that `found` is from, and ends with `remedy`.
    """
    have, want = ({path: np.shape(leaf) for path, leaf in leaves_by_path(tree).items()} for tree in (found, wanted))
    if different := sorted(path for path in have.keys() | want.keys() if have.get(path) != want.get(path)):
        first, more = different[0], f" (and {len(different) - 1} more)" if len(different) > 1 else ""
        shapes = f"{have.get(first, 'absent')}, here {want.get(first, 'absent')}"
        raise InputError(f"{source}: {first} is {shapes}{more}; {remedy}")


def moving_average(average: Any, params: Any, decay: Array | float) -> Any:
    """Exponential moving average of parameters after one more step."""
    # average <- decay * average + (1 - decay) * params
    return jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, average, params)
