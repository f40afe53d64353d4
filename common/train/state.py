"""Everything a training step changes, as one pytree."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from common.train.optimizer import moving_average


class TrainState(flax.struct.PyTreeNode):
    """State before step `step`. Steps are pure functions (state, batch) -> (state, metrics)."""

    step: Array
    """int32 [], number of steps done."""
    params: Any
    """Parameters, the trained and the frozen ones."""
    stats: Any
    """Mutable collections of the modules, e.g. {"batch_stats": ...}; {} if there are none."""
    opt_state: optax.OptState
    ema: Any
    """Moving average of `params`, None if none is kept."""
    key: Array
    """Typed PRNG key. It never changes: step k draws from `step_key()`, so that a resumed run draws the same."""

    def step_key(self) -> Array:
        """The key of this step."""
        return jax.random.fold_in(self.key, self.step)


def create_state(
    params: Any, stats: Any, optimizer: optax.GradientTransformation, key: Array, keep_ema: bool = False
) -> TrainState:
    """State before the first step. The arrays of `params` are shared with the caller's: a step that donates its state
    invalidates those too."""
    ema = jax.tree.map(jnp.copy, params) if keep_ema else None
    return TrainState(jnp.zeros((), jnp.int32), params, stats, optimizer.init(params), ema, key)


def apply_gradients(
    state: TrainState, grads: Any, optimizer: optax.GradientTransformation, stats: Any, ema_decay: Array | float = 0.0
) -> TrainState:
    """The next state: parameters updated, moving average (if kept) moved towards them, step counted."""
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    ema = None if state.ema is None else moving_average(state.ema, params, ema_decay)
    return state.replace(step=state.step + 1, params=params, stats=stats, opt_state=opt_state, ema=ema)


def count_parameters(tree: Any) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def local_value(leaf: Any) -> np.ndarray:
    """A replicated array on the host; of a PRNG key, its data. No copy where the device is the host."""
    if isinstance(leaf, jax.Array):
        leaf = jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
        return np.asarray(leaf if leaf.is_fully_addressable else leaf.addressable_data(0))
    return np.asarray(leaf)


def first_not_finite(tree: Any) -> str | None:
    """Path of the first leaf that holds NaN or infinity, None if all are finite. Waits for the leaves."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if jnp.issubdtype(leaf.dtype, jnp.floating) and not np.isfinite(local_value(leaf)).all():
            return jax.tree_util.keystr(path, simple=True, separator="/")
    return None
