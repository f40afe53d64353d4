"""What a training step changes, as one pytree, and how any such pytree is read."""

import zlib
from typing import Any, Protocol

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from common.ops.trees import moving_average


class State(Protocol):
    """What the training loop needs of a state, which is a pytree of arrays."""

    @property
    def step(self) -> Array:
        """int32 [], number of steps done."""

    def watched(self) -> Any:
        """Pytree of the arrays that must stay finite; the names in it appear in the error if one does not."""


class TrainState(flax.struct.PyTreeNode):
    """State of a model trained by one optimiser. Steps are pure functions (state, batch) -> (state, metrics)."""

    step: Array
    """int32 [], number of steps done."""
    params: Any
    """Parameters, the trained and the frozen ones."""
    model_state: Any
    """Collections of the modules besides the parameters, such as {"batch_stats": ...}; {} if there are none."""
    opt_state: optax.OptState
    ema: Any
    """Moving average of `params`, None if none is kept."""
    key: Array
    """Typed PRNG key. It never changes: each step draws from `step_key()`, so a resumed run draws the same numbers."""

    def step_key(self) -> Array:
        """PRNG key of the next step."""
        return jax.random.fold_in(self.key, self.step)

    def watched(self) -> Any:
        """Parameters and collections, which must stay finite."""
        return {"params": self.params, "model_state": self.model_state}


def create_state(
    params: Any, model_state: Any, optimizer: optax.GradientTransformation, key: Array, keep_ema: bool = False
) -> TrainState:
    """State before the first step.

    The arrays of `params` are shared with the caller: a step that donates its state invalidates the caller's as well.
    """
    ema = jax.tree.map(jnp.copy, params) if keep_ema else None
    return TrainState(jnp.zeros((), jnp.int32), params, model_state, optimizer.init(params), ema, key)


def apply_gradients(
    state: TrainState,
    grads: Any,
    optimizer: optax.GradientTransformation,
    model_state: Any,
    ema_decay: Array | float = 0.0,
) -> TrainState:
    """State after the step: parameters updated, moving average (if kept) moved towards them, step counted."""
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    ema = None if state.ema is None else moving_average(state.ema, params, ema_decay)
    return state.replace(step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state, ema=ema)


def count_parameters(tree: Any) -> int:
    """Number of values in all leaves together."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def first_not_finite(tree: Any) -> str | None:
    """Path of the first leaf that holds NaN or infinity, None if all are finite. Waits for the leaves."""
    for path, leaf in flatten(tree).items():
        if jnp.issubdtype(leaf.dtype, jnp.floating) and not np.isfinite(local_value(leaf)).all():
            return path
    return None


def local_value(leaf: Any) -> np.ndarray:
    """Values of a replicated array on the host (the data of a PRNG key); no copy if the device is the host."""
    leaf = _key_data(leaf)
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        leaf = leaf.addressable_data(0)
    return np.asarray(leaf)


def flatten(tree: Any) -> dict[str, Any]:
    """Leaves by path, such as `params/encoder/kernel`; PRNG keys are replaced by their data."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): _key_data(leaf) for path, leaf in leaves}


def unflatten(like: Any, leaves: dict[str, Any]) -> Any:
    """Inverse of `flatten`: a tree with the structure and the PRNG keys' types of `like`."""

    def restored(old, new):
        return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old)) if _is_key(old) else new

    old, structure = jax.tree.flatten(like)
    values = (leaves[path] for path in flatten(like))
    return jax.tree.unflatten(structure, [restored(*pair) for pair in zip(old, values, strict=True)])


def fingerprint(leaf: Any) -> list[Any]:
    """[shape, dtype, CRC-32 of the values] of an array; reads the array to the host."""
    value = np.ascontiguousarray(local_value(leaf))
    return [list(leaf.shape), str(leaf.dtype), zlib.crc32(value.reshape(-1).view(np.uint8))]


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf
