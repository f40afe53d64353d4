"""Predicts the landmarks of faces in image files; writes JSON, CSV and pictures.

python -m fase_jax.predict --workdir runs/demo --inputs photos/ 'more/*.jpg' --out predictions
"""

import csv
import dataclasses
import io
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import errors, files
from common.config import parse_command
from common.data.decode import decode, upright_size
from common.data.faces.crop import Crop
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.source import Source
from common.data.images.find import find_images
from common.data.tables import read_table
from common.errors import InputError
from common.terminal import Progress
from common.train import sharding
from common.viz.grid import write_image
from common.viz.overlay import overlay
from fase_jax.detector import Predictions, Which, load_detector


@dataclasses.dataclass(frozen=True)
class Predict:
    """Names the run and the images."""

    workdir: str = "runs/fase"
    """Work directory of the run."""
    inputs: tuple[str, ...] = ()
    """Image files, globs, and folders, which are searched with all folders in them."""
    boxes: str = ""
    """CSV file `file,x0,y0,x1,y1` with one face box per row; an image may have several rows. Empty: whole images."""
    out: str = "predictions"
    """Directory of landmarks.json, landmarks.csv and the overlays."""
    overlays: bool = True
    """Whether to write one picture per face that shows its landmarks."""
    checkpoint: Which = "best"
    """Checkpoint with the lowest error on the validation faces, or the last one."""
    batch_size: int = 16
    """Number of faces per batch over all devices."""


class Faces(Source):
    """Source of image files with face boxes float32 [N, 4]. Landmarks are unknown: none is visible."""

    def __init__(self, paths: Sequence[str], boxes: np.ndarray, scheme: LandmarkScheme):
        self.scheme, self.files, self.boxes = scheme, paths, boxes
        self.subsets = ["all"] * len(paths)
        self.landmarks = np.zeros((len(paths), scheme.count, 2), np.float32)
        self.visible = np.zeros((len(paths), scheme.count), bool)

    def read(self, row: int) -> bytes:
        return files.read_bytes(self.files[row])


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    sharding.initialize()
    predict(parse_command(argv, default=Predict())[0])


def predict(options: Predict) -> list[dict]:
    """Writes landmarks.json, landmarks.csv and the overlays, prints the speed, and returns one JSON value per face."""
    paths = find_images(options.inputs)
    detector = load_detector(options.workdir, options.checkpoint)
    data = detector.config.data
    if options.boxes:
        faces = read_boxes(options.boxes, paths)
        crop = Crop(detector.config.model.image_size, data.crop_scale, "box", fill=data.fill)
    else:
        sizes = [upright_size(Path(path)) for path in paths]
        faces = [(path, (-0.5, -0.5, w - 0.5, h - 0.5)) for path, (w, h) in zip(paths, sizes, strict=True)]
        crop = Crop(detector.config.model.image_size, 1.0, "box", fill=data.fill)
    source = Faces([path for path, _ in faces], np.array([box for _, box in faces], np.float32), detector.scheme)
    start, batches = time.monotonic(), []
    with Progress("predict", len(source)) as progress:

        def on_batch(done: int) -> None:
            batches.append((time.monotonic(), done))
            progress.update(done)

        predicted = detector(source, crop, options.batch_size, on_batch)
    entries = _write(Path(options.out), source, predicted, options.overlays)
    (first, first_done), (last, done) = batches[0], batches[-1]
    print(f"{done} faces in {last - start:.1f} s, including compilation")
    if done > first_done:
        print(f"{(done - first_done) / (last - first):.1f} faces/s after the first batch")
    print(f"landmarks: {Path(options.out) / 'landmarks.json'}")
    return entries


def read_boxes(file: str, paths: Sequence[str]) -> list[tuple[str, tuple[float, ...]]]:
    """Returns (path, box) per row of a CSV file `file,x0,y0,x1,y1`; `file` is one of the paths or its last part."""
    by_name = {Path(path).name: path for path in paths} | {path: path for path in paths}
    table = read_table(file)
    table.require("file")
    boxes = table.numbers(("x0", "y0", "x1", "y1")).tolist()
    for row, name in enumerate(table.columns["file"]):
        if name not in by_name:
            raise InputError(f"{table.place(row)}: {name} is not among the inputs; add it to them or delete the row")
    return [(by_name[name], tuple(box)) for name, box in zip(table.columns["file"], boxes, strict=True)]


def _write(out: Path, source: Faces, predicted: Predictions, overlays: bool) -> list[dict]:
    entries, lines = [], []
    for i, file in enumerate(source.files):
        points, confidence = predicted.landmarks[i].round(3), predicted.confidence[i].round(4)
        box = source.boxes[i].tolist()
        entry = {"file": file, "box": box, "landmarks": points.tolist(), "confidence": confidence.tolist()}
        entries.append(entry)
        lines.append([file, *box, *(f"{value:.3f}" for value in points.ravel())])
        if overlays:
            picture = overlay(decode(Path(file).read_bytes(), file), points, None, source.scheme)
            # The number tells images of the same name, and faces in the same image, apart.
            write_image(out / "overlays" / f"{i:05d}_{Path(file).stem}.png", picture)
    buffer = io.StringIO()
    header = [
        "file",
        "box_x0",
        "box_y0",
        "box_x1",
        "box_y1",
        *(f"{a}{j}" for j in range(source.scheme.count) for a in "xy"),
    ]
    csv.writer(buffer).writerows([header, *lines])
    files.write_text(out / "landmarks.csv", buffer.getvalue())
    files.write_json(out / "landmarks.json", {"scheme": source.scheme.name, "faces": entries})
    return entries


if __name__ == "__main__":
    errors.run(main)
