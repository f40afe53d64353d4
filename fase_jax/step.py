"""The compiled functions of a FASE configuration: model, optimiser, training step and prediction."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from common.augment.landmarks import augment
from common.data.faces.scheme import LandmarkScheme
from common.nn.untrained import init_on_host
from common.ops.heatmaps import (
    confidence,
    decode_argmax,
    decode_local_soft_argmax,
    decode_quarter,
    decode_smoothed_argmax,
    render_fabrec,
    render_gaussian,
    rescale,
    soft_argmax,
    spatial_softmax,
)
from common.ops.pixels import as_float
from common.train.optimizer import accumulated_gradients, by_label, decay_by_epoch
from common.train.state import TrainState, apply_gradients
from fase_jax import losses
from fase_jax.config import FaseConfig, LossConfig, OptimizerConfig
from fase_jax.model import FASE

Batch = dict[str, Array]


def build_model(config: FaseConfig, scheme: LandmarkScheme) -> FASE:
    """The model that a configuration describes, for the landmarks of a scheme."""
    return FASE(scheme.count, config.model, jnp.dtype(config.dtype))


def initialize(model: FASE, config: FaseConfig) -> dict[str, Any]:
    """Initial parameters and other collections of a model. The run's seed gives the same values on every backend."""
    return init_on_host(model, jax.random.fold_in(jax.random.key(config.seed), 0), jnp.zeros(_one_image(config)))


def shapes(model: FASE, config: FaseConfig) -> dict[str, Any]:
    """Shapes and types of the arrays that `initialize` returns, without computing them."""
    return jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct(_one_image(config), jnp.float32))


def _one_image(config: FaseConfig) -> tuple[int, ...]:
    return (1, config.model.image_size, config.model.image_size, 3)


def part(path: str) -> str:
    """Part of the model that holds the parameter at `path`: encoder, synthesis or itl."""
    return "itl" if path.startswith("itl") else path.split("/")[0]


def trained_parts(config: FaseConfig) -> frozenset[str]:
    """Parts that are trained: the ITLs, the encoder unless it is frozen, and the generator if there is no prior."""
    if config.prior == "none":
        return frozenset({"itl", "encoder", "synthesis"})
    return frozenset({"itl", "encoder"} if config.finetune_encoder else {"itl"})


def build_optimizer(config: FaseConfig, steps_per_epoch: int) -> optax.GradientTransformation:
    """Adam with one learning rate per part (Sec. 4.3); frozen parts have no optimiser state and cannot change."""
    o = config.optimizer
    rates = {"itl": o.itl_lr, "encoder": o.encoder_lr, "synthesis": o.generator_lr}
    trained = trained_parts(config)
    parts = {
        name: _adam(o, _schedule(o, rate, config.steps, steps_per_epoch)) if name in trained else optax.set_to_zero()
        for name, rate in rates.items()
    }
    optimizer = by_label(part, parts)
    return optax.chain(optax.clip_by_global_norm(o.clip_norm), optimizer) if o.clip_norm else optimizer


def _schedule(o: OptimizerConfig, rate: float, steps: int, steps_per_epoch: int) -> optax.Schedule:
    if o.schedule == "cosine":
        return optax.warmup_cosine_decay_schedule(0.0, rate, o.warmup_steps, steps)
    return decay_by_epoch(rate, o.decay, o.decay_epochs, steps_per_epoch)


def _adam(o: OptimizerConfig, schedule: optax.Schedule) -> optax.GradientTransformation:
    kernels = lambda params: jax.tree.map(lambda p: p.ndim > 1, params)
    decay = [optax.add_decayed_weights(o.weight_decay, kernels)] if o.weight_decay else []
    return optax.chain(optax.scale_by_adam(o.b1, o.b2), *decay, optax.scale_by_learning_rate(schedule))


def face_loss(heatmaps: Array, landmarks: Array, visible: Array, loss: LossConfig, image_size: int) -> Array:
    """Loss per face [B] of heatmaps [B, H, H, K] against landmarks [B, K, 2] in image pixels."""
    size = heatmaps.shape[1]
    points = rescale(landmarks, image_size, size)
    if loss.target == "fabrec":
        targets = render_fabrec(landmarks * (size / image_size), size, loss.sigma)
    else:
        targets = render_gaussian(points, size, loss.sigma)
    if loss.kind == "mse":
        return loss.weight * losses.heatmap_mse(heatmaps, targets, visible)
    entropy = loss.weight * losses.spatial_cross_entropy(heatmaps, targets, visible)
    return entropy + loss.coordinate_weight * losses.coordinate_error(heatmaps, points, visible)


