"""Pytrees compared: do two of them hold the same arrays?"""

from typing import Any

import jax
import numpy as np

from common.errors import InputError


def check_same_shapes(found: Any, wanted: Any, *, source: str, remedy: str) -> None:
    """Raises `InputError` unless two pytrees have leaves of the same shapes under the same paths.

    The message begins with `source`, the field or file that `found` is from, and ends with `remedy`.
    """
    have, want = _shapes(found), _shapes(wanted)
    if different := sorted(path for path in have.keys() | want.keys() if have.get(path) != want.get(path)):
        first, more = different[0], f" (and {len(different) - 1} more)" if len(different) > 1 else ""
        shapes = f"{have.get(first, 'absent')}, here {want.get(first, 'absent')}"
        raise InputError(f"{source}: {first} is {shapes}{more}; {remedy}")


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.shape(leaf) for path, leaf in leaves}
