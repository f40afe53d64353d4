"""Attribute classifiers of a configuration: an untrained network, its training step, and a trained network."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from common.nn.resnet import ResNet
from common.nn.untrained import init_on_host
from common.ops.pixels import as_float
from common.train import workdir
from common.train.checkpoint import Checkpoints
from common.train.optimizer import accumulated_gradients
from common.train.state import TrainState, apply_gradients
from hsr_jax.attributes import data
from hsr_jax.attributes.classifier import augment, logits, loss
from hsr_jax.attributes.config import AttributesConfig


def build(config: AttributesConfig) -> ResNet:
    """Network with one logit per attribute."""
    return ResNet(config.widths, config.depths, len(data.names(config.data)))


def shapes(config: AttributesConfig) -> dict[str, Any]:
    """Shapes and types of the network's variables."""
    return jax.eval_shape(build(config).init, jax.random.key(0), _input(config))


def initialize(config: AttributesConfig) -> dict[str, Any]:
    """Variables of the untrained network, drawn with the run's seed."""
    return init_on_host(build(config), jax.random.fold_in(jax.random.key(config.seed), 0), _input(config))


def optimizer(config: AttributesConfig) -> optax.GradientTransformation:
    """AdamW whose learning rate falls to 0 along a cosine."""
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    kernels = lambda params: jax.tree.map(lambda x: x.ndim > 1, params)
    return optax.adamw(rate, weight_decay=config.weight_decay, mask=kernels)


def make_step(
    config: AttributesConfig,
) -> Callable[[TrainState, Mapping[str, Array]], tuple[TrainState, dict[str, Array]]]:
    """Training step (state, batch) -> (state, metrics), a pure function to compile.

    A batch holds 'image' [B, R, R, 3], uint8, and 'label' [B, A], 0 or 1.
    """
    model, transform = build(config), optimizer(config)

    def loss_fn(params, model_state, batch, key):
        images = augment(key, as_float(batch["image"]))
        variables = {"params": params, **model_state}
        (scores, _), model_state = model.apply(variables, images, train=True, mutable=list(model_state))
        return loss(scores, batch["label"]).mean(), (model_state, {})

    def step(state, batch):
        gradients, model_state, metrics = accumulated_gradients(
            loss_fn, state.params, state.model_state, batch, state.step_key()
        )
        return apply_gradients(state, gradients, transform, model_state), metrics

    return step


def load_classifier(path: str) -> tuple[Callable[[Array], Array], tuple[str, ...]]:
    """Trained classifier as a pure function, and the names of its A attributes.

    The function takes images [B, R, R, 3], float32, with any R, and returns logits [B, A]. It clips the images to
    [-1, 1], the range of the training images, because generated images exceed it.

    Args:
      path: the work directory of a run of `hsr_jax.train_attributes`; its best checkpoint is taken.

    Raises:
      InputError: the directory holds no such run, or its checkpoint is damaged or belongs to another model.
    """
    config = workdir.read_config(AttributesConfig, path)
    checkpoints, template = Checkpoints(path), shapes(config)
    like = {"params": template["params"], "model_state": {"batch_stats": template["batch_stats"]}}
    part, _ = checkpoints.restore_part(like, "best" if checkpoints.steps("best") else "last")
    # Host arrays become constants of the program that reads them, on whichever device it runs.
    variables = jax.device_get({"params": part["params"], **part["model_state"]})
    model = build(config)
    apply = lambda images: logits(model, variables, jnp.clip(images, -1, 1), config.image_size)
    return apply, data.names(config.data)


def _input(config: AttributesConfig) -> Array:
    return jnp.zeros((1, config.image_size, config.image_size, 3))
