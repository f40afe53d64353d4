"""State that a training step changes, as one pytree, and functions that read any such pytree."""

import zlib
from typing import Any, Protocol

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from common.ops.trees import leaves_by_path, moving_average


class State(Protocol):
    """Members that the training loop needs of a state, which is a pytree of arrays."""

    @property
    def step(self) -> Array:
        """Number of steps done, int32 []."""

    def watched(self) -> Any:
        """Pytree of the arrays that must stay finite. An error about one of them names its path in this tree."""


class TrainState(flax.struct.PyTreeNode):
    """State of a model trained by one optimiser. Steps are pure functions (state, batch) -> (state, metrics)."""

    step: Array
    """Number of steps done, int32 []."""
    params: Any
    """Trained and frozen parameters."""
    model_state: Any
    """Collections of the modules other than the parameters, such as {"batch_stats": ...}; {} if there are none."""
    opt_state: optax.OptState
    ema: Any
    """Moving average of `params`, None if none is kept."""
    key: Array
    """Typed PRNG key, the same in all steps. A step draws from `step_key()`, so a resumed run repeats its draws."""

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

    It shares the arrays of `params` with the caller, who can no longer use them after a step that donates the state.
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
    """State after the step: updated parameters, a moving average (if kept) closer to them, and one more step."""
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    ema = None if state.ema is None else moving_average(state.ema, params, ema_decay)
    return state.replace(step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state, ema=ema)


def count_parameters(tree: Any) -> int:
    """Total number of values in all leaves."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def first_not_finite(tree: Any) -> str | None:
    """Path of the first leaf that holds NaN or infinity, None if all leaves are finite. Waits for the leaves."""
    for path, leaf in flatten(tree).items():
        if jnp.issubdtype(leaf.dtype, jnp.floating) and not np.isfinite(local_value(leaf)).all():
            return path
    return None


def local_value(leaf: Any) -> np.ndarray:
    """Values of a replicated array, or the data of a PRNG key, on the host; not copied if the device is the host."""
    leaf = _key_data(leaf)
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        leaf = leaf.addressable_data(0)
    return np.asarray(leaf)


def flatten(tree: Any) -> dict[str, Any]:
    """Leaves by path, such as `params/encoder/kernel`, with the data of each PRNG key in its place."""
    return {path: _key_data(leaf) for path, leaf in leaves_by_path(tree).items()}


def unflatten(like: Any, leaves: dict[str, Any]) -> Any:
    """Inverse of `flatten`: a tree with the structure of `like` and PRNG keys of the same types."""

    def restored(old, new):
        return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old)) if _is_key(old) else new

    old, structure = jax.tree.flatten(like)
    values = (leaves[path] for path in flatten(like))
    return jax.tree.unflatten(structure, [restored(*pair) for pair in zip(old, values, strict=True)])


def fingerprint(leaf: Any) -> list[Any]:
    """[shape, dtype, CRC-32 of the values] of an array, which is copied to the host."""
    value = np.ascontiguousarray(local_value(leaf))
    return [list(leaf.shape), str(leaf.dtype), zlib.crc32(value.reshape(-1).view(np.uint8).data)]


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _key_data(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf
