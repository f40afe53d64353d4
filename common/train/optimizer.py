"""Optimisers per part of a model, learning rates per epoch, and gradients in several passes."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from common.ops.trees import leaves_by_path

LossFn = Callable[[Any, Any, Any, Array], tuple[Array, tuple[Any, dict[str, Array]]]]


def label_tree(label_fn: Callable[[str], str], params: Any) -> Any:
    """Tree like `params` with the label of each leaf; `label_fn` gets the leaf's path, `encoder/conv_0/kernel`."""
    return jax.tree.unflatten(jax.tree.structure(params), map(label_fn, leaves_by_path(params)))


def by_label(
    label_fn: Callable[[str], str], transforms: Mapping[str, optax.GradientTransformation]
) -> optax.GradientTransformation:
    """Optimiser with one transformation per label.

    `optax.set_to_zero()` freezes the leaves with its label: they have no optimiser state and never change.
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

    If the loss is a mean over independent examples, the mean over the passes is the gradient of the whole batch up to
    rounding. BatchNorm in training mode breaks this: it normalises each microbatch by the microbatch's own statistics
    and updates the running statistics once per pass. Random draws differ as well: pass i draws from `fold_in(key, i)`.
    `optax.MultiSteps` is not used, so that schedules, averages and checkpoints count the same steps with any number of
    passes.

    Args:
      loss_fn: (params, model_state, batch, key) -> (scalar loss, (new model_state, dict of scalar metrics)).
      batch: pytree of arrays [B, ...], where B is a multiple of the number of devices times `microbatches`.

    Returns:
      The gradients, the new model_state, and the metrics with the loss as "loss", each a mean over the passes.
    """
    value_and_grad = jax.value_and_grad(loss_fn, has_aux=True)
    if microbatches == 1:
        (loss, (model_state, metrics)), grads = value_and_grad(params, model_state, batch, key)
        return grads, model_state, {"loss": loss, **metrics}

    # Pass i takes the rows i, i + n, i + 2n, ...: every device splits its own rows, so no device sends rows to another.
    split = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(-1, microbatches, *x.shape[1:]), 1, 0), batch)

    def one_pass(carry, inputs):
        total, model_state = carry
        i, part = inputs
        pass_key = jax.random.fold_in(key, i)
        (loss, (model_state, metrics)), grads = value_and_grad(params, model_state, part, pass_key)
        return (jax.tree.map(jnp.add, total, grads), model_state), {"loss": loss, **metrics}

    zero = jax.tree.map(jnp.zeros_like, params)
    (total, model_state), metrics = jax.lax.scan(one_pass, (zero, model_state), (jnp.arange(microbatches), split))
    mean = jax.tree.map(lambda g: g / microbatches, total)
    return mean, model_state, jax.tree.map(lambda m: m.mean(0), metrics)
