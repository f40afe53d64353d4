"""Latents and images of a trained generator, for the commands that generate and edit images."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from common.errors import InputError
from common.nn.stylegan2 import num_ws
from common.ops.pixels import stylegan2_ada_uint8
from common.terminal import Progress
from common.train import inference, sharding
from hsr_jax import snapshot
from hsr_jax.editing import latent_files
from hsr_jax.editing.options import ImageOptions
from hsr_jax.evaluation.sampler import rgb_outputs
from hsr_jax.gan.gan import mapping, synthesis

MAPPING_BATCH = 64
"""Number of latents per device that are mapped at once."""


class Renderer:
    """Generator of a snapshot on all devices of this process. Batches have one size, so a program compiles once."""

    def __init__(self, path: str, batch_size: int):
        """
        Args:
          path: see `snapshot.load`.
          batch_size: rounded up to a multiple of the number of devices.

        Raises:
          InputError: see `snapshot.load`; the batch size is less than 1, or the generator's images are not RGB.
        """
        if batch_size < 1:
            raise InputError(f"field batch_size: {batch_size} is less than 1; take at least 1")
        self.generator, variables = snapshot.load(path)
        if self.generator.img_channels != 3:
            raise InputError(f"{path}: its images have {self.generator.img_channels} channels; name one of RGB images")
        self.path, self.mesh = path, sharding.make_mesh(jax.local_devices())
        self.batch_size = inference.even_batch_size(batch_size, self.mesh)
        self.variables = sharding.put_replicated(variables, self.mesh)
        g = self.generator
        compiled = functools.partial(inference.compiled, mesh=self.mesh, precision=None)
        self._mapping = compiled(lambda variables, z, c, psi: mapping(g, variables, z, c, psi[0]))
        self._images = compiled(lambda variables, ws: stylegan2_ada_uint8(synthesis(g, variables, ws)[0]))
        self._resolutions = compiled(lambda variables, ws: rgb_outputs(synthesis(g, variables, ws)[1]))

    def over(self, program: Callable[..., Any], *rows: np.ndarray, batch_size: int | None = None) -> inference.Batches:
        """Results of `program(variables, *rows)`; see `inference.over_rows`."""
        return inference.over_rows(program, (self.variables,), rows, self.mesh, batch_size or self.batch_size)

    def latents(self, seeds: Sequence[int], psi: float = 1.0, label: int | None = None) -> np.ndarray:
        """Latents ws [N, num_ws, w_dim] for N seeds, a read-only view; all rows of a latent are the same w.

        Args:
          seeds: seeds of z, which is the same as in StyleGAN2-ADA for the same seed.
          psi: truncation, a factor of the distance from the mean w.
          label: class, for a conditional generator.
        """
        g, wrong = self.generator, [seed for seed in seeds if not 0 <= seed < 2**32]
        if wrong:
            raise InputError(f"field seeds: {wrong[0]} is out of range; take 0 to {2**32 - 1}")
        z = np.stack([np.random.RandomState(seed).randn(g.z_dim) for seed in seeds]).astype(np.float32)
        rows = z, self._labels(label, len(z)), np.full(len(z), psi, np.float32)
        w = inference.gathered(self.over(self._mapping, *rows, batch_size=MAPPING_BATCH * self.mesh.size))
        return np.broadcast_to(w[:, None], (len(w), num_ws(g.resolution), g.w_dim))

    def images(self, ws: np.ndarray) -> Iterator[np.ndarray]:
        """Images of ws [N, num_ws, w_dim], as uint8 batches [b, R, R, 3]."""
        for images, index in self.over(self._images, ws):
            yield inference.on_host(images, index)

    def resolutions(self, ws: np.ndarray) -> dict[int, np.ndarray]:
        """`rgb_outputs` of ws [N, num_ws, w_dim], uint8 [N, r, r, 3] by resolution r."""
        return inference.gathered(self.over(self._resolutions, ws))

    def render(self, ws: np.ndarray, what: str) -> list[np.ndarray]:
        """Images of ws [N, num_ws, w_dim], uint8 [R, R, 3] each, with a progress bar called `what`."""
        images: list[np.ndarray] = []
        with Progress(what, len(ws)) as progress:
            for batch in self.images(ws):
                images += list(batch)
                progress.update(len(images))
        return images

    def choose(self, options: ImageOptions) -> tuple[np.ndarray, list[str]]:
        """Latents ws [N, num_ws, w_dim] of the images that the options select, and one name per image."""
        given = [name for name in ("seeds", "count", "latents") if getattr(options, name)]
        if len(given) != 1:
            raise InputError(f"fields seeds, count, latents: {' and '.join(given) or 'none'} given; give exactly one")
        if options.latents:
            ws = latent_files.load_latents(options.latents, self.generator)
            return ws, [f"latent{i:05d}" for i in range(len(ws))]
        if options.count < 0:
            raise InputError(f"field count: {options.count} is negative; take at least 1")
        seeds = options.seeds or range(options.count)
        return self.latents(seeds, options.psi, options.label), [f"seed{seed:05d}" for seed in seeds]

    def _labels(self, label: int | None, count: int) -> np.ndarray:
        """Labels [count, c_dim], one-hot."""
        classes = self.generator.c_dim
        if (label is None) != (classes == 0) or (label is not None and not 0 <= label < classes):
            wanted = f"takes a class from 0 to {classes - 1}" if classes else "has no classes"
            raise InputError(f"field label: {label} does not fit; the generator of {self.path} {wanted}")
        return np.tile(np.arange(classes) == label, (count, 1)).astype(np.float32)
