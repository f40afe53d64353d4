"""Test whether one model is better than another on the same faces (Sec. 4.4, FASE)."""

from typing import Literal, NamedTuple

import numpy as np
import scipy  # loads `stats`, which takes a second, when it is first used
from numpy.typing import ArrayLike

from common.errors import InputError


class Significance(NamedTuple):
    """Result of a test."""

    statistic: float
    """Smaller of the two sums of ranks; in a one-sided test the sum of the first model."""
    p: float
    """Probability that chance alone gives a statistic at least as extreme; 1 if no face has a difference."""


def wilcoxon(
    errors_a: ArrayLike,
    errors_b: ArrayLike,
    *,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
    zero_method: Literal["wilcox", "pratt", "zsplit"] = "wilcox",
    method: Literal["auto", "exact", "approx"] = "auto",
    correction: bool = False,
) -> Significance:
    """Wilcoxon signed-rank test on the per-face errors of two models.

    Args:
      errors_a: [B], errors of the first model.
      errors_b: [B], errors of the second model on the same faces in the same order.
      alternative: 'less' tests whether the first model's errors are smaller, 'greater' whether they are larger. The
        papers use 'two-sided'.
      zero_method: treatment of faces without a difference: 'wilcox' leaves them out, 'pratt' ranks them but drops their
        ranks, 'zsplit' divides their ranks between the two sums.
      method: 'exact' enumerates all signs, 'approx' approximates the sum of ranks by a normal distribution; 'auto' is
        exact for 50 faces or fewer where that is possible.
      correction: whether the normal approximation is corrected for continuity.

    Raises:
      InputError: different numbers of faces, no faces, or errors that are not finite.

    >>> result = wilcoxon([3.0, 4.0, 5.0, 6.0, 7.0], [2.0, 2.5, 3.0, 3.5, 4.0])
    >>> result.statistic, round(result.p, 4)
    (0.0, 0.0625)
    """
    a, b = np.asarray(errors_a, np.float64), np.asarray(errors_b, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise InputError(
            f"errors of {a.size} and {b.size} faces cannot be paired: evaluate both models on the same faces"
        )
    if not a.size or not np.isfinite(a).all() or not np.isfinite(b).all():
        raise InputError(
            "the signed-rank test needs at least one face, and finite errors: remove other faces from both lists"
        )
    if np.array_equal(a, b):  # SciPy would return NaN
        return Significance(0.0, 1.0)
    result = scipy.stats.wilcoxon(
        a, b, zero_method=zero_method, correction=correction, alternative=alternative, method=method
    )
    return Significance(float(result.statistic), float(result.pvalue))
