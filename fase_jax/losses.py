"""Losses on heatmaps: the paper's mean squared error; cross-entropy and coordinate error for training from scratch.

Each function returns one value per face; the caller reduces over the batch.
"""

import chex
import jax
import jax.numpy as jnp
from jax import Array

from common.ops.heatmaps import soft_argmax


def heatmap_mse(heatmaps: Array, targets: Array, visible: Array) -> Array:
    """Mean squared error over pixels and landmarks; an invisible landmark has the error 0. Sec. 3.3, FASE.

    Args:
      heatmaps: [B, H, W, K], predicted values.
      targets: [B, H, W, K], one Gaussian with a peak of 1 per landmark.
      visible: [B, K], 1 or 0.

    Returns:
      [B]; 0 for a face without a visible landmark.
    """
    chex.assert_equal_shape([heatmaps, targets])
    chex.assert_shape(visible, (heatmaps.shape[0], heatmaps.shape[-1]))
    # 1 / K * sum_k v_k * 1 / HW * sum_xy (h - t)^2
    return (jnp.square(heatmaps - targets).mean((1, 2)) * visible).mean(-1)


def spatial_cross_entropy(logits: Array, targets: Array, visible: Array) -> Array:
    """Cross-entropy between two distributions over positions: the target and the softmax of the predicted logits.

    Args:
      logits: [B, H, W, K].
      targets: [B, H, W, K], non-negative; each map is divided by its sum.
      visible: [B, K], 1 or 0.

    Returns:
      [B], nats per visible landmark; 0 for a face without a visible landmark.
    """
    chex.assert_equal_shape([logits, targets])
    # - sum_xy p log softmax(h), with p = t / sum t
    p = targets / jnp.maximum(targets.sum((1, 2), keepdims=True), 1e-6)
    entropy = -(p * jax.nn.log_softmax(logits, axis=(1, 2))).sum((1, 2))
    return _mean_visible(entropy, visible)


def coordinate_error(logits: Array, landmarks: Array, visible: Array) -> Array:
    """Mean distance between a landmark and the expected position under the softmax of its heatmap.

    Args:
      logits: [B, H, W, K].
      landmarks: [B, K, 2] as (x, y) in heatmap pixels.
      visible: [B, K], 1 or 0.

    Returns:
      [B], heatmap pixels; 0 for a face without a visible landmark.
    """
    chex.assert_shape(landmarks, (logits.shape[0], logits.shape[-1], 2))
    # sqrt(||E[xy] - l||^2 + eps), where eps gives the root a gradient at 0
    distance = jnp.sqrt(jnp.square(soft_argmax(logits) - landmarks).sum(-1) + 1e-6)
    return _mean_visible(distance, visible)


def _mean_visible(values: Array, visible: Array) -> Array:
    return (values * visible).sum(-1) / jnp.maximum(visible.sum(-1), 1.0)
