"""Errors of landmarks and landmark matching against the published code of ContrastLandmark and DVE."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from reference import Case

from common.metrics.matching import dense_match, dve_pixel_error, match
from common.metrics.nme import iod
from common.metrics.pck import pck
from common.ops.heatmaps import soft_argmax

CL, DVE = Case("landmarks_cl"), Case("landmarks_dve")
CL_INPUTS, DVE_INPUTS = CL.inputs(), DVE.inputs()
EXACT = dict(rtol=0, atol=0)


def nhwc(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -3, -1)


def regress(features, inner, linear, points: int):
    """Landmarks in [-1, 1], linear in the mean positions of the responses of 1x1 filters; and these positions."""
    filters = inner[:, :, 0, 0].T  # channel a I + i is filter i of landmark a
    size = jnp.array([features.shape[2], features.shape[1]])[None, None]
    responses = jnp.einsum("bhwd,dk->bhwk", features, filters, precision="highest")
    positions = 2 * soft_argmax(100 * responses) / (size - 1) - 1
    positions = positions.reshape(len(features), points, -1, 2)
    weights = linear.reshape(points, 2, -1)
    flat = positions.reshape(len(features), points, -1)
    return jnp.einsum("bpi,poi->bpo", flat, weights, precision="highest"), positions


REGRESSORS = [name.removeprefix("regressor_") for name in CL.variants if name.startswith("regressor_")]


@pytest.mark.parametrize("name", REGRESSORS)
def test_inter_ocular_distance(name):
    variant, net = CL.variants[f"regressor_{name}"], CL.net(f"regressor_{name}")
    text = CL.config["tolerance"]["regressor"]
    tolerance = re.search(r"official_scale.*allow ([\d.e-]+)" if "official_scale" in name else r"(\S+) abs", text)[1]
    predicted, positions = regress(
        nhwc(CL_INPUTS[f"feat_{name}"]), net["inner_conv.weight"], net["reg_conv.weight"], variant["nA"]
    )
    CL.compare(f"regressor/{name}/intermediate", positions, **EXACT, absolute=float(tolerance))
    CL.compare(f"regressor/{name}/pred", predicted, **EXACT, absolute=float(tolerance))
    # The metric of the reference's own predictions, which carry its rounding only.
    target, (left, right) = CL_INPUTS[f"gt_{name}"], variant["eyes"]
    errors = iod(CL.expected[f"regressor/{name}/pred"], target, ((left,), (right,)))
    CL.compare(f"regressor/{name}/inter_ocular_error_percent", errors.mean(), rtol=1e-5, atol=0)


def test_pck():
    """Coordinates in [-1, 1] go to pixels of the crop; the mean is over landmarks."""
    visible, score = CL.expected["pck/visible"] > 0, CL_INPUTS["pck_vis"]
    assert score[~visible].max() < score[visible].min()  # visible where the input is above some number
    CL.note("pck/visible")
    size = int(re.search(r"kp_normalized = 2\*kp/\((\d+)-1\)-1", CL.variants["data"]["final"])[1])
    predicted, target = (
        (x + 1) / 2 * (size - 1) for x in (CL_INPUTS["pck_pred"], CL_INPUTS["pck_pred"] + CL_INPUTS["pck_delta"])
    )
    values = pck(predicted, target, size, visible=visible, contrast_landmark=True)
    CL.compare("pck/value_percent", jnp.nanmean(values), rtol=1e-6, atol=0)


def test_matching():
    variant = DVE.variants["match"]
    source = DVE_INPUTS["match_src"]
    factor, rows, columns = re.search(r"([\d.]+)\*roll\(src, (\d+) row, (\d+) col", variant["target"]).groups()
    target = np.float32(factor) * np.roll(source, (int(rows), int(columns)), axis=(1, 2)) + DVE_INPUTS["match_tgt"]
    predicted = match(
        *(nhwc(x)[None] for x in (source, target)),
        DVE_INPUTS["match_kp"][None],
        variant["stride"],
        dve_inner_product=True,
    )
    DVE.compare("match/pred_xy", predicted[0], **EXACT)
    errors = dve_pixel_error(predicted[0], DVE_INPUTS["match_gt"], variant["imwidth"], variant["crop"])
    DVE.compare("match/pixel_err", errors, rtol=1e-5, atol=0)


DENSE = [name for name in DVE.expected if name.startswith("match/dense_grid_upscale")]


@pytest.mark.parametrize("name", DENSE)
def test_dense_matching(name):
    """The stored grid gives cells of the source as coordinates from -1 to 1, corner to corner."""
    source, target = (nhwc(DVE_INPUTS[f"dense_{side}"])[None] for side in ("src", "tgt"))
    upscale = int(re.search(r"\d+$", name)[0])
    cells = dense_match(source, target, upscale=upscale, dve_inner_product=True)
    last = upscale * np.array([source.shape[2], source.shape[1]]) - 1
    DVE.compare(name, 2 * np.asarray(cells) / last - 1, **EXACT, absolute=1e-6)
