"""Kernel Inception distance, KID (Binkowski et al., 2018).

It is computed in float64 on the host, because its three terms cancel to a hundredth of their size.
"""

from typing import NamedTuple

import chex
import numpy as np
from numpy.typing import ArrayLike

from common.errors import InputError


class Subsets(NamedTuple):
    """Images that are compared, as indices: S pairs of subsets."""

    real: np.ndarray
    """[S, M], indices of real images; all different within a row."""
    generated: np.ndarray
    """[S, M'], indices of generated images; all different within a row."""


def draw_subsets(seed: int, num_real: int, num_generated: int, num_subsets: int = 100, max_size: int = 1000) -> Subsets:
    """Random subsets, drawn without replacement. The defaults of `num_subsets` and `max_size` are StyleGAN2-ADA's.

    Raises:
      InputError: a set has fewer than two images.

    >>> subsets = draw_subsets(0, 5, 8, num_subsets=3)
    >>> subsets.real.shape, subsets.generated.shape
    ((3, 5), (3, 5))
    """
    size = min(num_real, num_generated, max_size)
    if size < 2:
        raise InputError(f"KID needs two images in each set, not {num_real} real and {num_generated} generated ones")
    rng = np.random.default_rng(seed)
    real, generated = (
        np.stack([rng.choice(count, size, replace=False) for _ in range(num_subsets)])
        for count in (num_real, num_generated)
    )
    return Subsets(real, generated)


def kid(real: ArrayLike, generated: ArrayLike, subsets: Subsets) -> float:
    """Squared maximum mean discrepancy, averaged over subsets; 0 is best, negative values are possible.

    Args:
      real: [N, D], features of real images.
      generated: [N', D], features of generated images.
      subsets: the images to compare, for example `draw_subsets(seed, N, N')`.

    >>> x = np.eye(4)
    >>> kid(x, x, draw_subsets(0, 4, 4, num_subsets=1))
    -0.4765625
    """
    real, generated = np.asarray(real), np.asarray(generated)
    chex.assert_equal_shape([real[0], generated[0]])
    pairs = zip(*subsets, strict=True)
    return float(np.mean([squared_mmd(real[rows], generated[columns]) for rows, columns in pairs]))


def squared_mmd(x: ArrayLike, y: ArrayLike) -> np.float64:
    """Unbiased estimate of the squared maximum mean discrepancy of x [M, D] and y [M', D] under the cubic kernel.

    >>> squared_mmd([[0.0], [0.0]], [[1.0], [1.0]]).item()
    7.0
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    # E k(x, x') + E k(y, y') - 2 E k(x, y); x and x' are different samples, and so are y and y'
    return _mean_of_others(cubic_kernel(x, x)) + _mean_of_others(cubic_kernel(y, y)) - 2 * cubic_kernel(x, y).mean()


def cubic_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kernel (x . y / D + 1)^3 for all pairs of rows: [M, D], [M', D] -> [M, M'].

    >>> cubic_kernel(np.array([[1.0, 1.0]]), np.array([[1.0, 1.0], [0.0, 2.0], [-1.0, -1.0]])).tolist()
    [[8.0, 8.0, 0.0]]
    """
    return (x @ y.T / x.shape[1] + 1) ** 3


def _mean_of_others(kernel: np.ndarray) -> float:
    """Mean of a square matrix without its diagonal."""
    count = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))
