"""Metrics of generated images, attribute linearity and the signed-rank test against their reference implementations."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import Case

from common.metrics import path_length
from common.metrics.attribute_linearity import hsr_attribute_linearity, hsr_deviation
from common.metrics.frechet import fid
from common.metrics.inception_score import inception_score
from common.metrics.kernel import Subsets, cubic_kernel, kid
from common.metrics.moments import Moments, batch_moments, covariance, empty, feature_moments, merge
from common.metrics.precision_recall import kth_radii, precision_recall
from common.metrics.significance import wilcoxon
from common.nn.stylegan2 import Generator
from common.ops.pool import adaptive_average_pool
from common.weights.networks.stylegan2 import ADA

CASE = Case("metrics")
INPUTS = CASE.inputs()
FLOAT32 = 2.0**-24  # relative rounding error of one float32 operation


def stored(pattern: str) -> list[re.Match]:
    """Matches of the names of expected arrays."""
    return [match for name in sorted(CASE.expected) if (match := re.fullmatch(pattern, name))]


def rtol(metric: str) -> float:
    """Relative tolerance that case.json suggests in words."""
    return float(re.match(r"rtol (\S+)", CASE.config["tolerance"][metric])[1])


@functools.cache
def features() -> tuple[np.ndarray, np.ndarray]:
    """Features of real and generated images, as case.json describes them."""
    offset = re.search(r"gen_in @ mix \+ ([\d.]+)", CASE.variants["features"])[1]
    real, generated = (INPUTS[name] @ INPUTS["mix"] for name in ("real", "gen"))
    return np.abs(real), np.abs(generated + np.float32(offset))


def streamed(rows: np.ndarray, size: int = 96) -> Moments:
    """Moments summed over batches of equal size, of which the last is filled up."""
    moments = empty(rows.shape[1])
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        filled = np.full((size, rows.shape[1]), np.nan, np.float32)
        filled[: len(batch)] = batch
        moments = merge(moments, batch_moments(filled, np.arange(size) < len(batch)))
    return moments


# ------------------------------------------------------------------------------------------------------ feature sets


@pytest.mark.parametrize("accumulate", [feature_moments, streamed])
def test_fid(accumulate):
    real, generated = map(accumulate, features())
    CASE.compare("fid/real_mean", real.mean, rtol=rtol("fid"), atol=0)
    for unbiased, name in ((False, "biased"), (True, "unbiased")):
        # Small entries of the matrix carry the rounding of the large ones.
        CASE.compare(f"fid/real_cov_{name}_row0", covariance(real, unbiased)[0], rtol=rtol("fid"), atol=1e-5)
    CASE.compare("fid/stylegan2_ada", fid(real, generated), rtol=rtol("fid"), atol=0)
    CASE.compare("fid/pytorch_fid", fid(real, generated, pytorch_fid=True), rtol=rtol("fid"), atol=0)


def compare_kid(name: str, subsets: Subsets):
    real, generated = features()
    # The reference sums float32 kernels of which 2 x 2 k cancel: about eight roundings of k.
    rounding = 8 * FLOAT32 * cubic_kernel(*features()).mean()
    CASE.compare(name, kid(real, generated, subsets), rtol=rtol("kid"), atol=0, absolute=rounding)


@pytest.mark.parametrize("name", [match[0] for match in stored(r"kid/subsets\d+x\d+")])
def test_kid(name):
    subsets = Subsets(CASE.expected[f"{name}_real_idx"], CASE.expected[f"{name}_gen_idx"])
    count, size = map(int, re.findall(r"\d+", name))
    for indices in subsets:
        assert indices.shape == (count, size) and all(len(set(row)) == size for row in indices)
    compare_kid(name, subsets)


def test_kid_of_one_subset():
    """The subset holds the first generated images, as many as there are real images."""
    rows = np.arange(min(map(len, features())))[None]
    compare_kid("kid/all_in_one_subset", Subsets(rows, rows))


PRECISIONS = stored(r"pr/precision_(?:(fp16)|float64_k(\d+))")


@pytest.mark.parametrize("match", PRECISIONS, ids=[match[0] for match in PRECISIONS])
def test_precision_recall(match):
    half, k = bool(match[1]), int(match[2] or 3)  # StyleGAN2-ADA's k is 3
    tolerance = float(re.search(r"([\d.]+) for fp16", CASE.config["tolerance"]["pr"])[1]) if half else 0.0
    values = precision_recall(*features(), k, stylegan2_ada=half)
    for name, value in values._asdict().items():
        # Shares are multiples of 1 / N: half of one more is exact up to the float32 in which some are stored.
        absolute = tolerance + 0.5 / max(map(len, features()))
        CASE.compare(match[0].replace("precision", name), value, rtol=0, atol=0, absolute=absolute)


RADII = stored(r"pr/kth_radius_real_k(\d+)_first(\d+)")


@pytest.mark.parametrize("match", RADII, ids=[match[0] for match in RADII])
def test_radii(match):
    CASE.compare(match[0], kth_radii(features()[0], int(match[1]))[: int(match[2])], rtol=1e-5, atol=0)


SPLITS = stored(r"is/mean_(\d+)splits")


@pytest.mark.parametrize("match", SPLITS, ids=[match[0] for match in SPLITS])
def test_inception_score(match):
    score = inception_score(INPUTS["is_logits"], int(match[1]))
    CASE.compare(match[0], score.mean, rtol=1e-5, atol=0)
    CASE.compare(match[0].replace("mean", "std"), score.std, rtol=1e-5, atol=0)


# ------------------------------------------------------------------------------------------------------- path length

PPL = CASE.variants["ppl"]
PATHS = stored(r"ppl/(w|z)_(full|end)_crop(True|False)/dist")


@functools.cache
def networks():
    """Functions for mapping and synthesis, each compiled once."""
    config = PPL["config"]
    generator = Generator(
        resolution=config["res"],
        z_dim=config["z"],
        w_dim=config["w"],
        num_layers=config["layers"],
        channel_base=config["cb"],
        channel_max=config["cm"],
    )
    variables = ADA.variables(CASE.net("ppl_G"), generator)
    mapping = functools.partial(generator.apply, method=lambda self, z: self.mapping(z)[0])
    synthesis = functools.partial(generator.apply, method=lambda self, ws: self.synthesis(ws)[0])
    return tuple(functools.partial(jax.jit(network), variables) for network in (mapping, synthesis))


def stub(a, b):
    """The reference's stand-in for LPIPS: squared distance of the mean colours, in [0, 1], of an 8 x 8 grid."""
    grid = int(re.search(r"image to (\d+)x", PPL["stub"])[1])
    a, b = (adaptive_average_pool((x + 1) * 127.5, grid) / 255 for x in (a, b))
    return jnp.square(a - b).sum((1, 2, 3))