def make_train_step(
    model: FASE, optimizer: optax.GradientTransformation, config: FaseConfig, scheme: LandmarkScheme
) -> Callable[[TrainState, Batch], tuple[TrainState, dict[str, Array]]]:
    """Makes a pure function (state, batch) -> (state, metrics), which the loop compiles.

    A batch holds `image` uint8 [B, S, S, 3] with context around the face, `landmarks` [B, K, 2] in pixels of the image,
    and `visible` [B, K].
    """
    size, trained = config.model.image_size, trained_parts(config)
    flips = config.augmentation.mirror or config.augmentation.upside_down
    mirror = scheme.require("mirror") if flips else tuple(range(scheme.count))
    encoder_trains = "encoder" in trained and not config.frozen_batch_norm

    def loss_fn(params, model_state, batch, key):
        # XLA then computes no weight gradients of the frozen parts.
        params = {name: p if part(name) in trained else jax.lax.stop_gradient(p) for name, p in params.items()}
        images, landmarks, visible = augment(
            key,
            as_float(batch["image"]),
            batch["landmarks"],
            batch["visible"],
            config.augmentation,
            mirror,
            size,
            config.data.fill / 127.5 - 1,  # the scale of `as_float`
        )
        (heatmaps, _), updated = model.apply(
            {"params": params, **model_state}, images, train=encoder_trains, mutable=["batch_stats"]
        )
        loss = face_loss(heatmaps, landmarks, visible, config.loss, size).mean()
        return loss, ({**model_state, **updated}, {})

    def step(state: TrainState, batch: Batch):
        grads, model_state, metrics = accumulated_gradients(
            loss_fn, state.params, state.model_state, batch, state.step_key(), config.accumulate
        )
        # In early steps the average follows the parameters closely; later it covers 1 / (1 - decay) steps.
        decay = jnp.minimum(config.ema_decay, (1.0 + state.step) / (10.0 + state.step))
        return apply_gradients(state, grads, optimizer, model_state, decay), metrics

    return step


def decode(heatmaps: Array, config: FaseConfig) -> Array:
    """Landmarks [B, K, 2] in pixels of the model's input, decoded from heatmaps or logits [B, H, H, K]."""
    if config.loss.kind == "softmax" and config.decoder != "soft_argmax":  # soft_argmax takes logits
        heatmaps = spatial_softmax(heatmaps)
    radius = max(2, round(2 * config.loss.sigma))
    decoders = {
        "argmax": decode_argmax,
        "smoothed_argmax": decode_smoothed_argmax,
        "quarter": decode_quarter,
        "local_soft_argmax": functools.partial(decode_local_soft_argmax, radius=radius),
        "soft_argmax": soft_argmax,
    }
    points = decoders[config.decoder](heatmaps)
    size, image_size = heatmaps.shape[1], config.model.image_size
    if config.loss.target == "fabrec":
        return points * (image_size / size)
    return rescale(points, size, image_size)


def make_predict(
    model: FASE, config: FaseConfig, scheme: LandmarkScheme
) -> Callable[[Any, Array], tuple[Array, Array, Array]]:
    """Makes a jitted function (variables, images uint8 [B, R, R, 3]) -> (landmarks, confidence, heatmaps).

    Landmarks [B, K, 2] are in pixels of the images; the confidence [B, K] is the highest value per heatmap
    [B, H, H, K].
    """
    mirror = jnp.asarray(scheme.require("mirror") if config.flip_test else range(scheme.count))

    def predict(variables, images):
        images = as_float(images)
        heatmaps, _ = model.apply(variables, images)
        if config.flip_test:
            flipped, _ = model.apply(variables, images[:, :, ::-1])
            # Heatmap k of a face is the mirror image of heatmap mirror[k] of the mirrored face.
            heatmaps = (heatmaps + flipped[:, :, ::-1][..., mirror]) / 2
        maps = spatial_softmax(heatmaps) if config.loss.kind == "softmax" else heatmaps
        return decode(heatmaps, config), confidence(maps), maps

    return jax.jit(predict)
