"""Attribute scores of a generator's images: what the commands that edit and that draw lines share."""

import jax
import numpy as np

from common.errors import InputError, nearest
from common.terminal import Progress
from hsr_jax.attributes.build import load_classifier
from hsr_jax.editing.renderer import Renderer
from hsr_jax.gan.gan import synthesis


class Scorer:
    """C(G(w)) of Eq. (4.4), thesis: the logits of a classifier's attributes on the images of latents."""

    def __init__(self, renderer: Renderer, classifier: str):
        """
        Args:
          classifier: see `load_classifier`, whose errors are raised.
        """
        classify, self.names = load_classifier(classifier)
        self._renderer = renderer
        self._program = jax.jit(lambda variables, ws: classify(synthesis(renderer.generator, variables, ws)[0]))

    def __call__(self, ws: np.ndarray, what: str) -> np.ndarray:
        """ws [..., num_ws, w_dim] -> float32 [..., A], under a progress bar called `what`."""
        rows = ws.reshape(-1, *ws.shape[-2:])
        parts, done = [], 0
        with Progress(what, len(rows)) as progress:
            for part in self._renderer.run(self._program, rows):
                parts.append(part)
                done += len(part)
                progress.update(done)
        return np.concatenate(parts).reshape(*ws.shape[:-2], len(self.names))

    def column(self, field: str, name: str) -> int:
        """Place of an attribute in the scores. Raises `InputError` that names the command's field."""
        if name not in self.names:
            hint = nearest(name, self.names)
            raise InputError(f"field {field}: {name or 'empty'} is none of {', '.join(self.names)}{hint}")
        return self.names.index(name)
