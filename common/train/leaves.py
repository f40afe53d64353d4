"""The leaves of a state by path, as a checkpoint stores them, and what tells one model's from another's."""

import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common.errors import InputError
from common.train.state import local_value


def flatten(tree: Any) -> dict[str, Any]:
    """Leaves by path, `params/encoder/kernel`; PRNG keys as their data."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): pack(leaf) for path, leaf in leaves}


def unflatten(like: Any, leaves: dict[str, Any]) -> Any:
    """The inverse of `flatten`, with the structure of `like`."""

    def unpack(old, new):
        return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old)) if is_key(old) else new

    values = [leaves[path] for path in flatten(like)]
    return jax.tree.unflatten(
        jax.tree.structure(like), [unpack(*pair) for pair in zip(jax.tree.leaves(like), values, strict=True)]
    )


def is_key(leaf: Any) -> bool:
    """Whether a leaf is a typed PRNG key."""
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def pack(leaf: Any) -> Any:
    """A PRNG key as its data, anything else as it is."""
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


def abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """Shape, type and place of a leaf."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None))


def describe(leaf: Any) -> list[Any]:
    """[shape, dtype, check sum]."""
    value = np.ascontiguousarray(local_value(leaf))
    return [list(leaf.shape), str(leaf.dtype), zlib.crc32(value.reshape(-1).view(np.uint8))]


def check_same_model(path: Path, saved: dict[str, Any], wanted: dict[str, Any], whole: bool) -> None:
    """`InputError` unless the leaves saved at `path` (name -> `describe`) are those wanted; `whole`: and no others."""
    fields = {name.split("/")[0] for name in wanted}
    found = {name: kind for name, kind in saved.items() if whole or name.split("/")[0] in fields}
    problems = [
        f"{name} is {found[name][1]}{found[name][0]} there, {leaf.dtype}{list(leaf.shape)} here"
        for name, leaf in wanted.items()
        if name in found and found[name][:2] != [list(leaf.shape), str(leaf.dtype)]
    ]
    problems += [f"{name} is missing there" for name in wanted if name not in found]
    problems += [f"{name} is not expected here" for name in found if name not in wanted]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"{path}: checkpoint of another model: {'; '.join(problems[:3])}{more}; use the config it was saved with"
        )
