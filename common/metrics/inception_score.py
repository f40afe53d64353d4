"""Inception Score (Salimans et al., 2016)."""

from typing import NamedTuple

import chex
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

from common.errors import InputError


class InceptionScore(NamedTuple):
    """Statistics of the score over the splits; scores lie between 1 and the number of classes."""

    mean: float
    """Mean over the splits."""
    std: float
    """Population standard deviation over the splits."""


def inception_score(logits: ArrayLike, splits: int = 10) -> InceptionScore:
    """Inception Score of generated images.

    Args:
      logits: [N, C], the classifier's output before the softmax.
      splits: number of consecutive parts of the images, each of which has its own score.

    Raises:
      InputError: fewer images than splits.

    >>> confident = 1e3 * np.eye(4)
    >>> inception_score(confident, splits=1)
    InceptionScore(mean=4.0, std=0.0)
    >>> inception_score(np.zeros((6, 5)), splits=2)
    InceptionScore(mean=1.0, std=0.0)
    """
    logits = np.asarray(logits, np.float64)
    chex.assert_rank(logits, 2)
    count = len(logits)
    if count < splits:
        raise InputError(f"{count} images do not fill {splits} splits: take more images or fewer splits")
    log_probabilities = log_softmax(logits, axis=1)
    edges = np.arange(splits + 1) * count // splits
    scores = [_score(log_probabilities[start:stop]) for start, stop in zip(edges[:-1], edges[1:], strict=True)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def _score(log_p: np.ndarray) -> float:
    # exp( 1/N sum_i KL(p(y | x_i) || p(y)) ),  p(y) = 1/N sum_i p(y | x_i); where p(y) is 0, so is its factor p
    p = np.exp(log_p)
    marginal = np.log(np.maximum(p.mean(0), np.finfo(np.float64).tiny))
    return np.exp((p * (log_p - marginal[None])).sum(1).mean())
