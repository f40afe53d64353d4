"""Errors of predictions, the tables and JSON they become (FASE, Sec. 4.2)."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from common.data.faces.source import Source
from common.metrics import auc as areas
from common.metrics import nme as metrics
from fase_jax.inference import Predictions

THRESHOLDS = (7.0, 8.0, 10.0)
"""Percent: 7 is the paper's for AFLW, 8 and 10 are the literature's for 300-W and WFLW."""


def face_errors(predicted: Predictions, source: Source) -> dict[str, np.ndarray]:
    """NME of every face in percent [N] by normaliser, the scheme's usual one first. Eq. (1).

    `inter_ocular` and `inter_pupil` where the scheme has eyes; `box` sqrt(w h), `box_diag` and `image_diag` always.
    A face without a visible landmark is NaN.
    """
    target, scheme = jnp.asarray(source.landmarks), source.scheme
    boxes, sizes = jnp.asarray(source.boxes), jnp.asarray(predicted.image_size)
    normalizers = {
        "box": metrics.box_size(boxes),
        "box_diag": metrics.box_diagonal(boxes),
        "image_diag": metrics.image_diagonal(sizes),
    }
    if scheme.pupils:
        normalizers = {"inter_pupil": metrics.inter_pupil(target, scheme.pupils)} | normalizers
    if scheme.eyes and scheme.name != "aflw19":  # profile faces have no use for it; the paper normalises by the box
        normalizers = {"inter_ocular": metrics.inter_ocular(target, scheme.eyes)} | normalizers
    visible = jnp.asarray(source.visible)
    return {
        name: np.asarray(metrics.nme(jnp.asarray(predicted.landmarks), target, d, visible))
        for name, d in normalizers.items()
    }


def summarize(errors: dict[str, np.ndarray], source: Source) -> dict[str, Any]:
    """What the results file holds of one subset; `faces` keeps the single errors for tests between two models."""
    summary = {}
    for name, values in errors.items():
        known = jnp.asarray(values[np.isfinite(values)])
        summary[name] = {"nme": float(known.mean())}
        for t in THRESHOLDS:
            summary[name][f"auc_{t:g}"] = float(areas.auc(known, t))
            summary[name][f"failure_{t:g}"] = float(areas.failure_rate(known, t))
        summary[name]["auc_10_sampled"] = float(areas.auc_sampled(known, 10.0))
    primary = next(iter(errors))
    return {
        "faces": int(np.isfinite(errors[primary]).sum()),
        "normalizer": primary,
        "metrics": summary,
        "files": list(source.files),
        "errors": [None if np.isnan(e) else round(float(e), 5) for e in errors[primary]],
    }


def rows(results: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the table of a results file: one row a subset, the mean-shape baseline beside it."""
    columns = [
        "subset",
        "faces",
        "normalizer",
        "NME %",
        "mean shape %",
        "AUC@7",
        "AUC@8",
        "AUC@10",
        "FR@8 %",
        "FR@10 %",
    ]
    table = []
    for subset, result in results.items():
        for name, values in result["metrics"].items():
            base = result["baseline"][name]
            areas_ = [f"{values[f'auc_{t}']:.3f}" for t in (7, 8, 10)]
            failures = [f"{100 * values[f'failure_{t}']:.1f}" for t in (8, 10)]
            table.append([subset, result["faces"], name, values["nme"], base, *areas_, *failures])
    return columns, table
