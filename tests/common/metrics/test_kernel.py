"""Tests of `common.metrics.kernel`."""

import numpy as np
import pytest

from common.errors import InputError
from common.metrics.kernel import Subsets, cubic_kernel, draw_subsets, kid, squared_mmd

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(12, 12))
REAL = np.float32(RNG.normal(size=(300, 12)) @ MIX)
GENERATED = np.float32(RNG.normal(size=(400, 12)) @ MIX * 0.9 + 0.5)


def test_squared_mmd_pair_by_pair():
    def kernel(x, y):
        return (x @ y / 12 + 1) ** 3

    x, y = REAL[:6].astype(np.float64), GENERATED[:4].astype(np.float64)
    within = [np.mean([kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j]) for s in (x, y)]
    expected = sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    np.testing.assert_allclose(squared_mmd(x, y), expected, rtol=1e-10)


def test_kid_is_unbiased():
    """Its mean over draws of one distribution is 0 within four standard errors; plain means over all pairs are not."""
    pairs = [np.random.default_rng(seed).normal(size=(2, 20, 4)) for seed in range(400)]
    values = np.array([squared_mmd(x, y) for x, y in pairs])
    plain = [cubic_kernel(x, x).mean() + cubic_kernel(y, y).mean() - 2 * cubic_kernel(x, y).mean() for x, y in pairs]
    error = values.std() / 20
    assert abs(values.mean()) < 4 * error < 40 * error < np.mean(plain)


def test_kid_reads_its_subsets():
    subsets = draw_subsets(3, 300, 400, num_subsets=5, max_size=50)
    assert subsets.real.shape == subsets.generated.shape == (5, 50)
    assert all(len(set(row)) == 50 for rows in subsets for row in rows) and subsets.generated.max() > 300
    np.testing.assert_array_equal(subsets.real, draw_subsets(3, 300, 400, 5, 50).real)
    assert (subsets.real != draw_subsets(4, 300, 400, 5, 50).real).any()
    parts = [squared_mmd(REAL[r], GENERATED[g]) for r, g in zip(*subsets, strict=True)]
    np.testing.assert_allclose(kid(REAL, GENERATED, subsets), np.mean(parts), rtol=1e-12)
    with pytest.raises(InputError, match="1 real and 400 generated"):
        draw_subsets(0, 1, 400)
    with pytest.raises(AssertionError):
        kid(REAL, GENERATED[:, :5], Subsets(subsets.real, subsets.generated))
