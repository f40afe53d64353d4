"""Tests of the metrics that compare sets of features: FID, KID, precision and recall, Mahalanobis distance, IS."""

import jax
import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import cdist

from common.errors import InputError
from common.metrics import precision_recall as pr
from common.metrics.frechet import fid, frechet_distance
from common.metrics.inception_score import inception_score
from common.metrics.kernel import Subsets, draw_subsets, kid, squared_mmd
from common.metrics.mahalanobis import mahalanobis
from common.metrics.moments import covariance, feature_moments

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(12, 12))
REAL = np.float32(RNG.normal(size=(300, 12)) @ MIX)
GENERATED = np.float32(RNG.normal(size=(400, 12)) @ MIX * 0.9 + 0.5)
TURN = np.linalg.qr(MIX)[0]

# --------------------------------------------------------------------------------------------------------------- FID


def test_fid_is_the_matrix_root():
    a, b = feature_moments(REAL), feature_moments(GENERATED)
    product = scipy.linalg.sqrtm(covariance(a) @ covariance(b))
    difference = a.mean - b.mean
    expected = difference @ difference + np.trace(covariance(a) + covariance(b) - 2 * product.real)
    np.testing.assert_allclose(fid(a, b), expected, rtol=1e-9)


def test_fid_is_a_distance_of_sets():
    a, b = feature_moments(REAL), feature_moments(GENERATED)
    np.testing.assert_allclose(fid(a, b), fid(b, a), rtol=1e-10)
    turned = [feature_moments(x.astype(np.float64) @ TURN + 7) for x in (REAL, GENERATED)]
    np.testing.assert_allclose(fid(*turned), fid(a, b), rtol=1e-9)
    moved = feature_moments(REAL.astype(np.float64) + 2)
    np.testing.assert_allclose(fid(a, moved), 12 * 2**2, rtol=1e-9)


def test_fid_of_fewer_images_than_features():
    """Singular covariances: of images that span different directions nothing overlaps, of equal ones everything."""
    few = RNG.normal(size=(5, 12))
    same = feature_moments(few)
    assert abs(fid(same, same)) < 1e-12 * np.trace(covariance(same))
    first, second = np.diag([1.0, 4.0, 0, 0]), np.diag([0, 0, 9.0, 0])
    np.testing.assert_allclose(frechet_distance(np.zeros(4), np.zeros(4), first, second), 14.0, rtol=1e-12)


def test_pytorch_fid_divides_by_one_less():
    a, b = feature_moments(REAL), feature_moments(REAL * 2)
    at_mean = np.sum((a.mean - b.mean) ** 2)
    np.testing.assert_allclose((fid(a, b, pytorch_fid=True) - at_mean) / (fid(a, b) - at_mean), 300 / 299, rtol=1e-9)


# --------------------------------------------------------------------------------------------------------------- KID


def test_squared_mmd_pair_by_pair():
    def kernel(x, y):
        return (x @ y / 12 + 1) ** 3

    x, y = REAL[:6].astype(np.float64), GENERATED[:4].astype(np.float64)
    within = [np.mean([kernel(a, b) for i, a in enumerate(s) for j, b in enumerate(s) if i != j]) for s in (x, y)]
    expected = sum(within) - 2 * np.mean([kernel(a, b) for a in x for b in y])
    np.testing.assert_allclose(squared_mmd(x, y), expected, rtol=1e-10)


def test_kid_is_unbiased():
    """Its mean over draws from one distribution is 0, within four standard errors; the biased one's is far from it."""
    values = [squared_mmd(*np.random.default_rng(seed).normal(size=(2, 20, 4))) for seed in range(400)]
    error = np.std(values) / 20
    assert abs(np.mean(values)) < 4 * error
    assert 2 * 12 / 20 > 40 * error  # E k(x, x) - E k(x, x') is more than 12: what the diagonals would add


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


# --------------------------------------------------------------------------------------------- precision and recall


def by_definition(real, generated, k):
    real, generated = np.float64(real), np.float64(generated)
    radii = [np.sort(cdist(x, x), axis=1)[:, k] for x in (real, generated)]
    distances = cdist(real, generated)
    return (distances <= radii[0][:, None]).any(0).mean(), (distances <= radii[1][None]).any(1).mean()


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("chunk", [64, 4096])
def test_precision_recall_by_definition(k, chunk):
    """Whatever the tiles; far from the origin, too, where squares of features would cancel."""
    expected = by_definition(REAL, GENERATED, k)
    np.testing.assert_allclose(pr.precision_recall(REAL, GENERATED, k, chunk=chunk), expected, rtol=1e-12)
    far = [np.float32(x + 1000.0) for x in (REAL, GENERATED)]
    np.testing.assert_allclose(pr.precision_recall(*far, k, chunk=chunk), by_definition(*far, k), rtol=1e-12)


