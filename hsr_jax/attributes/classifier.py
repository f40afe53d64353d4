"""Attribute classifiers, ResNets whose logits are the scores C of Eq. (4.4) and (4.5), thesis.

The thesis uses StyleGAN's classifiers, which were trained on CelebA-HQ's 40 attributes, and publishes no settings of a
training. The settings here are this project's.
"""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from common.nn.resnet import ResNet
from common.ops.pool import adaptive_average_pool

SHIFT = 1 / 16
"""Largest shift of a training image along each axis, as a share of the side."""
BRIGHTNESS, CONTRAST = 0.2, 0.2
"""Largest change of a training image's brightness, on the scale [-1, 1], and largest relative change of contrast."""


def logits(model: ResNet, variables: Any, images: Array, size: int) -> Array:
    """Logits [B, A] of images [B, R, R, 3] in [-1, 1], which are resized to `size` px for the network."""
    resized = images if images.shape[1] == size else adaptive_average_pool(images, size)
    return model.apply(variables, resized)[0]


def loss(scores: Array, labels: Array) -> Array:
    """Binary cross-entropy [B] per image, the mean over attributes, of logits and labels (0 or 1) [B, A]."""
    chex.assert_equal_shape([scores, labels])
    # -y log sigmoid(l) - (1 - y) log(1 - sigmoid(l)) = softplus(l) - y l
    return (jax.nn.softplus(scores) - labels * scores).mean(1)


def augment(key: Array, images: Array) -> Array:
    """Images [B, R, R, 3] in [-1, 1] with a random shift, brightness and contrast per image."""
    batch, side = images.shape[:2]
    most = max(round(SHIFT * side), 1)
    places, colours = jax.random.split(key)
    corners = jax.random.randint(places, (batch, 2), 0, 2 * most + 1)
    padded = jnp.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    crop = lambda image, corner: jax.lax.dynamic_slice(image, (*corner, 0), (side, side, 3))
    brightness, contrast = jax.random.uniform(colours, (2, batch, 1, 1, 1), minval=-1.0)
    return jax.vmap(crop)(padded, corners) * (1 + CONTRAST * contrast) + BRIGHTNESS * brightness


def tally(scores: Array, labels: Array, mask: Array) -> dict[str, Array]:
    """Counts and summed loss for `summarize`, over the images with mask 1; scores and labels [B, A], mask [B]."""
    weight, predicted, true = mask[:, None], scores > 0, labels > 0.5
    return {
        "count": mask.sum(),
        "loss": (loss(scores, labels) * mask).sum(),
        "positives": (true * weight).sum(0),
        "true_positives": ((predicted & true) * weight).sum(0),
        "true_negatives": ((~predicted & ~true) * weight).sum(0),
    }


def summarize(totals: Mapping[str, np.ndarray], names: tuple[str, ...]) -> dict[str, float]:
    """Loss, accuracies and balanced accuracies of a data set, from the summed results of `tally`.

    The balanced accuracy is the mean of the accuracy on images with the attribute and the accuracy on images without
    it. If there are no images of one kind, the other accuracy is taken. Chance gives 1/2, however rare the attribute.
    """
    count, positives = totals["count"], totals["positives"]
    accuracy = (totals["true_positives"] + totals["true_negatives"]) / count
    with np.errstate(invalid="ignore"):
        rates = totals["true_positives"] / positives, totals["true_negatives"] / (count - positives)
    balanced = np.nanmean(rates, axis=0)
    result = {"loss": float(totals["loss"] / count), "accuracy": float(accuracy.mean())}
    for i, name in enumerate(names):
        result |= {f"accuracy/{name}": float(accuracy[i]), f"balanced_accuracy/{name}": float(balanced[i])}
    return result
