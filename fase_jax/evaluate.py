"""Evaluates a trained model: NME by normaliser, AUC, failure rate and CED per subset; pictures of the worst and best.

python -m fase_jax.evaluate --workdir runs/demo
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from common import errors, files
from common.config import config_to_dict, parse_command
from common.data import decode as decoding
from common.data.faces.crop import Crop, apply, crop_face, crop_matrix, invert
from common.data.faces.source import Source
from common.errors import InputError
from common.terminal import Progress, table
from common.train import sharding
from common.viz import curves
from common.viz.grid import grid, write_image
from common.viz.overlay import overlay
from fase_jax import inference, sources
from fase_jax.config import Decoder
from fase_jax.results import face_errors, rows, summarize


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Which run, and on which faces."""

    workdir: str = "runs/fase"
    """Work directory of the run; results go to `results/` in it unless `out` names a place."""
    split: Literal["test", "validation"] = "test"
    """Settings are chosen on `validation`; `test` is looked at once."""
    checkpoint: Literal["best", "last"] = "best"
    """The best on the validation split, or the last."""
    batch_size: int = 16
    root: str = ""
    """Another folder of images to evaluate on; empty takes the run's own data."""
    annotations: str = ""
    """Annotations of the other folder; empty takes the run's file name."""
    subsets: tuple[str, ...] = ()
    """Subsets to evaluate; empty takes the run's own."""
    decoder: Decoder | Literal["run"] = "run"
    """How heatmaps become coordinates; `run` takes the run's."""
    flip_test: Literal["run", "on", "off"] = "run"
    """Average over the mirror image; `run` takes the run's."""
    pictures: int = 16
    """Faces in each of the pictures of the worst and the best."""
    out: str = ""
    """Directory of the results; empty: `results/` of the work directory."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    sharding.initialize()
    evaluate(parse_command(argv, default=Evaluate())[0])


def evaluate(options: Evaluate) -> dict[str, Any]:
    """Writes results.json, ced.png and pictures of faces, prints the table, and returns the results by subset."""
    changes = {} if options.decoder == "run" else {"decoder": options.decoder}
    if options.flip_test != "run":
        changes["flip_test"] = options.flip_test == "on"
    detector = inference.load(options.workdir, options.checkpoint, **changes)
    out = Path(options.out or f"{options.workdir}/results")
    crop = sources.crop(detector.config, training=False)
    mean_shape = np.asarray(files.read_json(f"{options.workdir}/mean_shape.json"), np.float32)
    results = {}
    for name, source in _sources(options, detector.config).items():
        with Progress(name, len(source)) as progress:
            predicted = inference.predict_source(
                detector.predict,
                detector.variables,
                source,
                crop,
                detector.mesh,
                options.batch_size,
                progress.update,
            )
        found = face_errors(predicted, source)
        results[name] = summarize(found, source)
        baseline = dataclasses.replace(predicted, landmarks=_place(mean_shape, source, crop))
        base = face_errors(baseline, source)
        results[name]["baseline"] = {n: float(np.nanmean(values)) for n, values in base.items()}
        _draw(out, name, source, crop, predicted.landmarks, next(iter(found.values())), options.pictures)
    _write(out, options, detector, results)
    return results


def _sources(options: Evaluate, config) -> dict[str, Source]:
    if options.split == "validation":
        validation = sources.training(config)[1]
        if validation is None:
            raise InputError("field data.validation_fraction: the run held no validation faces out")
        return {"validation": validation}
    return sources.tests(sources.elsewhere(config.data, options.root, options.annotations, options.subsets))


def _place(mean_shape: np.ndarray, source: Source, crop: Crop) -> np.ndarray:
    """The mean training shape, put where each face's crop is: [N, K, 2] in original pixels."""
    faces = zip(source.landmarks, source.visible, source.boxes, source.files, strict=True)
    return np.stack([apply(invert(crop_matrix(crop, *face)), mean_shape) for face in faces])


def _draw(out: Path, name: str, source: Source, crop: Crop, predicted, found, count: int) -> None:
    """Pictures of the first faces and of those with the highest and the lowest errors, predicted and true landmarks."""
    known = np.flatnonzero(np.isfinite(found))
    order = known[np.argsort(-found[known], kind="stable")]
    for title, chosen in (("first", known[:count]), ("worst", order[:count]), ("best", order[::-1][:count])):
        pictures, captions = [], []
        for i in chosen:
            record = source[int(i)]
            image = decoding.decode(record["image"], record["file"])
            keys = ("landmarks", "visible", "box", "file")
            face, matrix = crop_face(dataclasses.replace(crop, size=192), image, *(record[key] for key in keys))
            truth, guess = apply(matrix, record["landmarks"]), apply(matrix, predicted[i])
            pictures.append(overlay(face, guess, truth, source.scheme))
            captions.append(f"{found[i]:.2f} %")
        write_image(out / f"{title}_{name}.png", grid(pictures, columns=4, captions=captions))


def _write(out: Path, options: Evaluate, detector, results: dict[str, Any]) -> None:
    first = next(iter(results.values()))
    columns, lines = rows(results)
    table(f"{options.workdir}, step {detector.step}, {options.split}", columns, lines)
    document = {
        "workdir": options.workdir,
        "step": detector.step,
        "evaluate": config_to_dict(options),
        "config": config_to_dict(detector.config),
        "results": results,
    }
    files.write_json(out / "results.json", document)
    by_subset = {name: np.array([e for e in result["errors"] if e is not None]) for name, result in results.items()}
    curves.plot_ced(by_subset, out / "ced.png", threshold=10.0, unit=f"NME {first['normalizer']} (%)")
    print(f"results: {out / 'results.json'}  pictures: {out}")


if __name__ == "__main__":
    errors.run(main)
