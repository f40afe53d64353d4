"""Errors of predicted landmarks, and their summaries as JSON values and table rows (FASE, Sec. 4.2)."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from common.data.faces.source import Source
from common.metrics.auc import auc, auc_sampled, failure_rate
from common.metrics.nme import box_diagonal, box_size, image_diagonal, inter_ocular, inter_pupil, nme
from common.terminal import cell
from fase_jax.detector import Predictions

THRESHOLDS = (7, 8, 10)
"""Error thresholds in percent: 7 in the paper for AFLW; 8 and 10 in the literature for 300-W and WFLW."""


def face_errors(predicted: Predictions, source: Source) -> dict[str, np.ndarray]:
    """NME per face in percent, [N] by normaliser, Eq. (1); NaN for a face without a visible landmark.

    The normalisers `box` (sqrt(w h)), `box_diag` and `image_diag` are always there; `inter_pupil` if the scheme has
    pupils; `inter_ocular` if it has eyes, unless the scheme's own normaliser is the box, as in AFLW, where an eye is
    hidden in profile faces.
    """
    target, scheme = jnp.asarray(source.landmarks), source.scheme
    boxes, sizes = jnp.asarray(source.boxes), jnp.asarray(predicted.image_size)
    normalizers = {}
    if scheme.eyes and scheme.normalizer != "box":
        normalizers["inter_ocular"] = inter_ocular(target, scheme.eyes)
    if scheme.pupils:
        normalizers["inter_pupil"] = inter_pupil(target, scheme.pupils)
    normalizers |= {
        "box": box_size(boxes),
        "box_diag": box_diagonal(boxes),
        "image_diag": image_diagonal(sizes),
    }
    landmarks, visible = jnp.asarray(predicted.landmarks), jnp.asarray(source.visible)
    return {name: np.asarray(nme(landmarks, target, d, visible)) for name, d in normalizers.items()}


def summarize(errors: dict[str, np.ndarray], source: Source) -> dict[str, Any]:
    """JSON values for one subset: mean NME, AUC and failure rates per normaliser, and the errors per face.

    Args:
      errors: result of `face_errors`.
      source: the faces. Errors per face are kept for the scheme's own normaliser only; `fase_jax.compare` reads them.
    """
    metrics = {}
    for name, values in errors.items():
        known = jnp.asarray(values[np.isfinite(values)])
        metrics[name] = {"nme": float(known.mean())}
        for t in THRESHOLDS:
            metrics[name][f"auc_{t}"] = float(auc(known, float(t)))
            metrics[name][f"failure_{t}"] = float(failure_rate(known, float(t)))
        metrics[name]["auc_10_sampled"] = float(auc_sampled(known, 10.0))
    reported = errors[source.scheme.normalizer]
    return {
        "faces": int(np.isfinite(reported).sum()),
        "normalizer": source.scheme.normalizer,
        "metrics": metrics,
        "files": list(source.files),
        "errors": [None if np.isnan(e) else round(float(e), 5) for e in reported],
    }


def result_rows(results: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of a table of results: one row per subset and normaliser, with the error of the mean shape."""
    columns = ["subset", "faces", "normalizer", "NME %", "mean shape %"]
    columns += [f"AUC@{t}" for t in THRESHOLDS] + [f"FR@{t} %" for t in THRESHOLDS[1:]]
    rows = []
    for subset, result in results.items():
        for name, values in result["metrics"].items():
            areas = [cell(values[f"auc_{t}"], ".3f") for t in THRESHOLDS]
            failures = [cell(100 * values[f"failure_{t}"], ".1f") for t in THRESHOLDS[1:]]
            rows.append([subset, result["faces"], name, values["nme"], result["baseline"][name], *areas, *failures])
    return columns, rows