def test_extremes_of_precision_and_recall():
    assert pr.precision_recall(REAL, REAL) == (1.0, 1.0)
    assert pr.precision_recall(REAL, REAL + 1000) == (0.0, 0.0)
    assert pr.precision_recall(REAL, np.repeat(REAL[:1], 9, axis=0)).precision == 1.0  # one real image, nine times
    assert pr.precision_recall(REAL, np.repeat(REAL[:1], 9, axis=0)).recall == 1 / 300


def test_half_precision_is_stylegan2_adas():
    """Features, distances and radii are float16 numbers; a few samples change sides."""
    radii = pr.kth_radii(REAL, stylegan2_ada=True)
    np.testing.assert_array_equal(radii, radii.astype(np.float16))
    half = np.float16(REAL).astype(np.float64)
    np.testing.assert_allclose(radii, np.sort(cdist(half, half), axis=1)[:, 3], rtol=2**-11 + 1e-6)
    exact, rounded = pr.precision_recall(REAL, GENERATED), pr.precision_recall(REAL, GENERATED, stylegan2_ada=True)
    np.testing.assert_allclose(rounded, exact, atol=0.02)
    # Half a unit in the last place of the distance 1.5 is outside, or on the surface of a ball of the same radius.
    probe, ball = np.float32([[1.5 + 2**-12]]), np.zeros((1, 1), np.float32)
    assert [pr.coverage(probe, ball, [1.5], stylegan2_ada=half) for half in (False, True)] == [0.0, 1.0]


def test_a_tile_fits_in_a_gibibyte():
    """Of VGG's 4096 features, as the compiler counts; 50,000 x 50,000 distances would take ten."""
    rows = jax.ShapeDtypeStruct((pr.CHUNK, 4096), np.float32)
    nearest, shift = jax.ShapeDtypeStruct((pr.CHUNK, 4), np.float32), jax.ShapeDtypeStruct((4096,), np.float32)
    radii = jax.ShapeDtypeStruct((pr.CHUNK,), np.float32)
    for program in (
        pr._nearest.lower(nearest, rows, rows, shift, half=False),
        pr._covered.lower(rows, rows, radii, shift, half=False),
    ):
        memory = program.compile().memory_analysis()
        used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
        assert pr.CHUNK**2 * 4 < used < 2**30


def test_bad_sets_are_loud():
    with pytest.raises(InputError, match="3 nearest others of 3 samples"):
        pr.precision_recall(REAL, GENERATED[:3])
    with pytest.raises(AssertionError):
        pr.precision_recall(REAL, GENERATED[:, :5])
    with pytest.raises(AssertionError):
        pr.coverage(REAL, GENERATED, np.ones(5))


# ----------------------------------------------------------------------------------------------- Mahalanobis distance


def test_mahalanobis_by_definition():
    moments = feature_moments(REAL)
    centred = GENERATED - moments.mean
    expected = np.sqrt(np.einsum("nd,de,ne->n", centred, np.linalg.inv(covariance(moments)), centred))
    np.testing.assert_allclose(mahalanobis(GENERATED, moments), expected, rtol=1e-9)
    np.testing.assert_allclose(np.mean(mahalanobis(REAL, moments) ** 2), 12, rtol=1e-9)  # trace of S^-1 S


def test_mahalanobis_sees_no_affine_map():
    def move(x):
        return x.astype(np.float64) @ MIX.T - 3

    actual = mahalanobis(move(GENERATED), feature_moments(move(REAL)))
    np.testing.assert_allclose(actual, mahalanobis(GENERATED, feature_moments(REAL)), rtol=1e-6)


@pytest.mark.parametrize("real", [REAL[:12], np.c_[REAL[:, :11], REAL[:, 0]], np.c_[REAL[:, :11], np.ones(300)]])
def test_a_singular_covariance_needs_a_ridge(real):
    """Too few images, a feature twice, a feature that never varies."""
    moments = feature_moments(real)
    with pytest.raises(InputError, match="singular"):
        mahalanobis(GENERATED, moments)
    outlier = np.append(moments.mean[None], moments.mean[None] + 100, axis=0)
    near, far = mahalanobis(outlier, moments, ridge=1e-3)
    assert near == 0 and 10 < far < np.inf


# ---------------------------------------------------------------------------------------------------- Inception Score


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
