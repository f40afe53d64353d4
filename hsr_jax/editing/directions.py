"""Edits in the latent space: lines, mixed styles and directions of attributes (Sec. 4.3.3, thesis).

`ws` [B, num_ws, w_dim] has one row per layer; `w` [B, w_dim] is one row for all layers.
"""

from typing import NamedTuple

import chex
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike
from sklearn.svm import LinearSVC

from common.errors import InputError
from hsr_jax.gan.gan import mix_styles

TRAINED = 0.7
"""Share of the samples to which a boundary is fitted; the others measure its accuracy (InterFaceGAN)."""


class Boundary(NamedTuple):
    """A hyperplane in W: on its positive side generated images have an attribute, on the other they lack it."""

    normal: np.ndarray
    """float32 [w_dim], of length 1, towards the images with the attribute."""
    intercept: float
    """Offset of the plane: the distance of w from it is normal . w + intercept."""
    deviation: float
    """Standard deviation of normal . w over the samples, the unit of an edit's strength for every generator."""
    accuracy: float
    """Share of the samples not fitted to that lie on the right side; NaN if the direction was not fitted."""


def edit(ws: Array, direction: Array, strengths: Array) -> Array:
    """Latents that are moved along a direction in all layers.

    Args:
      ws: [B, num_ws, w_dim].
      direction: [w_dim].
      strengths: [S].

    Returns:
      [B, S, num_ws, w_dim].
    """
    chex.assert_rank([ws, direction, strengths], [3, 1, 1])
    chex.assert_equal(ws.shape[2], direction.shape[0])
    # w_edit = w + a d, Sec. 4.3.3 ("Editability"), thesis
    return ws[:, None] + strengths[None, :, None, None] * direction[None, None, None]


def line(start: Array, end: Array, places: int) -> Array:
    """Latents at equidistant places from `start` to `end`, both included; Eq. (4.3), thesis.

    `start` and `end` are [B, num_ws, w_dim], the result is [B, places, num_ws, w_dim].
    """
    chex.assert_equal_shape([start, end])
    # w_t = w_0 + t (w_1 - w_0)
    t = jnp.linspace(0, 1, places)[None, :, None, None]
    return start[:, None] + t * (end - start)[:, None]


def tour(ws: Array, frames: int) -> Array:
    """Latents on the closed path of straight lines through `ws`: [K, num_ws, w_dim] -> [K frames, num_ws, w_dim]."""
    legs = line(ws, jnp.roll(ws, -1, axis=0), frames + 1)[:, :-1]
    return legs.reshape(-1, *ws.shape[1:])


def mix(coarse: Array, fine: Array, crossover: int) -> Array:
    """Mixed styles of all pairs.

    Args:
      coarse: [R, num_ws, w_dim], the source of the rows before `crossover`.
      fine: [C, num_ws, w_dim], the source of the rows from there on.

    Returns:
      [R, C, num_ws, w_dim].
    """
    chex.assert_equal_shape_suffix([coarse, fine], 2)
    r, c, layers = len(coarse), len(fine), coarse.shape[1:]
    every = lambda x: jnp.broadcast_to(x, (r, c, *layers)).reshape(r * c, *layers)
    return mix_styles(every(coarse[:, None]), every(fine[None]), crossover).reshape(r, c, *layers)


def boundary(w: ArrayLike, scores: ArrayLike, *, share: float = 0.1, seed: int = 0) -> Boundary:
    """Boundary of an attribute, by a linear support vector machine (InterFaceGAN, Shen et al. 2020).

    Args:
      w: [N, w_dim], latents of generated images.
      scores: [N], logits of the attribute on these images.
      share: share of the samples with the highest scores, and of those with the lowest, that are told apart; the others
        are not used.
      seed: seed of the split into samples that are fitted to and samples that measure the accuracy.

    Raises:
      InputError: fewer than 10 samples at either end, or all scores are equal.
    """
    w, scores = np.asarray(w, np.float64), np.asarray(scores, np.float64)
    chex.assert_rank([w, scores], [2, 1])
    chex.assert_equal(len(w), len(scores))
    count, order = int(share * len(w)), np.argsort(scores, kind="stable")
    if not 10 <= count <= len(w) // 2:
        raise InputError(f"a share of {share} of {len(w)} samples is {count} an end, not 10 to half; draw more samples")
    lowest, highest = order[:count], order[-count:]
    if not scores[lowest[-1]] < scores[highest[0]]:
        raise InputError("the scores of the samples do not differ; take another attribute or classifier")
    rows, has = np.r_[lowest, highest], np.repeat([False, True], count)
    shuffled = np.random.default_rng(seed).permutation(2 * count)
    fitted, measured = np.split(shuffled, [round(TRAINED * 2 * count)])
    # With one scale for all axes the penalty does not depend on the generator, and the normal is the one in W.
    mean, scale = w.mean(0), w.std()
    x = (w - mean) / scale
    machine = LinearSVC(dual="auto", random_state=seed, max_iter=10_000).fit(x[rows[fitted]], has[fitted])
    length = np.linalg.norm(machine.coef_[0])
    normal = machine.coef_[0] / length
    # n . (w - mean) / scale + b / |n| = 0
    intercept = machine.intercept_[0] / length * scale - normal @ mean
    accuracy = machine.score(x[rows[measured]], has[measured])
    return Boundary(normal.astype(np.float32), float(intercept), float((w @ normal).std()), float(accuracy))


def conditional(normal: ArrayLike, others: ArrayLike) -> np.ndarray:
    """Part of a direction that is orthogonal to other boundaries, so that their attributes stay (InterFaceGAN).

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
    rest = normal - basis.T @ (basis @ normal)
    length = np.linalg.norm(rest)
    if length < 1e-6 * np.linalg.norm(normal):
        raise InputError("nothing of the direction is left beside the attributes to keep; keep fewer of them")
    return (rest / length).astype(np.float32)
