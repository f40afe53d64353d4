"""3FabRec's heatmap targets, decoding and metrics against its published code."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from reference import Case, nchw

from common.metrics.auc import auc_sampled, failure_rate
from common.metrics.nme import inter_ocular, landmark_errors, nme
from common.ops import heatmaps

CASE = Case("fabrec_heatmaps")
INPUTS = CASE.inputs()
HEATMAPS, DECODE = CASE.variants["heatmaps"], CASE.variants["decode"]
SIZE = HEATMAPS["heatmap_size"]
EXACT = dict(rtol=0, atol=0)
OUTER, INNER = ((36,), (45,)), ((39,), (42,))


def _landmarks() -> np.ndarray:
    """The 68 landmarks of the targets. Border cases, which case.json lists, replace some of them."""
    text = HEATMAPS["landmarks"]
    first, last = map(int, re.search(r"rows (\d+)\.\.(\d+)", text).groups())
    pairs = re.findall(r"\[(-?[\d.]+),\s*(-?[\d.]+)\]", text)
    landmarks = INPUTS["lms68"].copy()
    landmarks[first : last + 1] = np.array(pairs, np.float32)
    return landmarks


def _targets() -> np.ndarray:
    """Targets [H, W, 68]."""
    return np.asarray(heatmaps.render_fabrec(_landmarks()[None], SIZE, HEATMAPS["sigma"])[0])


def _predictions() -> np.ndarray:
    """Predicted heatmaps [B, H, W, K]: some of the targets, the same per example, with noise."""
    first, last = map(int, re.search(r"channels (\d+)\.\.(\d+)", DECODE["input"]).groups())
    return _targets()[None, :, :, first : last + 1] + np.moveaxis(INPUTS["hm_noise"], 1, -1)


@pytest.mark.parametrize("name", sorted(name for name in CASE.expected if name.startswith("template/")))
def test_template(name):
    """The landmark lies at half the width, so that the window fills the image."""
    sigma = float(name.removeprefix("template/sigma"))
    width, _ = heatmaps.fabrec_window(sigma)
    rendered = heatmaps.render_fabrec(jnp.full((1, 1, 2), width / 2), width, sigma)
    CASE.compare(name, rendered[0, :, :, 0], **EXACT, absolute=1e-6)


def test_targets():
    targets = _targets()
    CASE.compare("heatmaps/channels", nchw(targets[None])[0][HEATMAPS["stored_channels"]], **EXACT, absolute=1e-6)
    # Sums run over up to 35 x 35 float32 terms.
    CASE.compare("heatmaps/sum", targets.sum((0, 1), dtype=np.float64), atol=0, rtol=1e-5)
    CASE.compare("heatmaps/max", targets.max((0, 1)), **EXACT, absolute=1e-6)
    CASE.compare("heatmaps/argmax_xy", heatmaps.decode_argmax(targets[None])[0], **EXACT)


def test_decoding():
    predictions = _predictions()
    window, width = map(int, re.match(r"(\d+)x(\d+) box mean", DECODE["smoothing"]).groups())
    assert window == width
    smoothed = heatmaps.box_mean(predictions, window)
    CASE.compare("decode/smoothed", nchw(smoothed), **EXACT, absolute=1e-5)
    CASE.compare("decode/conf", heatmaps.confidence(smoothed), **EXACT, absolute=1e-5)
    for name, landmarks in {
        "decode/landmarks": heatmaps.decode_smoothed_argmax(predictions, window),
        "decode/landmarks_unsmoothed": heatmaps.decode_argmax(predictions),
    }.items():
        # The image size is part of the array's name.
        (key,) = [key for key in CASE.expected if re.fullmatch(rf"{name}_\d+", key)]
        CASE.compare(key, landmarks * int(key.rsplit("_", 1)[1]) / SIZE, **EXACT)


NORMALIZERS = {
    "w300_outer": lambda target: inter_ocular(target, OUTER),
    "w300_pupil": lambda target: (inter_ocular(target, OUTER) + inter_ocular(target, INNER)) / 2,
    "w300_none": lambda target: jnp.full(len(target), 100.0),  # errors stay in pixels
    "wflw": lambda target: inter_ocular(target, ((60,), (72,))),
    "aflw19": lambda target: jnp.full(len(target), 256.0),  # the width of 3FabRec's crop
    "five": lambda target: inter_ocular(target, ((0,), (1,))),
}


@pytest.mark.parametrize("name", sorted({key.split("/")[1] for key in CASE.expected if key.startswith("nme/")}))
def test_metrics(name):
    (first,) = [key for key in CASE.expected if key.startswith(f"nme/{name}/per_landmark@first")]
    faces, count = CASE.expected[first].shape
    target = INPUTS[f"gt{count}"]
    predicted = target + INPUTS[f"pr{count}"] * INPUTS[f"ps{count}"]
    normalizer = NORMALIZERS[name](target)
    errors = nme(predicted, target, normalizer)
    # float32 coordinates of up to 256 px carry an error of 1.5e-5 px.
    rounding = 3e-5 * 100 / float(normalizer.min())
    percent = landmark_errors(predicted, target, normalizer)
    CASE.compare(first, percent[:faces], rtol=1e-5, atol=0, absolute=rounding)
    CASE.compare(f"nme/{name}/mean", np.asarray(errors, np.float64).mean(), rtol=1e-6, atol=0)
    for key in [key for key in CASE.expected if re.match(rf"nme/{name}/(FR|AUC)", key)]:
        kind, threshold = re.fullmatch(r"(FR|AUC)(\d+)", key.rsplit("/", 1)[1]).groups()
        metric = failure_rate if kind == "FR" else auc_sampled
        CASE.compare(key, metric(errors, float(threshold)), rtol=1e-6, atol=0)


def test_wflw_to_w300():
    """The 68 landmarks of 300-W are these of WFLW's 98: every second of the jaw, the brows' upper edges, the rest."""
    brows, eyes = (*range(33, 38), *range(42, 47)), (60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75)
    rows = [*range(0, 33, 2), *brows, *range(51, 60), *eyes, *range(76, 96)]
    CASE.compare("lm98_to_lm68", INPUTS["gt98"][0][rows], **EXACT)
