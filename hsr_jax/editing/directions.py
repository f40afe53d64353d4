"""Edits in the latent space: lines, mixed styles and directions of attributes (Sec. 4.3.3, thesis).

`ws` [B, num_ws, w_dim] has one row per layer; `w` [B, w_dim] is a single row for all layers.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike
from sklearn.svm import LinearSVC

from common.errors import InputError
from hsr_jax.gan.gan import mix_styles

TRAINED = 0.7
"""Share of the selected samples to which a boundary is fitted; the others measure its accuracy (InterFaceGAN)."""


class Boundary(NamedTuple):
    """Hyperplane in W that separates latents whose images have an attribute from latents whose images lack it."""

    normal: np.ndarray
    """float32 [w_dim], of length 1; it points to the side with the attribute."""
    intercept: float
    """Offset of the plane: the signed distance of w from the plane is normal . w + intercept."""
    deviation: float
    """Standard deviation of normal . w over the samples; the unit of an edit's strength."""
    accuracy: float
    """Share of the samples left out of the fit that lie on the correct side; NaN if the plane was not fitted."""


def edit(ws: Array, direction: Array, strengths: Array) -> Array:
    """Latents [B, S, num_ws, w_dim] that are moved along a direction in all layers.

    Args:
      ws: [B, num_ws, w_dim].
      direction: [w_dim].
      strengths: [S].
    """
    chex.assert_rank([ws, direction, strengths], [3, 1, 1])
    chex.assert_equal(ws.shape[2], direction.shape[0])
    # w_edit = w + a d, Sec. 4.3.3 ("Editability"), thesis
    return ws[:, None] + strengths[None, :, None, None] * direction[None, None, None]


def line(start: Array, end: Array, positions: int) -> Array:
    """Latents at equidistant positions from `start` to `end`, both included; Eq. (4.3), thesis.

    `start` and `end` are [B, num_ws, w_dim], the result is [B, positions, num_ws, w_dim].
    """
    chex.assert_equal_shape([start, end])
    # w_t = w_0 + t (w_1 - w_0)
    t = jnp.linspace(0, 1, positions)[None, :, None, None]
    return start[:, None] + t * (end - start)[:, None]


def tour(ws: Array, frames: int) -> Array:
    """Latents [K * frames, num_ws, w_dim] on the closed path of straight lines through `ws` [K, num_ws, w_dim]."""
    lines = line(ws, jnp.roll(ws, -1, axis=0), frames + 1)[:, :-1]
    return lines.reshape(-1, *ws.shape[1:])


def mix(coarse: Array, fine: Array, crossover: int) -> Array:
    """Latents [R, C, num_ws, w_dim] with the mixed styles of all pairs.

    Args:
      coarse: [R, num_ws, w_dim], source of the rows before `crossover`.
      fine: [C, num_ws, w_dim], source of the rows from `crossover` on.
    """
    chex.assert_equal_shape_suffix([coarse, fine], 2)
    return jax.vmap(lambda ws: mix_styles(jnp.broadcast_to(ws[None], fine.shape), fine, crossover))(coarse)


def boundary(w: ArrayLike, scores: ArrayLike, *, share: float = 0.1, seed: int = 0) -> Boundary:
    """Boundary of an attribute, fitted by a linear support vector machine (InterFaceGAN, Shen et al. 2020).

    Args:
      w: [N, w_dim], latents of generated images.
      scores: [N], logits of the attribute on these images.
      share: share of the samples that is taken from the highest and again from the lowest scores. The samples between
        them are not used.
      seed: seed of the split of the taken samples into a part for the fit and a part for the accuracy.

    Raises:
      InputError: there are fewer than 10 samples at either end, or their scores are equal.
    """
    w, scores = np.asarray(w, np.float64), np.asarray(scores, np.float64)
    chex.assert_rank([w, scores], [2, 1])
    chex.assert_equal(len(w), len(scores))
    count, order = int(share * len(w)), np.argsort(scores, kind="stable")
    if not 10 <= count <= len(w) // 2:
        raise InputError(
            f"field share: {share} of {len(w)} samples is {count} samples per end, not 10 to half of all; "
            "draw more samples or take another share"
        )
    lowest, highest = order[:count], order[-count:]
    if not scores[lowest[-1]] < scores[highest[0]]:
        raise InputError("field attribute: the scores of the samples do not differ; take another attribute")
    taken, has_attribute = np.r_[lowest, highest], np.repeat([False, True], count)
    shuffled = np.random.default_rng(seed).permutation(2 * count)
    fitted, measured = np.split(shuffled, [round(TRAINED * 2 * count)])
    # A common scale of all axes makes the penalty independent of the generator and keeps the direction of the normal.
    mean, scale = w.mean(0), w.std()
    x = ((w - mean) / scale)[taken]
    machine = LinearSVC(dual="auto", random_state=seed, max_iter=10_000).fit(x[fitted], has_attribute[fitted])
    length = np.linalg.norm(machine.coef_[0])
    normal = machine.coef_[0] / length
    # n . (w - mean) / scale + b / |n| = 0
    intercept = machine.intercept_[0] / length * scale - normal @ mean
    accuracy = machine.score(x[measured], has_attribute[measured])
    return Boundary(normal.astype(np.float32), float(intercept), float((w @ normal).std()), float(accuracy))


def conditional(normal: ArrayLike, others: ArrayLike) -> np.ndarray:
    """Part of a direction that is orthogonal to the normals of other boundaries, which preserves their attributes.

    Conditional manipulation of InterFaceGAN.

    Args:
      normal: [w_dim].
      others: [M, w_dim], normals of the other boundaries.

    Returns:
      float32 [w_dim], of length 1.

    Raises:
      InputError: the direction is a linear combination of the others.
    """
    normal, others = np.asarray(normal, np.float64), np.asarray(others, np.float64)
    chex.assert_rank([normal, others], [1, 2])
    # d - V^T V d, where the rows of V are an orthonormal basis of the span of the others
    _, lengths, basis = np.linalg.svd(others, full_matrices=False)
    basis = basis[lengths > 1e-6 * lengths.max(initial=0)]
    remainder = normal - basis.T @ (basis @ normal)
    length = np.linalg.norm(remainder)
    if length < 1e-6 * np.linalg.norm(normal):
        raise InputError("field keep: no direction is left that preserves all these attributes; keep fewer of them")
    return (remainder / length).astype(np.float32)
