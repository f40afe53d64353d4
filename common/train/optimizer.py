"""Optimisers for each part of a model, learning rates by epoch, gradients in several passes."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

LossFn = Callable[[Any, Any, Any, Array], tuple[Array, tuple[Any, dict[str, Array]]]]


def label_tree(label_fn: Callable[[str], str], params: Any) -> Any:
    """Tree like `params` with the label of each leaf; `label_fn` gets the leaf's path, `encoder/conv_0/kernel`."""
    return jax.tree_util.tree_map_with_path(
        lambda path, _: label_fn(jax.tree_util.keystr(path, simple=True, separator="/")), params
    )


def by_label(
    label_fn: Callable[[str], str], transforms: Mapping[str, optax.GradientTransformation]
) -> optax.GradientTransformation:
    """Optimiser with one transformation per label.

    `optax.set_to_zero()` freezes the leaves of a label: they have no optimiser state and never change.
    """
    return optax.multi_transform(dict(transforms), lambda params: label_tree(label_fn, params))


def decay_by_epoch(rate: float, factor: float, epochs: int, steps_per_epoch: int) -> optax.Schedule:
    """Learning rate of each step: `rate`, multiplied by `factor` after every `epochs` epochs (FASE, Sec. 4.3)."""
    # rate * factor^floor(step / (epochs * steps_per_epoch))
    return optax.exponential_decay(rate, epochs * steps_per_epoch, factor, staircase=True)


def accumulated_gradients(
    loss_fn: LossFn, params: Any, model_state: Any, batch: Any, key: Array, microbatches: int = 1
) -> tuple[Any, Any, dict[str, Array]]:
    """Gradients of the mean loss of a batch, computed in `microbatches` passes to save memory.

    Up to rounding, the mean over the passes is the gradient of the whole batch if the loss is a mean over examples that
    do not depend on one another. BatchNorm in training mode breaks this: it normalises each microbatch by its own
    statistics, and updates the running ones once per pass. Random draws differ as well: pass i draws from
    `fold_in(key, i)`. `optax.MultiSteps` is not used, so that schedules, averages and checkpoints count the same steps
    with any number of passes.

    Args:
      loss_fn: (params, model_state, batch, key) -> (scalar loss, (new model_state, dict of scalar metrics)).
      batch: pytree of [B, ...], B a multiple of devices times microbatches.

    Returns:
      The gradients, the new model_state, and the metrics (means over the passes; the loss itself under "loss").
    """
    value_and_grad = jax.value_and_grad(loss_fn, has_aux=True)
    if microbatches == 1:
        (loss, (model_state, metrics)), grads = value_and_grad(params, model_state, batch, key)
        return grads, model_state, {"loss": loss, **metrics}

    # Pass i takes the rows i, i + n, i + 2n, ...: every device splits its own rows and nothing is sent between them.
    split = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(-1, microbatches, *x.shape[1:]), 1, 0), batch)

    def one(carry, inputs):
        total, model_state = carry
        i, part = inputs
        pass_key = jax.random.fold_in(key, i)
        (loss, (model_state, metrics)), grads = value_and_grad(params, model_state, part, pass_key)
        return (jax.tree.map(jnp.add, total, grads), model_state), {"loss": loss, **metrics}

    zero = jax.tree.map(jnp.zeros_like, params)
    (total, model_state), metrics = jax.lax.scan(one, (zero, model_state), (jnp.arange(microbatches), split))
    mean = jax.tree.map(lambda g: g / microbatches, total)
    return mean, model_state, jax.tree.map(lambda m: m.mean(0), metrics)
