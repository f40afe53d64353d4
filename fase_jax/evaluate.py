"""Evaluates a trained model: NME, AUC, failure rate and CED per subset; pictures of the first, worst and best faces.

python -m fase_jax.evaluate --workdir runs/demo
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from common import errors, files
from common.config import config_to_dict, parse_command
from common.data.decode import decode
from common.data.faces.crop import Crop, apply, crop_face, crop_matrix, invert
from common.data.faces.source import Source
from common.errors import InputError
from common.terminal import Progress, print_table
from common.train import sharding
from common.viz import curves
from common.viz.grid import grid, write_image
from common.viz.overlay import overlay
from fase_jax import sources
from fase_jax.config import Decoder, FaseConfig
from fase_jax.detector import Detector, Which, load_detector
from fase_jax.results import face_errors, result_rows, summarize


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Names the run, the faces to evaluate it on, and how heatmaps are decoded."""

    workdir: str = "runs/fase"
    """Work directory of the run."""
    split: Literal["test", "validation"] = "test"
    """`test`: faces of the test set; `validation`: faces that the run held out, on which to choose settings."""
    checkpoint: Which = "best"
    """Checkpoint with the lowest error on the validation faces, or the last one."""
    batch_size: int = 16
    """Number of faces per batch over all devices."""
    root: str = ""
    """Another folder of images to evaluate on; empty: the run's own data."""
    annotations: str = ""
    """Name of the annotation file in the other folder; empty: the name in the run's config."""
    subsets: tuple[str, ...] = ()
    """Subsets to evaluate; empty: the subsets in the run's config."""
    decoder: Decoder | Literal["run"] = "run"
    """Rule that turns heatmaps into coordinates; `run`: the run's own."""
    flip_test: Literal["run", "on", "off"] = "run"
    """Whether heatmaps are the mean of those from a face and from its mirror image; `run`: the run's choice."""
    pictures: int = 16
    """Number of faces per picture."""
    out: str = ""
    """Directory of the results; empty: `results/` in the work directory."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    sharding.initialize()
    evaluate(parse_command(argv, default=Evaluate())[0])


def evaluate(options: Evaluate) -> dict[str, Any]:
    """Writes results.json, ced.png and pictures of faces, prints a table, and returns the results by subset."""
    changes: dict[str, Any] = {} if options.decoder == "run" else {"decoder": options.decoder}
    if options.flip_test != "run":
        changes["flip_test"] = options.flip_test == "on"
    detector = load_detector(options.workdir, options.checkpoint, **changes)
    out = Path(options.out or f"{options.workdir}/results")
    crop = sources.crop(detector.config, training=False)
    mean_shape = np.asarray(files.read_json(f"{options.workdir}/mean_shape.json"), np.float32)
    results = {}
    for name, source in _sources(options, detector.config).items():
        with Progress(name, len(source)) as progress:
            predicted = detector(source, crop, options.batch_size, progress.update)
        errors_by_name = face_errors(predicted, source)
        baseline = face_errors(dataclasses.replace(predicted, landmarks=_place(mean_shape, source, crop)), source)
        results[name] = summarize(errors_by_name, source)
        results[name]["baseline"] = {n: float(np.nanmean(values)) for n, values in baseline.items()}
        reported = errors_by_name[source.scheme.normalizer]
        _draw(out, name, source, crop, predicted.landmarks, reported, options.pictures)
    _write(out, options, detector, results)
    return results


def _sources(options: Evaluate, config: FaseConfig) -> dict[str, Source]:
    if options.split == "validation":
        validation = sources.training(config)[1]
        if validation is None:
            raise InputError(
                "field split: the run has no validation faces, its data.validation_fraction is 0; take test"
            )
        return {"validation": validation}
    return sources.tests(sources.elsewhere(config.data, options.root, options.annotations, options.subsets))


def _place(mean_shape: np.ndarray, source: Source, crop: Crop) -> np.ndarray:
    """The mean shape of the training faces, moved into the crop of each face: [N, K, 2], pixels of original images."""
    faces = zip(source.landmarks, source.visible, source.boxes, source.files, strict=True)
    return np.stack([apply(invert(crop_matrix(crop, *face)), mean_shape) for face in faces])


def _draw(
    out: Path, name: str, source: Source, crop: Crop, predicted: np.ndarray, nmes: np.ndarray, count: int
) -> None:
    """Draws predicted and true landmarks on the first faces and on the faces with the highest and lowest NME [N]."""
    known = np.flatnonzero(np.isfinite(nmes))
    order = known[np.argsort(-nmes[known], kind="stable")]
    for title, chosen in (("first", known[:count]), ("worst", order[:count]), ("best", order[::-1][:count])):
        pictures = []
        for i in chosen:
            record = source[int(i)]
            image = decode(record["image"], record["file"])
            landmarks, visible = record["landmarks"], record["visible"]
            shown = dataclasses.replace(crop, size=192)
            face, matrix = crop_face(shown, image, landmarks, visible, record["box"], record["file"])
            points, truth = apply(matrix, predicted[i]), apply(matrix, landmarks)
            pictures.append(overlay(face, points, truth, source.scheme, visible=visible))
        captions = [f"{nmes[i]:.2f} %" for i in chosen]
        write_image(out / f"{title}_{name}.png", grid(pictures, columns=4, captions=captions))


def _write(out: Path, options: Evaluate, detector: Detector, results: dict[str, Any]) -> None:
    print_table(f"{options.workdir}, step {detector.step}, {options.split}", *result_rows(results))
    document = {
        "workdir": options.workdir,
        "step": detector.step,
        "evaluate": config_to_dict(options),
        "config": config_to_dict(detector.config),
        "results": results,
    }
    files.write_json(out / "results.json", document)
    by_subset = {name: np.array([e for e in result["errors"] if e is not None]) for name, result in results.items()}
    unit = f"NME {detector.scheme.normalizer} (%)"
    curves.plot_ced(by_subset, out / "ced.png", threshold=10.0, unit=unit)
    print(f"results: {out / 'results.json'}  pictures: {out}")


if __name__ == "__main__":
    errors.run(main)
