"""Normalised mean error of landmarks and the distances by which it is divided (Sec. 4.2, FASE)."""

from collections.abc import Sequence

import chex
import jax.numpy as jnp
from jax import Array

Groups = tuple[Sequence[int], Sequence[int]]
"""Indices of two groups of landmarks; the mean of each group is one eye (or eye corner, or pupil)."""


def landmark_errors(predicted: Array, target: Array, normalizer: Array) -> Array:
    """Error per landmark in percent of the normaliser, 100 ||s_i - s~_i|| / d.

    Args:
      predicted: [B, K, 2], pixels.
      target: [B, K, 2], pixels.
      normalizer: [B], pixels.

    Returns:
      [B, K], percent.

    >>> landmark_errors(jnp.array([[[3.0, 4.0], [0.0, 1.0]]]), jnp.zeros((1, 2, 2)), jnp.array([50.0])).tolist()
    [[10.0, 2.0]]
    """
    chex.assert_equal_shape([predicted, target])
    chex.assert_shape(normalizer, target.shape[:1])
    return 100 * jnp.linalg.norm(predicted - target, axis=-1) / normalizer[:, None]


def nme(predicted: Array, target: Array, normalizer: Array, visible: Array | None = None) -> Array:
    """Normalised mean error in percent per face. Eq. (1), FASE.

    Args:
      predicted: [B, K, 2], pixels.
      target: [B, K, 2], pixels; invisible landmarks are ignored even if they are NaN.
      normalizer: [B], pixels; the normalisation distance d of the equation.
      visible: [B, K], non-zero where a landmark counts; all count when absent.

    Returns:
      [B], percent; NaN where no landmark is visible.

    >>> nme(jnp.array([[[3.0, 4.0], [0.0, 0.0]]]), jnp.zeros((1, 2, 2)), jnp.array([50.0])).tolist()
    [5.0]
    """
    # NME = 100 / N * sum_i ||s_i - s~_i|| / d
    errors = landmark_errors(predicted, target, normalizer)
    if visible is None:
        return errors.mean(-1)
    chex.assert_equal_shape([errors, visible])
    counts = visible > 0
    return jnp.where(counts, errors, 0).sum(-1) / counts.sum(-1)


def iod(predicted: Array, target: Array, eyes: Groups) -> Array:
    """Mean error per face in percent of the inter-ocular distance (Sec. 3.3, thesis); the mean over faces is reported.

    Args:
      predicted: [B, K, 2], pixels or any unit that is the same along x and y.
      target: [B, K, 2], the same unit.
      eyes: the eye centres where the scheme has them (MAFL, AFLW), otherwise the outer eye corners (300-W), as
        ContrastLandmark and DVE measure.

    Returns:
      [B], percent.

    >>> target = jnp.array([[[0.0, 0.0], [50.0, 0.0]]])
    >>> iod(target + jnp.array([3.0, 4.0])[None, None], target, ((0,), (1,))).tolist()
    [10.0]
    """
    return nme(predicted, target, inter_ocular(target, eyes))


def inter_ocular(landmarks: Array, eyes: Groups) -> Array:
    """Distance between the outer eye corners, or the eyes if the scheme has no corners: [..., K, 2] -> [...], pixels.

    >>> inter_ocular(jnp.array([[0.0, 0.0], [3.0, 4.0]]), ((0,), (1,))).item()
    5.0
    """
    first, second = (landmarks[..., jnp.array(group), :].mean(-2) for group in eyes)
    return jnp.linalg.norm(first - second, axis=-1)


def inter_pupil(landmarks: Array, pupils: Groups) -> Array:
    """Distance between the pupils, each the mean of a group of landmarks: [..., K, 2] -> [...], pixels.

    >>> inter_pupil(jnp.array([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [7.0, 0.0]]), ((0, 1), (2, 3))).item()
    5.0
    """
    return inter_ocular(landmarks, pupils)


def box_size(boxes: Array) -> Array:
    """Size sqrt(w h) of boxes [..., 4] (x0, y0, x1, y1) -> [...], pixels.

    >>> box_size(jnp.array([10.0, 10.0, 14.0, 19.0])).item()
    6.0
    """
    return jnp.sqrt((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))


def box_diagonal(boxes: Array) -> Array:
    """Diagonal of boxes [..., 4] (x0, y0, x1, y1) -> [...], pixels.

    >>> box_diagonal(jnp.array([10.0, 10.0, 13.0, 14.0])).item()
    5.0
    """
    return jnp.linalg.norm(boxes[..., 2:] - boxes[..., :2], axis=-1)


def image_diagonal(image_size: Array) -> Array:
    """Diagonal of images with sizes [..., 2] (width, height) -> [...], pixels.

    >>> image_diagonal(jnp.array([300.0, 400.0])).item()
    500.0
    """
    return jnp.linalg.norm(image_size, axis=-1)