@pytest.mark.parametrize("match", PATHS, ids=[match[0] for match in PATHS])
def test_path_lengths(match):
    space, sampling, crop = match.groups()
    t, (z0, z1) = INPUTS["ppl_t"], np.split(INPUTS["ppl_z"], 2)
    lengths = path_length.path_lengths(
        *(z0, z1, t if sampling == "full" else np.zeros_like(t), *networks(), stub),
        space=space,
        epsilon=PPL["epsilon"],
        crop=crop == "True",
    )
    CASE.compare(match[0], lengths, rtol=rtol("ppl"), atol=0)


@pytest.mark.parametrize("name", [match[0] for match in stored(r"slerp/t.*")])
def test_slerp(name):
    a, b = INPUTS["slerp_a"], INPUTS["slerp_b"]
    t = sum(map(float, name.removeprefix("slerp/t").split("+")))
    actual = path_length.slerp(a, b, jnp.full(len(a), t))
    # The numbers are at most 1, the angle at most pi, after a dozen roundings.
    CASE.compare(name, actual, rtol=0, atol=0, absolute=16 * FLOAT32)


def test_trimmed_mean():
    CASE.compare("ppl/trimmed_mean", path_length.trimmed_mean(np.abs(INPUTS["ppl_dist"])), rtol=1e-6, atol=0)


# -------------------------------------------------------------------------------------------------------- attributes


def test_attribute_linearity():
    scores = np.cumsum(INPUTS["als_scores"].astype(np.float64), axis=1)
    deviation = hsr_deviation(jnp.asarray(scores, jnp.float32))
    # Differences of three numbers of the size of the scores, in units of their deviations.
    rounding = 4 * FLOAT32 * np.abs(scores).max() / scores.std((0, 1)).min()
    compare = functools.partial(CASE.compare, rtol=rtol("als"), atol=0, absolute=rounding)
    compare("als/delta_dir0", deviation[0])
    absolute = np.abs(np.asarray(deviation, np.float64))
    curve = absolute.mean(0)
    frames, attributes = curve.shape
    compare(f"als/mean_over_dirs_{frames}x{attributes}", curve)
    compare(f"als/std_over_dirs_{frames}x{attributes}", absolute.std(0))
    compare("als/per_direction_mean", absolute.mean((1, 2)))
    per_attribute = hsr_attribute_linearity(jnp.asarray(scores, jnp.float32))
    compare("als/per_attr_sum_of_squares_over_t", per_attribute)
    compare("als/score_mean_of_sum_of_squares", per_attribute.mean())
    compare(f"als/area_trapz_dx{1 / (frames - 1):g}_mean", np.trapezoid(curve, dx=1 / (frames - 1), axis=0).mean())


WILCOXON = {
    "default": {},
    "exact": dict(method="exact"),
    "approx": dict(method="approx"),
    "approx_corr": dict(method="approx", correction=True),
    "less": dict(alternative="less"),
    "greater": dict(alternative="greater"),
    "rounded_wilcox": dict(zero_method="wilcox"),
    "rounded_pratt": dict(zero_method="pratt"),
    "rounded_zsplit": dict(zero_method="zsplit"),
}


@pytest.mark.parametrize("name", [match[1] for match in stored(r"wilcoxon/(.*)")])
def test_wilcoxon(name):
    a, b = (x.astype(np.float64) for x in (INPUTS["wx"], INPUTS["wx"] + INPUTS["wd"]))
    if name.startswith("rounded"):  # ties and zeros
        a, b = np.round(a, 1), np.round(b, 1)
    CASE.compare(f"wilcoxon/{name}", wilcoxon(a, b, **WILCOXON[name]), rtol=rtol("wilcoxon"), atol=0)
