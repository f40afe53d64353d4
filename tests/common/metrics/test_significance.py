"""Tests of `common.metrics.significance`."""

import itertools

import numpy as np
import pytest

from common.errors import InputError
from common.metrics.significance import wilcoxon


def test_p_is_the_share_of_sign_patterns_as_extreme():
    """Both signs of every difference are equally likely under the null hypothesis: all 2^n cases are counted."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(4.0, 1.0, 9), rng.normal(4.6, 1.0, 9)
    ranks = 1 + np.argsort(np.argsort(np.abs(a - b)))

    def smaller(positive):
        return min(ranks[positive].sum(), ranks[~positive].sum())

    observed = smaller(a - b > 0)
    patterns = [smaller(np.array(signs)) for signs in itertools.product([True, False], repeat=9)]
    result = wilcoxon(a, b)
    assert result.statistic == observed
    np.testing.assert_allclose(result.p, np.mean(np.array(patterns) <= observed), rtol=1e-9)


def test_sees_a_small_consistent_difference_but_not_noise():
    rng = np.random.default_rng(1)
    errors = rng.gamma(4, 1, 500)
    assert wilcoxon(errors, errors + rng.normal(0.1, 0.3, 500)).p < 1e-6
    assert wilcoxon(errors, errors + rng.normal(0.0, 0.3, 500)).p > 0.01


def test_equal_models_do_not_differ():
    assert wilcoxon([1.0, 2.0], [1.0, 2.0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0], "2 and 1 faces"),
        ([], [], "at least one face"),
        ([1.0, np.nan], [1.0, 2.0], "finite"),
    ],
)
def test_bad_input_is_one_clear_line(a, b, message):
    with pytest.raises(InputError, match=message) as error:
        wilcoxon(a, b)
    assert "\n" not in str(error.value)


def test_one_sided_tests_know_which_model_is_better():
    rng = np.random.default_rng(1)
    errors = rng.gamma(4, 1, 60)
    worse = errors + rng.normal(0.3, 0.5, 60)
    less, greater = (wilcoxon(errors, worse, alternative=side) for side in ("less", "greater"))
    assert less.p < 0.01 and greater.p > 0.99
    assert less == wilcoxon(worse, errors, alternative="greater")._replace(statistic=less.statistic)
    np.testing.assert_allclose(wilcoxon(errors, worse).p, 2 * less.p, rtol=1e-9)


@pytest.mark.parametrize("zero_method, total", [("wilcox", 1 + 2 + 3 + 4), ("pratt", 4 + 5 + 6 + 7), ("zsplit", 28)])
def test_faces_without_a_difference(zero_method, total):
    """What the sums of both signs add up to: three zeros do not count, hold ranks that are lost, or are split."""
    differences = np.array([0, 0, 0, 1, -2, 3, 4.0])
    sums = [
        wilcoxon(
            sign * differences, np.zeros(7), zero_method=zero_method, alternative="less", method="approx"
        ).statistic
        for sign in (1, -1)
    ]
    assert sum(sums) == total


def test_exact_and_approximate():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 40))
    exact, approximate, corrected = (
        wilcoxon(a, b, **options)
        for options in (dict(method="exact"), dict(method="approx"), dict(method="approx", correction=True))
    )
    assert wilcoxon(a, b) == exact
    assert exact.p != approximate.p < corrected.p
    np.testing.assert_allclose(approximate.p, exact.p, rtol=0.05)
