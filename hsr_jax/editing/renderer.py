"""Chosen latents of a trained generator, and their images: what the editing commands share."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from common.errors import InputError
from common.nn.stylegan2 import num_ws
from common.ops.pixels import stylegan2_ada_uint8
from common.terminal import Progress
from common.train import sharding
from hsr_jax import snapshot
from hsr_jax.editing import latent_files
from hsr_jax.evaluation.sampler import in_batches
from hsr_jax.gan.gan import mapping, synthesis

MAPPING_BATCH = 64
"""Latents that a device maps at once; they are small."""


class Renderer:
    """The generator of a snapshot on all devices of this process. Batches are of one size: each part compiles once."""

    def __init__(self, path: str, batch_size: int):
        """
        Args:
          path: see `snapshot.load`.
          batch_size: rounded up to a multiple of the number of devices.

        Raises:
          InputError: as `snapshot.load`; a batch size below 1; a generator of other than RGB images.
        """
        if batch_size < 1:
            raise InputError(f"field batch_size: {batch_size} is not positive")
        self.generator, variables = snapshot.load(path)
        if self.generator.img_channels != 3:
            raise InputError(f"{path}: generates {self.generator.img_channels} channels, not red, green and blue")
        self.path, self.mesh = path, sharding.make_mesh(jax.local_devices())
        self.batch_size = -(-batch_size // self.mesh.size) * self.mesh.size
        self.variables = sharding.put_replicated(variables, self.mesh)
        g = self.generator
        self._mapping = jax.jit(lambda variables, z, c, psi: mapping(g, variables, z, c if g.c_dim else None, psi[0]))
        self._images = jax.jit(lambda variables, ws: stylegan2_ada_uint8(synthesis(g, variables, ws)[0]))

    def run(self, program: Callable[..., Any], *rows: np.ndarray, batch_size: int | None = None) -> Iterator[Any]:
        """Results of a compiled (variables, *rows) -> pytree of [B, ...], a batch at a time, as numpy arrays.

        What is done with a result costs the devices nothing: the next batch has been started by then.
        """
        batch_size = batch_size or self.batch_size
        for results, valid in in_batches(program, (self.variables,), rows, self.mesh, batch_size):
            kept = np.asarray(valid) > 0
            yield jax.tree.map(lambda x, kept=kept: np.asarray(x)[kept], results)

    def latents(self, seeds: Sequence[int], psi: float = 1.0, label: int | None = None) -> np.ndarray:
        """ws of one image a seed, [N, num_ws, w_dim], a read-only view in which all rows of a latent are the same one.

        A seed's z is that of StyleGAN2-ADA. `label` is the class of a conditional generator.
        """
        g, wrong = self.generator, [seed for seed in seeds if not 0 <= seed < 2**32]
        if wrong:
            raise InputError(f"field seeds: {wrong[0]} is not from 0 to {2**32 - 1}")
        z = np.stack([np.random.RandomState(seed).randn(g.z_dim) for seed in seeds]).astype(np.float32)
        c, psis = self._labels(label, len(z)), np.full(len(z), psi, np.float32)
        size = MAPPING_BATCH * self.mesh.size
        w = np.concatenate(list(self.run(self._mapping, z, c, psis, batch_size=size)))
        return np.broadcast_to(w[:, None], (len(w), num_ws(g.resolution), g.w_dim))

    def images(self, ws: np.ndarray) -> Iterator[np.ndarray]:
        """ws [N, num_ws, w_dim] -> uint8 [b, R, R, 3], a batch at a time."""
        return self.run(self._images, ws)

    def render(self, ws: np.ndarray, what: str) -> list[np.ndarray]:
        """All images, uint8 [R, R, 3] each, under a progress bar called `what`."""
        images: list[np.ndarray] = []
        with Progress(what, len(ws)) as progress:
            for batch in self.images(ws):
                images += list(batch)
                progress.update(len(images))
        return images

    def choose(
        self, seeds: Sequence[int], count: int, latents: str, psi: float, label: int | None
    ) -> tuple[np.ndarray, list[str]]:
        """ws and a name for each: by `seeds`, of seeds 0 .. count - 1, or of a file of latents; one of the three."""
        given = [name for name, value in (("seeds", seeds), ("count", count), ("latents", latents)) if value]
        if len(given) != 1:
            raise InputError(f"fields seeds, count, latents: {' and '.join(given) or 'none'} given; give one of them")
        if latents:
            ws = latent_files.load_latents(latents, self.generator)
            return ws, [f"latent{i:05d}" for i in range(len(ws))]
        if count < 0:
            raise InputError(f"field count: {count} is not positive")
        seeds = seeds or range(count)
        return self.latents(seeds, psi, label), [f"seed{seed:05d}" for seed in seeds]

    def _labels(self, label: int | None, count: int) -> np.ndarray:
        """[count, c_dim], one-hot."""
        classes = self.generator.c_dim
        if (label is None) != (classes == 0) or (label is not None and not 0 <= label < classes):
            wanted = f"takes a class from 0 to {classes - 1}" if classes else "has no classes"
            raise InputError(f"field label: {label}, but the generator of {self.path} {wanted}")
        return np.tile(np.arange(classes) == label, (count, 1)).astype(np.float32)
