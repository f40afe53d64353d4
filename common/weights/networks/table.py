"""Key tables: one row per array, with its name in a checkpoint, its path in the variables and the change of layout."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import traverse_util

from common.errors import InputError

StateDict = Mapping[str, np.ndarray]
Function = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Transform:
    """Change of an array's layout, from the checkpoint to the variables (`apply`) and back (`invert`)."""

    apply: Function
    invert: Function


class Row(NamedTuple):
    """One array: its name in the checkpoint, its path in the variables, and the transform between the two layouts."""

    source: str
    path: str
    transform: Transform


# Unchanged.
same = Transform(lambda x: x, lambda x: x)
# Convolution kernel [C_out, C_in, k, k] <-> [k, k, C_in, C_out].
hwio = Transform(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1))
# Matrix of a dense layer [out, in] <-> [in, out].
transposed = Transform(lambda x: x.transpose(1, 0), lambda x: x.transpose(1, 0))
# One number per channel, [1, C, 1, 1] <-> [C].
per_channel = Transform(lambda x: x.squeeze((0, 2, 3)), lambda x: x[None, :, None, None])


def flattened(height: int, width: int) -> Transform:
    """Matrix of a dense layer that reads a feature map of this size: [out, C * h * w] <-> [h * w * C, out].

    PyTorch flattens [C, h, w]; the modules here flatten [h, w, C].
    """
    return Transform(
        lambda x: hwio.apply(x.reshape(len(x), -1, height, width)).reshape(-1, len(x)),
        lambda x: hwio.invert(x.reshape(height, width, -1, x.shape[1])).reshape(x.shape[1], -1),
    )


def conv(source: str, path: str, bias: bool = False) -> Iterator[Row]:
    """Rows of a convolution. As in the functions below, `path` is the path of the layer without the collection."""
    yield Row(f"{source}.weight", f"params/{path}/kernel", hwio)
    if bias:
        yield Row(f"{source}.bias", f"params/{path}/bias", same)


def dense(source: str, path: str, kernel: Transform = transposed) -> Iterator[Row]:
    """Rows of a linear layer with bias."""
    yield Row(f"{source}.weight", f"params/{path}/kernel", kernel)
    yield Row(f"{source}.bias", f"params/{path}/bias", same)


def layer_norm(source: str, path: str) -> Iterator[Row]:
    """Rows of a layer normalisation: scale and bias."""
    yield Row(f"{source}.weight", f"params/{path}/scale", same)
    yield Row(f"{source}.bias", f"params/{path}/bias", same)


def batch_norm(source: str, path: str) -> Iterator[Row]:
    """Rows of a batch normalisation: scale, bias and running statistics."""
    yield from layer_norm(source, path)
    yield Row(f"{source}.running_mean", f"batch_stats/{path}/mean", same)
    yield Row(f"{source}.running_var", f"batch_stats/{path}/var", same)


def below(module: str, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows of a network as the submodule `module` of another: {collection}/... -> {collection}/{module}/..."""
    for row in rows:
        yield row._replace(path=row.path.replace("/", f"/{module}/", 1))


def numbers(arrays: StateDict, pattern: str) -> list[int]:
    """The number in the first group of `pattern`, for every name that the pattern matches as a whole."""
    return [int(match[1]) for name in arrays if (match := re.fullmatch(pattern, name))]


def shapes_of(arrays: StateDict, names: Iterable[str], *, source: str, what: str) -> list[tuple[int, ...]]:
    """Shapes of the arrays called `names`.

    Raises:
      InputError: some are absent; says that the file `source` is not `what`.
    """
    names = list(names)
    if absent := [name for name in names if name not in arrays]:
        raise InputError(f"{source} is not {what}: it lacks {', '.join(absent)}")
    return [np.shape(arrays[name]) for name in names]


def shapes(module, *inputs) -> dict:
    """Shapes and dtypes of a module's variables for inputs of these shapes (None is passed on); computes nothing."""
    arrays = [None if shape is None else jax.ShapeDtypeStruct(shape, np.float32) for shape in inputs]
    return jax.eval_shape(module.init, jax.random.key(0), *arrays)


def convert(arrays: StateDict, table: Iterable[Row], template: dict, *, ignored: str = "(?!)", source: str) -> dict:
    """The variables of a network from a checkpoint's arrays.

    Args:
      arrays: arrays by the checkpoint's names.
      table: one row per array of `template`.
      template: tree of the variables' shapes and dtypes, see `shapes`.
      ignored: regular expression; names outside the table that it matches as a whole are left out.
      source: the file, for error messages.

    Returns:
      A tree like `template` of numpy arrays.

    Raises:
      InputError: names are missing or unexpected, or arrays have other shapes; lists all of them.
    """
    table = list(table)
    wanted: dict[str, Any] = traverse_util.flatten_dict(template, sep="/")
    if uncovered := wanted.keys() ^ {row.path for row in table}:
        raise ValueError(f"the table and the variables differ in {sorted(uncovered)}")
    result, missing, misshaped = {}, [], []
    for row in table:
        if row.source not in arrays:
            missing.append(row.source)
            continue
        array, need = np.asarray(arrays[row.source]), wanted[row.path]
        converted = _attempt(row.transform.apply, array)
        if converted is None or converted.shape != need.shape:
            misshaped.append(f"{row.source} {list(array.shape)} for {row.path} {list(need.shape)}")
            continue
        result[row.path] = converted.astype(need.dtype)
    known = {row.source for row in table}
    unexpected = [name for name in arrays if name not in known and not re.fullmatch(ignored, name)]
    problems = {"missing": missing, "unexpected": unexpected, "mis-shaped": misshaped}
    found = [f"{len(names)} {kind}: {', '.join(names)}" for kind, names in problems.items() if names]
    if found:
        raise InputError(f"{source} does not fit the network: {'; '.join(found)}; check its configuration")
    return traverse_util.unflatten_dict(result, sep="/")


def revert(variables: dict, table: Iterable[Row]) -> dict[str, np.ndarray]:
    """The inverse of `convert`: arrays by the checkpoint's names, in the order of the table, without ignored ones.

    Raises:
      InputError: variables and table differ; lists the paths that only one of them has.
    """
    table, flat = list(table), traverse_util.flatten_dict(variables, sep="/")
    if uncovered := flat.keys() ^ {row.path for row in table}:
        raise InputError(
            f"the variables and the network's table differ in {', '.join(sorted(uncovered))}; import again"
        )
    return {row.source: row.transform.invert(np.asarray(flat[row.path])) for row in table}


def _attempt(function: Function, array: np.ndarray) -> np.ndarray | None:
    try:
        return function(array)
    except (ValueError, IndexError):  # an array of another rank
        return None
