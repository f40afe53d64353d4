"""A trained landmark detector, and the landmarks that it predicts for all faces of a source."""

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
from fase_jax.config import FaseConfig, check

Which = Literal["best", "last"]
"""Choice of a checkpoint: the one with the lowest error on the validation faces, or the last one."""


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Predictions for N faces; row i belongs to face i of the source."""

    landmarks: np.ndarray
    """Landmarks float32 [N, K, 2] in pixels of the original images."""
    confidence: np.ndarray
    """Highest value per heatmap, float32 [N, K]."""
    image_size: np.ndarray
    """Width and height of the original images in pixels, float32 [N, 2]."""


@dataclasses.dataclass(frozen=True)
class Detector:
    """A model with its variables, ready to predict."""

    config: FaseConfig
    scheme: LandmarkScheme
    predict: Callable[..., Any]
    """Compiled function of `step.make_predict`."""
    variables: Any
    """Parameters and other collections of the model, on all devices of the mesh."""
    step: int
    """Number of training steps before the checkpoint."""
    mesh: Mesh

    def __call__(self, source: Source, crop: Crop, batch_size: int, on_batch: OnBatch = silent) -> Predictions:
        """Predicts the landmarks of every face of a source, on all devices of all processes.

        Args:
          source: faces.
          crop: rule that cuts the faces out.
          batch_size: number of faces per batch over all devices; rounded up to a multiple of the number of devices.
          on_batch: called after each batch with the number of faces done.
        """

        def program(variables, images, to_original, image_size):
            landmarks, confidence, _ = self.predict(variables, images)
            return landmarks, confidence, to_original, image_size

        names, size = ("image", "to_original", "image_size"), inference.even_batch_size(batch_size, self.mesh)
        results = inference.over_loader(program, (self.variables,), CropLoader(source, crop), names, self.mesh, size)
        landmarks, confidence, to_original, image_size = inference.gathered(results, on_batch)
        return Predictions(np.asarray(warp.apply_to_points(to_original, landmarks)), confidence, image_size)


def load_detector(directory: str, which: Which = "best", **changes: Any) -> Detector:
    """Loads the detector from the work directory of a run.

    Args:
      which: checkpoint to load; a run without validation faces has no best one, so that its last one is loaded.
      changes: fields of the run's config to replace, such as `flip_test`.

    Raises:
      InputError: no run in the directory, a damaged checkpoint or one of another model, changes that do not fit.
    """
    config = dataclasses.replace(workdir.read_config(FaseConfig, directory), **changes)
    check(config)
    scheme = sources.scheme(config.data)
    mesh = sharding.make_mesh()
    model = step.build_model(config, scheme)
    checkpoints = checkpoint.Checkpoints(directory)
    which = which if checkpoints.steps(which) else "last"
    shapes = step.shapes(model, config)
    weights = "ema" if config.ema_decay else "params"
    wanted = {weights: shapes.pop("params"), "model_state": shapes}
    place = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding.replicated_sharding(mesh))
    state, steps_done = checkpoints.restore_part(jax.tree.map(place, wanted), which)
    variables = {"params": state[weights], **state["model_state"]}
    return Detector(config, scheme, step.make_predict(model, config, scheme), variables, steps_done, mesh)
