"""Optimisers by part of the model, learning rates by epoch, gradients in several passes, moving averages."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

LossFn = Callable[[Any, Any, Any, Array], tuple[Array, tuple[Any, dict[str, Array]]]]


def label_tree(label_fn: Callable[[str], str], params: Any) -> Any:
    """Tree like `params` with the label of each leaf; `label_fn` sees its path, `encoder/conv_0/kernel`."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: label_fn(jax.tree_util.keystr(path, simple=True, separator="/")), params
    )


def by_label(
    label_fn: Callable[[str], str], transforms: Mapping[str, optax.GradientTransformation]
) -> optax.GradientTransformation:
    """One transform a label. `optax.set_to_zero()` freezes: such a leaf has no optimiser state and never changes."""
    return optax.multi_transform(dict(transforms), lambda params: label_tree(label_fn, params))


def decay_by_epoch(rate: float, factor: float, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """Learning rate of a step: `rate`, multiplied by `factor` after every `epochs` epochs (FASE, Sec. 4.3)."""
    # rate * factor^floor(step / (epochs * steps_per_epoch))
    return optax.exponential_decay(rate, epochs * steps_per_epoch, factor, staircase=True)


def accumulated_gradients(
    loss_fn: LossFn, params: Any, stats: Any, batch: Any, key: Array, microbatches: int = 1
) -> tuple[Any, Any, dict[str, Array]]:
    """Gradients of the mean loss of a batch, computed in `microbatches` passes to save memory.

    The mean over microbatches is the gradient of the whole batch (up to rounding) where the loss is a mean over
    examples with a fixed divisor and every example stands alone. BatchNorm in training mode does not: each microbatch
    is normalised by its own statistics, and the running ones are updated once a pass, in turn. Random draws differ too:
    pass i draws from `fold_in(key, i)`. This is chosen over `optax.MultiSteps` because a step stays a step: schedules,
    averages and checkpoints count the same with any number of passes.

    Args:
      loss_fn: (params, stats, batch, key) -> (scalar loss, (new stats, dict of scalar metrics)).
      batch: pytree of [B, ...], B a multiple of devices times microbatches.

    Returns:
      gradients, new stats, metrics: the mean over the passes, with the loss itself under "loss".
    """
    value_and_grad = jax.value_and_grad(loss_fn, has_aux=True)
    if microbatches == 1:
        (loss, (stats, metrics)), grads = value_and_grad(params, stats, batch, key)
        return grads, stats, {"loss": loss, **metrics}

    # Pass i takes the rows i, i + n, i + 2n, ...: every device splits its own rows and nothing is sent between them.
    split = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(-1, microbatches, *x.shape[1:]), 1, 0), batch)

    def one(carry, inputs):
        total, stats = carry
        i, part = inputs
        (loss, (stats, metrics)), grads = value_and_grad(params, stats, part, jax.random.fold_in(key, i))
        return (jax.tree.map(jnp.add, total, grads), stats), {"loss": loss, **metrics}

    zero = jax.tree.map(jnp.zeros_like, params)
    (total, stats), metrics = jax.lax.scan(one, (zero, stats), (jnp.arange(microbatches), split))
    mean = jax.tree.map(lambda g: g / microbatches, total)
    return mean, stats, jax.tree.map(lambda m: m.mean(0), metrics)


def moving_average(average: Any, params: Any, decay: Array | float) -> Any:
    """Exponential moving average of parameters, one step."""
    # average <- decay * average + (1 - decay) * params
    return jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, average, params)
