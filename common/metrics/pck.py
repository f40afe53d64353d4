"""Percentage of correct keypoints (PCK), the metric of ContrastLandmark's bird landmarks."""

import chex
import jax.numpy as jnp
from jax import Array


def pck(
    predicted: Array,
    target: Array,
    size: float,
    alpha: float = 0.05,
    visible: Array | None = None,
    *,
    contrast_landmark: bool = False,
) -> Array:
    """Percentage of images, per landmark, in which the landmark's error is below `alpha` times the size of the image.

    The benchmark reports the mean over the landmarks that are visible in any image, `jnp.nanmean` of the result.

    Args:
      predicted: [B, K, 2], pixels.
      target: [B, K, 2], pixels.
      size: side of the image, pixels.
      alpha: largest error, as a fraction of `size`.
      visible: [B, K], non-zero where a landmark counts; all count when absent.
      contrast_landmark: whether to follow ContrastLandmark's code: distances are truncated to whole pixels, which
        accepts errors up to the next whole pixel, and landmarks with a coordinate at or below 0 do not count.

    Returns:
      [K], percent; NaN for landmarks that are visible in no image.

    >>> predicted = jnp.array([[[5.0, 0.0]], [[4.9, 0.0]], [[50.0, 0.0]]]) + 9
    >>> pck(predicted, jnp.full((3, 1, 2), 9.0), 96.0, visible=jnp.array([[1], [1], [0]])).tolist()
    [0.0]
    >>> target = jnp.full((3, 1, 2), 9.0)
    >>> pck(predicted, target, 96.0, visible=jnp.array([[1], [1], [0]]), contrast_landmark=True).tolist()
    [50.0]
    """
    chex.assert_equal_shape([predicted, target])
    counts = jnp.ones(target.shape[:2], bool) if visible is None else visible > 0
    chex.assert_shape(counts, target.shape[:2])
    distances = jnp.linalg.norm(predicted - target, axis=-1)
    if contrast_landmark:
        distances = jnp.trunc(distances)
        counts &= (target > 0).all(-1)
    correct = counts & (distances < alpha * size)
    return 100 * correct.sum(0) / counts.sum(0)
