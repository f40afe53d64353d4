"""A trained landmark detector, and its predictions for every face of a source."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import Mesh

from common.data.faces.crop import Crop
from common.data.faces.pipeline import CropLoader
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.source import Source
from common.ops import warp
from common.train import checkpoint, inference, sharding, workdir
from common.train.inference import OnBatch, silent
from fase_jax import sources, step
from fase_jax.config import FaseConfig

Which = Literal["best", "last"]
"""The best checkpoint on the validation split, or the last one."""


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Row i belongs to row i of the source."""

    landmarks: np.ndarray
    """float32 [N, K, 2], pixels of the original images."""
    confidence: np.ndarray
    """float32 [N, K], the highest value of each heatmap."""
    image_size: np.ndarray
    """float32 [N, 2], width and height of the original images."""


@dataclasses.dataclass(frozen=True)
class Detector:
    """A trained model, ready to predict."""

    config: FaseConfig
    scheme: LandmarkScheme
    predict: Callable[..., Any]
    """See `step.make_predict`."""
    variables: Any
    """Parameters and collections, on all devices of the mesh."""
    step: int
    """Number of training steps at the checkpoint."""
    mesh: Mesh

    def __call__(self, source: Source, crop: Crop, batch_size: int, on_batch: OnBatch = silent) -> Predictions:
        """Predictions for every face of the source; see `predict_source`."""
        return predict_source(self.predict, self.variables, source, crop, self.mesh, batch_size, on_batch)


def load_detector(directory: str, which: Which = "best", **changes: Any) -> Detector:
    """The detector in the work directory of a run.

    Args:
      which: a run without validation has only its last checkpoints, and "best" then means the last.
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


def predict_source(
    predict: Callable[..., Any],
    variables: Any,
    source: Source,
    crop: Crop,
    mesh: Mesh,
    batch_size: int,
    on_batch: OnBatch = silent,
) -> Predictions:
    """Predictions for every face of a source, computed on all devices of all processes.

    Args:
      predict: (variables, images) -> (landmarks, confidence, heatmaps), see `step.make_predict`.
      variables: parameters and collections, on all devices of the mesh.
      batch_size: faces per batch over all devices; rounded up to a multiple of their number.
      on_batch: called with the number of faces done.
    """

    def program(variables, images, to_original, image_size):
        landmarks, confidence, _ = predict(variables, images)
        return landmarks, confidence, to_original, image_size

    names, size = ("image", "to_original", "image_size"), inference.even_batch_size(batch_size, mesh)
    results = inference.over_loader(program, (variables,), CropLoader(source, crop), names, mesh, size)
    landmarks, confidence, to_original, image_size = inference.gathered(results, on_batch)
    return Predictions(np.asarray(warp.apply_to_points(to_original, landmarks)), confidence, image_size)
