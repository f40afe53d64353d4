"""Turns a checkpoint's flat names into a variable tree by a table: source key -> variable path, transform."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from flax import traverse_util

from common.errors import InputError


class Row(NamedTuple):
    """One array: its name in the checkpoint, its path in the variables and what lies between their layouts."""

    source: str
    path: str
    transform: Callable[[np.ndarray], np.ndarray]


def same(x: np.ndarray) -> np.ndarray:
    """As it is."""
    return x


def hwio(x: np.ndarray) -> np.ndarray:
    """Convolution kernel [C_out, C_in, k, k] -> [k, k, C_in, C_out]."""
    return x.transpose(2, 3, 1, 0)


def transposed(x: np.ndarray) -> np.ndarray:
    """Matrix of a dense layer [out, in] -> [in, out]."""
    return x.transpose(1, 0)


def convert(
    state_dict: Mapping[str, np.ndarray], table: Iterable[Row], template: dict, *, ignored: str = "(?!)", source: str
) -> dict:
    """The variables of a network from a checkpoint's arrays.

    Args:
      state_dict: arrays by the checkpoint's names.
      table: a row for every array of `template`.
      template: the variables' tree with shapes and dtypes, as `jax.eval_shape` of the module's `init` gives it.
      ignored: regular expression; names that match (whole) are not converted.
      source: the file, for the message.

    Returns:
      A tree like `template` of numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names at once.
    """
    table, wanted = list(table), traverse_util.flatten_dict(template, sep="/")
    if uncovered := wanted.keys() ^ {row.path for row in table}:
        raise ValueError(f"the table and the variables differ in {sorted(uncovered)}")
    result, missing, misshaped = {}, [], []
    for row in table:
        if row.source not in state_dict:
            missing.append(row.source)
            continue
        array, need = np.asarray(state_dict[row.source]), wanted[row.path]
        converted = _attempt(row.transform, array)
        if converted is None or converted.shape != need.shape:
            misshaped.append(f"{row.source} {list(array.shape)} for {row.path} {list(need.shape)}")
            continue
        result[row.path] = converted.astype(need.dtype)
    known = {row.source for row in table}
    unexpected = [key for key in state_dict if key not in known and not re.fullmatch(ignored, key)]
    problems = {"missing": missing, "unexpected": unexpected, "mis-shaped": misshaped}
    found = [f"{len(names)} {kind}: {', '.join(names)}" for kind, names in problems.items() if names]
    if found:
        raise InputError(f"{source} does not fit the network: {'; '.join(found)}; check its configuration")
    return traverse_util.unflatten_dict(result, sep="/")


def shapes(module, *inputs) -> dict:
    """Shapes and dtypes of a module's variables for inputs of the given shapes (None is passed on), uncomputed."""
    arrays = [None if shape is None else jax.ShapeDtypeStruct(shape, np.float32) for shape in inputs]
    return jax.eval_shape(module.init, jax.random.key(0), *arrays)


def _attempt(transform, array: np.ndarray) -> np.ndarray | None:
    try:
        return transform(array)
    except (ValueError, IndexError):  # an array of another rank
        return None
