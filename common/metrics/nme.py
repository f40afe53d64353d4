"""Normalised mean error of landmarks and the distances that normalise it (FASE, Sec. 4.2)."""

from collections.abc import Sequence

import chex
import jax.numpy as jnp
from jax import Array

Groups = tuple[Sequence[int], Sequence[int]]  # the landmarks whose means are the two eyes


def landmark_errors(predicted: Array, target: Array, normalizer: Array) -> Array:
    """Error of each landmark in percent of the normaliser, 100 ||s_i - s~_i|| / d.

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
    """Normalised mean error in percent, one value per face. Eq. (1), FASE.

    Args:
      predicted: [B, K, 2], pixels.
      target: [B, K, 2], pixels; whatever stands at invisible landmarks, NaN included, is not read.
      normalizer: [B], pixels; the normalisation distance d of the equation.
      visible: [B, K], non-zero where a landmark counts; all count when absent.

    Returns:
      [B], percent; NaN for a face without a visible landmark.

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


def inter_ocular(landmarks: Array, eyes: Groups) -> Array:
    """Distance between the outer eye corners. `landmarks` [..., K, 2] in pixels -> [...] in pixels.

    `eyes` holds two groups of landmark indices whose means are the corners (or the eyes, in a scheme without corners).

    >>> inter_ocular(jnp.array([[0.0, 0.0], [3.0, 4.0]]), ((0,), (1,))).item()
    5.0
    """
    first, second = (landmarks[..., jnp.array(group), :].mean(-2) for group in eyes)
    return jnp.linalg.norm(first - second, axis=-1)


def inter_pupil(landmarks: Array, pupils: Groups) -> Array:
    """Distance between the pupils, each the mean of its group of landmarks. [..., K, 2] -> [...], pixels.

    >>> inter_pupil(jnp.array([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [7.0, 0.0]]), ((0, 1), (2, 3))).item()
    5.0
    """
    return inter_ocular(landmarks, pupils)


def fabrec_pupil(landmarks: Array, outer: Groups, inner: Groups) -> Array:
    """3FabRec's "pupil" normaliser: the mean of the outer and the inner eye-corner distance. [..., K, 2] -> [...].

    The shipped code always fails its own shape check here; this is its evident intent. The literature's normaliser is
    `inter_pupil`.

    >>> corners = jnp.array([[0.0, 0.0], [2.0, 0.0], [5.0, 0.0], [7.0, 0.0]])
    >>> fabrec_pupil(corners, ((0,), (3,)), ((1,), (2,))).item()
    5.0
    """
    return (inter_ocular(landmarks, outer) + inter_ocular(landmarks, inner)) / 2


def box_size(boxes: Array) -> Array:
    """sqrt(w h) of boxes [..., 4] (x0, y0, x1, y1) -> [...], pixels.

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
    """Diagonal of images of size [..., 2] (width, height) -> [...], pixels.

    >>> image_diagonal(jnp.array([300.0, 400.0])).item()
    500.0
    """
    return jnp.linalg.norm(image_size, axis=-1)


def landmark_box(landmarks: Array, visible: Array | None = None) -> Array:
    """Tight box (x0, y0, x1, y1) around the visible landmarks. [..., K, 2], [..., K] -> [..., 4], pixels.

    Without a visible landmark the box is (inf, inf, -inf, -inf).

    >>> landmark_box(jnp.array([[1.0, 5.0], [3.0, 2.0], [9.0, 9.0]]), jnp.array([1, 1, 0])).tolist()
    [1.0, 2.0, 3.0, 5.0]
    """
    counts = jnp.ones(landmarks.shape[:-1], bool) if visible is None else visible > 0
    low = jnp.where(counts[..., None], landmarks, jnp.inf).min(-2)
    high = jnp.where(counts[..., None], landmarks, -jnp.inf).max(-2)
    return jnp.concatenate([low, high], axis=-1)
