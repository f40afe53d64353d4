"""Tests of `common.metrics.inception_score`."""

import numpy as np
import pytest

from common.errors import InputError
from common.metrics.inception_score import inception_score

RNG = np.random.default_rng(0)


def test_inception_score_is_the_mutual_information():
    logits = RNG.normal(size=(50, 7)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    conditional, marginal = (-np.sum(q * np.log(q), axis=-1) for q in (p, p.mean(0)))
    np.testing.assert_allclose(inception_score(logits, splits=1).mean, np.exp(marginal - conditional.mean()), rtol=1e-9)
    np.testing.assert_allclose(inception_score(logits + 5, splits=1), inception_score(logits, splits=1), rtol=1e-9)


def test_splits_are_consecutive():
    """Seven images in two parts are the first three and the last four, each sure of its own class."""
    score = inception_score(1e3 * np.eye(7), splits=2)
    np.testing.assert_allclose(score, (3.5, 0.5), rtol=1e-12)
    with pytest.raises(InputError, match="7 images do not fill 10 splits"):
        inception_score(np.eye(7))
