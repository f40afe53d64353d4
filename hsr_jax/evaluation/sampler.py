"""A generator whose images and lines are numbered, so that two models can be compared image by image."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from common.metrics import path_length
from common.nn.stylegan2 import Generator
from common.ops.pixels import stylegan2_ada_uint8
from common.train import inference, sharding


class Sampler:
    """Image i has the i-th latent of a seed, for any batch size, number of devices and model; line i leads from that
    latent to another one.

    With the stored noise (`on_line`, `frames`) an image depends on nothing else. Where `measures` draws noise, the key
    belongs to the batch, so the fine detail of image i depends on the batch size: measure two models with the same one.

    Latents are not truncated (Sec. 4.2.1, thesis).
    """

    def __init__(
        self,
        generator: Generator,
        variables: Any,
        mesh: Mesh,
        *,
        seed: int = 0,
        batch_size: int = 32,
        labels: np.ndarray | None = None,
    ):
        """
        Args:
          variables: those of the generator; they are copied to all devices.
          batch_size: images per batch over all devices; rounded up to a multiple of their number.
          labels: [M, c_dim], float32, for a conditional generator; each image gets one of them, drawn by the seed.
        """
        if bool(generator.c_dim) != (labels is not None):
            raise ValueError("labels are for conditional generators, which need them")
        self.generator, self.mesh, self.seed = generator, mesh, seed
        self.variables = sharding.put_replicated(variables, mesh)
        self.batch_size = inference.even_batch_size(batch_size, mesh)
        self._labels = np.zeros((1, 0), np.float32) if labels is None else labels

    def latents(self, index: Array) -> tuple[Array, Array]:
        """Both ends of the lines with these numbers: int32 [B] -> z0, z1 [B, z_dim]."""
        key = jax.random.key(self.seed)
        draw = lambda i: jax.random.normal(jax.random.fold_in(key, i), (2, self.generator.z_dim))
        return tuple(jnp.moveaxis(jax.vmap(draw)(index), 1, 0))

    def map(self, variables: Any, z: Array, c: Array) -> Array:
        """Latents [B, z_dim] and labels [B, c_dim] -> ws [B, num_ws, w_dim]."""
        labels = c if self.generator.c_dim else None
        return self.generator.apply(variables, z, labels, method=lambda g, *a: g.mapping(*a)[0])

    def synthesize(
        self, variables: Any, ws: Array, noise: Array | None = None, float32: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        """Images and features of ws.

        Args:
          noise: PRNG key from which each image of the batch gets noise maps of its own; a second call with the same key
            and batch size gives the same maps. All images get the stored maps without a key.
          float32: whether to compute in float32 where the generator's own type is another.
        """
        generator = self.generator.clone(dtype=jnp.float32) if float32 else self.generator
        mode, rngs = ("const", {}) if noise is None else ("random", {"noise": noise})
        return generator.apply(
            variables, ws, noise_mode=mode, rngs=rngs, method=lambda g, *a, **k: g.synthesis(*a, **k)
        )

    def on_line(self, variables: Any, index: Array, t: Array, c: Array) -> tuple[Array, dict[str, Array]]:
        """Images [B, R, R, 3] and features at the places t [B] of the lines `index` [B] in W (Eq. 4.3, thesis).

        The noise is the stored one, so that along a line only the latent changes.
        """
        ws0, ws1 = (self.map(variables, z, c) for z in self.latents(index))
        return self.synthesize(variables, path_length.lerp(ws0, ws1, t))

    def frames(self, index: np.ndarray, t: np.ndarray) -> dict[int, np.ndarray]:
        """`rgb_outputs` at the places t [N] of the lines `index` [N], uint8 [N, r, r, 3] for each resolution r."""
        return inference.gathered(self.over(self._frames, self.rows(index, t)))

    def images(self, index: np.ndarray, t: np.ndarray) -> np.ndarray:
        """The finished images of `frames`, uint8 [N, R, R, 3]."""
        return self.frames(index, t)[self.generator.resolution]

    @functools.cached_property
    def _frames(self) -> Callable[..., dict[int, Array]]:
        run = lambda variables, index, c, t: rgb_outputs(self.on_line(variables, index, t, c)[1])
        return inference.compiled(run, self.mesh, precision="highest")

    def rows(self, index: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
        """Arguments [N, ...] for a program: the numbers of images or lines, their labels, and others as float32."""
        drawn = np.random.default_rng(self.seed).integers(len(self._labels), size=int(np.max(index)) + 1)
        return np.asarray(index, np.int32), self._labels[drawn[index]], *(np.asarray(x, np.float32) for x in others)

    def over(self, program: Callable[..., Any], rows: tuple[np.ndarray, ...], *networks: Any) -> inference.Batches:
        """Results of `program(variables, *networks, *rows)`; see `inference.over_rows`."""
        return inference.over_rows(program, (self.variables, *networks), rows, self.mesh, self.batch_size)


def rgb_outputs(features: dict[str, Array]) -> dict[int, Array]:
    """The generator's images at each resolution r, the sum of the RGB outputs of its layers up to there (Fig. 4.8,
    thesis): features -> uint8 [B, r, r, 3] by resolution, ascending. The last ones are the finished images."""
    sides = sorted(int(name[1:-4]) for name in features if name.endswith(".img"))
    return {side: stylegan2_ada_uint8(features[f"b{side}.img"]) for side in sides}
