"""Attribute scores of generated images, for the commands that edit attributes and draw lines."""

import numpy as np

from common.errors import InputError, nearest
from common.terminal import Progress
from common.train import inference
from hsr_jax.attributes.build import load_classifier
from hsr_jax.editing.renderer import Renderer
from hsr_jax.gan.gan import synthesis


class Scorer:
    """Attribute logits of generated images, C(G(w)) in Eq. (4.4), thesis, in full float32."""

    def __init__(self, renderer: Renderer, classifier: str):
        """
        Args:
          classifier: work directory of a classifier's run, see `load_classifier` for the errors.
        """
        classify, self.names = load_classifier(classifier)
        self._renderer = renderer
        run = lambda variables, ws: classify(synthesis(renderer.generator, variables, ws)[0])
        self._program = inference.compiled(run, renderer.mesh, precision="highest")

    def __call__(self, ws: np.ndarray, what: str) -> np.ndarray:
        """Scores float32 [..., A] for ws [..., num_ws, w_dim], with a progress bar called `what`."""
        rows = ws.reshape(-1, *ws.shape[-2:])
        with Progress(what, len(rows)) as progress:
            scores = inference.gathered(self._renderer.over(self._program, rows), progress.update)
        return scores.reshape(*ws.shape[:-2], len(self.names))

    def column(self, field: str, name: str) -> int:
        """Index of an attribute in the scores. Raises `InputError` that names `field` if there is no such attribute."""
        if name not in self.names:
            hint = nearest(name, self.names)
            raise InputError(f"field {field}: {name or 'empty'} is not one of {', '.join(self.names)}{hint}")
        return self.names.index(name)
