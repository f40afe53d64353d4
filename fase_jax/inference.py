"""Predictions for every face of a source, in pixels of the original images."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from common.data import batches
from common.data.faces.crop import Crop
from common.data.faces.pipeline import CropLoader
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.source import Source
from common.ops import warp
from common.train import checkpoint, sharding, workdir
from fase_jax import sources, step
from fase_jax.config import FaseConfig


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Row i belongs to row i of the source."""

    landmarks: np.ndarray
    """float32 [N, K, 2], pixels of the original images."""
    confidence: np.ndarray
    """float32 [N, K], the highest value of each heatmap."""
    image_size: np.ndarray
    """float32 [N, 2], width and height of the originals."""


def predict_source(
    predict: Callable[..., Any],
    variables: Any,
    source: Source,
    crop: Crop,
    mesh: Mesh,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Runs a predict function over a source, the batches split over devices and processes.

    Args:
      predict: (variables, images) -> (landmarks, confidence, heatmaps), as `step.make_predict` gives.
      variables: parameters and collections, on the mesh.
      batch_size: rounded up to a multiple of the number of devices.
      on_batch: called with the number of faces done, for a progress bar.
    """
    batch_size = -(-batch_size // mesh.size) * mesh.size
    rows: list[dict[str, np.ndarray]] = []
    done = 0
    for batch in batches.once(CropLoader(source, crop), batch_size=batch_size):
        images = sharding.put_batch(batch["image"], mesh)
        landmarks, confidence, _ = predict(variables, images)
        small = {name: batch[name] for name in ("index", "mask", "to_original", "image_size")}
        result = {"landmarks": landmarks, "confidence": confidence, **sharding.put_batch(small, mesh)}
        rows.append(multihost_utils.process_allgather(result, tiled=True))
        done += int(rows[-1]["mask"].sum())
        on_batch(done)
    merged = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    order = merged["index"][merged["mask"] > 0]
    real = {name: np.empty_like(value[: len(order)]) for name, value in merged.items()}
    for name, value in merged.items():
        real[name][order] = value[merged["mask"] > 0]
    original = np.asarray(warp.apply_to_points(real["to_original"], real["landmarks"]))
    return Predictions(original, real["confidence"], real["image_size"])


@dataclasses.dataclass(frozen=True)
class Detector:
    """A trained model, ready to predict."""

    config: FaseConfig
    scheme: LandmarkScheme
    predict: Callable[..., Any]
    variables: Any
    step: int
    mesh: Mesh


def load(directory: str, which: str = "best", **changes: Any) -> Detector:
    """The detector in the work directory of a run.

    Args:
      which: `best` on the validation split, or `last`; a run without validation has only the latter, which is taken.
      changes: fields of the run's config to replace, such as `flip_test`.

    Raises:
      InputError: no run in the directory, or its checkpoint is damaged or of another model.
    """
    config = dataclasses.replace(workdir.read_config(FaseConfig, directory), **changes)
    scheme = sources.scheme(config.data)
    mesh = sharding.make_mesh()
    model = step.build_model(config, scheme)
    checkpoints = checkpoint.Checkpoints(directory)
    which = which if checkpoints.steps(which) else "last"
    shapes = step.shapes(model, config)
    name = "ema" if config.ema_decay else "params"
    like = {name: shapes["params"], "model_state": {n: v for n, v in shapes.items() if n != "params"}}
    place = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding.replicated_sharding(mesh))
    part, done = checkpoints.restore_part(jax.tree.map(place, like), which)
    variables = {"params": part[name], **part["model_state"]}
    return Detector(config, scheme, step.make_predict(model, config, scheme), variables, done, mesh)
