"""Tests of `common.metrics.precision_recall`."""

import jax
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from common.errors import InputError
from common.metrics.precision_recall import CHUNK, _covered, _nearest, coverage, kth_radii, precision_recall

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(12, 12))
REAL = np.float32(RNG.normal(size=(300, 12)) @ MIX)
GENERATED = np.float32(RNG.normal(size=(400, 12)) @ MIX * 0.9 + 0.5)


def by_definition(real, generated, k):
    real, generated = np.float64(real), np.float64(generated)
    radii = [np.sort(cdist(x, x), axis=1)[:, k] for x in (real, generated)]
    distances = cdist(real, generated)
    return (distances <= radii[0][:, None]).any(0).mean(), (distances <= radii[1][None]).any(1).mean()


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("chunk", [64, 4096])
def test_precision_recall_by_definition(k, chunk):
    """The size of the tiles is irrelevant, and so is the distance to the origin, where squares could cancel."""
    expected = by_definition(REAL, GENERATED, k)
    np.testing.assert_allclose(precision_recall(REAL, GENERATED, k, chunk=chunk), expected, rtol=1e-12)
    far = [np.float32(x + 1000.0) for x in (REAL, GENERATED)]
    np.testing.assert_allclose(precision_recall(*far, k, chunk=chunk), by_definition(*far, k), rtol=1e-12)


def test_extremes_of_precision_and_recall():
    assert precision_recall(REAL, REAL) == (1.0, 1.0)
    assert precision_recall(REAL, REAL + 1000) == (0.0, 0.0)
    assert precision_recall(REAL, np.repeat(REAL[:1], 9, axis=0)).precision == 1.0  # one real image, nine times
    assert precision_recall(REAL, np.repeat(REAL[:1], 9, axis=0)).recall == 1 / 300


def test_half_precision_is_stylegan2_adas():
    """Features, distances and radii are float16 numbers; a few samples change sides."""
    radii = kth_radii(REAL, stylegan2_ada=True)
    np.testing.assert_array_equal(radii, radii.astype(np.float16))
    half = np.float16(REAL).astype(np.float64)
    np.testing.assert_allclose(radii, np.sort(cdist(half, half), axis=1)[:, 3], rtol=2**-11 + 1e-6)
    exact, rounded = precision_recall(REAL, GENERATED), precision_recall(REAL, GENERATED, stylegan2_ada=True)
    np.testing.assert_allclose(rounded, exact, atol=0.02)
    # Half a unit in the last place of the distance 1.5 is outside, or on the surface of a ball of the same radius.
    probe, ball = np.float32([[1.5 + 2**-12]]), np.zeros((1, 1), np.float32)
    assert [coverage(probe, ball, [1.5], stylegan2_ada=half) for half in (False, True)] == [0.0, 1.0]


def test_a_tile_fits_in_a_gibibyte():
    """The compiler's count for VGG's 4096 features; 50,000 x 50,000 distances would take ten GiB."""
    rows = jax.ShapeDtypeStruct((CHUNK, 4096), np.float32)
    nearest, shift = jax.ShapeDtypeStruct((CHUNK, 4), np.float32), jax.ShapeDtypeStruct((4096,), np.float32)
    radii = jax.ShapeDtypeStruct((CHUNK,), np.float32)
    for program in (
        _nearest.lower(nearest, rows, rows, shift, half=False),
        _covered.lower(rows, rows, radii, shift, half=False),
    ):
        memory = program.compile().memory_analysis()
        used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
        assert CHUNK**2 * 4 < used < 2**30


def test_bad_sets_are_loud():
    with pytest.raises(InputError, match="3 samples have no 3 nearest"):
        precision_recall(REAL, GENERATED[:3])
    with pytest.raises(AssertionError):
        precision_recall(REAL, GENERATED[:, :5])
    with pytest.raises(AssertionError):
        coverage(REAL, GENERATED, np.ones(5))
