"""Tests of `common.metrics.significance`."""

import itertools

import numpy as np
import pytest

from common.errors import InputError
from common.metrics.significance import wilcoxon


def test_p_is_the_share_of_sign_patterns_as_extreme():
    """Under the null hypothesis every sign of every difference is as likely as the other: all 2^n are counted."""
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
