"""Turns a checkpoint's flat names into a variable tree and back by a table: source key, variable path, transform."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import jax
import numpy as np
from flax import traverse_util

from common.errors import InputError

Function = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Transform:
    """From a checkpoint's layout of an array to that of the variables (`apply`, or a call) and back (`invert`)."""

    apply: Function
    invert: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.apply(x)


class Row(NamedTuple):
    """One array: its name in the checkpoint, its path in the variables and what lies between their layouts."""

    source: str
    path: str
    transform: Function


# As it is.
same = Transform(lambda x: x, lambda x: x)
# Convolution kernel [C_out, C_in, k, k] <-> [k, k, C_in, C_out].
hwio = Transform(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))
# Matrix of a dense layer [out, in] <-> [in, out].
transposed = Transform(lambda x: x.transpose(1, 0), lambda x: x.transpose(1, 0))


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


def revert(variables: dict, table: Iterable[Row], inverses: Mapping[Function, Function] | None = None) -> dict:
    """The inverse of `convert`: a checkpoint's arrays, in its names and layouts.

    Args:
      variables: a tree of arrays with the paths of `table`.
      table: the rows that `convert` took.
      inverses: of transforms that are plain functions; a `Transform` brings its own.

    Returns:
      Arrays by the checkpoint's names, in the order of the table; what `convert` ignored is not among them.

    Raises:
      InputError: with the paths that only the variables or only the table has.
    """
    table, flat = list(table), traverse_util.flatten_dict(variables, sep="/")
    if uncovered := flat.keys() ^ {row.path for row in table}:
        raise InputError(
            f"the variables and the network's table differ in {', '.join(sorted(uncovered))}; import again"
        )
    return {row.source: _inverse(row.transform, inverses or {})(np.asarray(flat[row.path])) for row in table}


def _inverse(transform: Function, inverses: Mapping[Function, Function]) -> Function:
    return transform.invert if isinstance(transform, Transform) else inverses[transform]


def shapes(module, *inputs) -> dict:
    """Shapes and dtypes of a module's variables for inputs of the given shapes (None is passed on), uncomputed."""
    arrays = [None if shape is None else jax.ShapeDtypeStruct(shape, np.float32) for shape in inputs]
    return jax.eval_shape(module.init, jax.random.key(0), *arrays)


def _attempt(transform, array: np.ndarray) -> np.ndarray | None:
    try:
        return transform(array)
    except (ValueError, IndexError):  # an array of another rank
        return None
