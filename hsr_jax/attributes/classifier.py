"""Classifiers of attributes, the scores C of Eq. (4.4) and (4.5): logits of a ResNet trained on labelled faces.

The document takes those of StyleGAN, which were trained on CelebA-HQ's 40 attributes, and names no numbers of its own;
the ones here are this project's.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from common.nn.resnet import ResNet
from common.nn.untrained import init_on_host
from common.ops.pixels import as_float
from common.ops.pool import adaptive_average_pool
from common.train import workdir
from common.train.checkpoint import Checkpoints
from common.train.optimizer import accumulated_gradients
from common.train.state import TrainState, apply_gradients
from hsr_jax.attributes import data as attribute_data
from hsr_jax.attributes.data import AttributeDataConfig

SHIFT = 1 / 16
"""Largest shift of a training image along each axis, of its side."""
BRIGHTNESS, CONTRAST = 0.2, 0.2
"""Largest change of a training image's brightness, in [-1, 1], and relative one of its contrast."""


@dataclasses.dataclass(frozen=True)
class AttributesConfig:
    """A classifier of CelebA-HQ's 40 attributes."""

    workdir: str = "runs/attributes"
    """Checkpoints, logs and results; a run started again in the same place resumes."""
    seed: int = 0
    data: AttributeDataConfig = AttributeDataConfig()
    image_size: int = 256
    """Side of the network's input in pixels, a power of two; images of another size are averaged or repeated to it."""
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Of the ResNet's stages."""
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    learning_rate: float = 1e-3
    """Of AdamW at the start; it falls to 0 by a cosine."""
    weight_decay: float = 0.05
    """Of kernels."""
    steps: int = 10_000
    batch_size: int = 64
    """Global batch size; a multiple of the number of devices."""
    log_every: int = 50
    eval_every: int = 1000
    save_every: int = 1000


def build(config: AttributesConfig) -> ResNet:
    """The network, with a logit for each attribute."""
    return ResNet(config.widths, config.depths, len(attribute_data.names(config.data)))


def shapes(config: AttributesConfig) -> dict[str, Any]:
    """Shapes and types of the network's variables."""
    return jax.eval_shape(build(config).init, jax.random.key(0), _input(config))


def initialize(config: AttributesConfig) -> dict[str, Any]:
    """Variables of the untrained network by the run's seed."""
    return init_on_host(build(config), jax.random.fold_in(jax.random.key(config.seed), 0), _input(config))


def optimizer(config: AttributesConfig) -> optax.GradientTransformation:
    """AdamW whose learning rate falls by a cosine."""
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps)
    kernels = lambda params: jax.tree.map(lambda x: x.ndim > 1, params)
    return optax.adamw(rate, weight_decay=config.weight_decay, mask=kernels)


def logits(model: ResNet, variables: Any, images: Array, size: int) -> Array:
    """Images [B, R, R, 3] in [-1, 1] -> [B, A]; the network sees them at `size` px."""
    resized = images if images.shape[1] == size else adaptive_average_pool(images, size)
    return model.apply(variables, resized)[0]


def loss(scores: Array, labels: Array) -> Array:
    """Binary cross-entropy, the mean over the attributes: logits and labels of 0 and 1 [B, A] -> [B]."""
    chex.assert_equal_shape([scores, labels])
    # -y log sigmoid(l) - (1 - y) log(1 - sigmoid(l)) = softplus(l) - y l
    return (jax.nn.softplus(scores) - labels * scores).mean(1)


def augment(key: Array, images: Array) -> Array:
    """Shifts, brightens and changes the contrast of every image by draws of its own: [B, R, R, 3] in [-1, 1]."""
    batch, side = images.shape[:2]
    most = max(round(SHIFT * side), 1)
    places, colours = jax.random.split(key)
    corners = jax.random.randint(places, (batch, 2), 0, 2 * most + 1)
    padded = jnp.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    crop = lambda image, corner: jax.lax.dynamic_slice(image, (*corner, 0), (side, side, 3))
    brightness, contrast = jax.random.uniform(colours, (2, batch, 1, 1, 1), minval=-1.0)
    return jax.vmap(crop)(padded, corners) * (1 + CONTRAST * contrast) + BRIGHTNESS * brightness


def make_step(
    config: AttributesConfig,
) -> Callable[[TrainState, Mapping[str, Array]], tuple[TrainState, dict[str, Array]]]:
    """(state, batch of uint8 'image' and 'label') -> (state, metrics), pure, for `loop.run`."""
    model, transform = build(config), optimizer(config)

    def loss_fn(params, model_state, batch, key):
        images, variables = augment(key, as_float(batch["image"])), {"params": params, **model_state}
        (scores, _), model_state = model.apply(variables, images, train=True, mutable=list(model_state))
        return loss(scores, batch["label"]).mean(), (model_state, {})

    def step(state, batch):
        gradients, model_state, metrics = accumulated_gradients(
            loss_fn, state.params, state.model_state, batch, state.step_key()
        )
        return apply_gradients(state, gradients, transform, model_state), metrics

    return step


def tally(scores: Array, labels: Array, mask: Array) -> dict[str, Array]:
    """Sums over the examples that count, for `summarize`: scores and labels [B, A], mask [B]."""
    weight, said, true = mask[:, None], scores > 0, labels > 0.5
    return {
        "count": mask.sum(),
        "loss": (loss(scores, labels) * mask).sum(),
        "positives": (true * weight).sum(0),
        "right_positives": ((said & true) * weight).sum(0),
        "right_negatives": ((~said & ~true) * weight).sum(0),
    }


def summarize(totals: Mapping[str, np.ndarray], names: tuple[str, ...]) -> dict[str, float]:
    """Loss, accuracies and balanced accuracies of a data set from the sum of its tallies.

    The balanced one is the mean of the shares recognised of those that have and of those that lack the attribute, if
    there are both: 1/2 is chance, however rare the attribute is.
    """
    count, positives = totals["count"], totals["positives"]
    accuracy = (totals["right_positives"] + totals["right_negatives"]) / count
    with np.errstate(invalid="ignore"):
        rates = totals["right_positives"] / positives, totals["right_negatives"] / (count - positives)
    balanced = np.nanmean(rates, axis=0)
    result = {"loss": float(totals["loss"] / count), "accuracy": float(accuracy.mean())}
    for i, name in enumerate(names):
        result |= {f"accuracy/{name}": float(accuracy[i]), f"balanced_accuracy/{name}": float(balanced[i])}
    return result


def load_classifier(path: str) -> tuple[Callable[[Array], Array], tuple[str, ...]]:
    """A trained classifier.

    Args:
      path: the work directory of a run of `hsr_jax.train_attributes`; its best checkpoint is taken.

    Returns:
      apply and names: images [B, R, R, 3], float32, R any size -> logits [B, A], pure; and the A attributes. Images
      are cut to [-1, 1], as the pictures that the classifier was trained on are; a generator's go beyond.

    Raises:
      InputError: no run in the directory, or its checkpoint is damaged or of another model.
    """
    config = workdir.read_config(AttributesConfig, path)
    checkpoints, template = Checkpoints(path), shapes(config)
    like = {"params": template["params"], "model_state": {"batch_stats": template["batch_stats"]}}
    part, _ = checkpoints.restore_part(like, "best" if checkpoints.steps("best") else "last")
    # On the host: as a constant of a program it lies wherever the program does.
    variables = jax.device_get({"params": part["params"], **part["model_state"]})
    model = build(config)
    apply = lambda images: logits(model, variables, jnp.clip(images, -1, 1), config.image_size)
    return apply, attribute_data.names(config.data)


def _input(config: AttributesConfig) -> Array:
    return jnp.zeros((1, config.image_size, config.image_size, 3))


config = AttributesConfig()
