"""Generator with numbered images and lines, so that two models can be compared image by image."""

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
from hsr_jax.gan.gan import synthesis


class Sampler:
    """Generator whose images and lines have numbers.

    The latent of image i depends only on i and the seed, not on the batch size, the number of devices or the model.
    Line i starts at the latent of image i and ends at another latent. Latents are not truncated (Sec. 4.2.1, thesis).

    Images of `on_line` and `frames` have the stored noise and depend on nothing else. `measures` draws noise from one
    key per batch, so the fine detail of image i depends on the batch size there: compare two models with the same batch
    size.
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
          variables: variables of the generator; they are copied to all devices.
          batch_size: number of images per batch over all devices; rounded up to a multiple of the number of devices.
          labels: [M, c_dim], float32, for a conditional generator; each image gets one of them, drawn with the seed.

        Raises:
          ValueError: a conditional generator without labels, or labels for an unconditional one.
        """
        if bool(generator.c_dim) != (labels is not None):
            raise ValueError("a conditional generator needs labels, an unconditional one takes none")
        self.generator, self.mesh, self.seed = generator, mesh, seed
        self.variables = sharding.put_replicated(variables, mesh)
        self.batch_size = inference.even_batch_size(batch_size, mesh)
        self._labels = np.zeros((1, 0), np.float32) if labels is None else labels

    def latents(self, index: Array) -> tuple[Array, Array]:
        """Latents z0 and z1 [B, z_dim] at both ends of the lines with the numbers `index`, int32 [B]."""
        key = jax.random.key(self.seed)
        draw = lambda i: jax.random.normal(jax.random.fold_in(key, i), (2, self.generator.z_dim))
        return tuple(jnp.moveaxis(jax.vmap(draw)(index), 1, 0))

    def map(self, variables: Any, z: Array, c: Array) -> Array:
        """Latents ws [B, num_ws, w_dim] of z [B, z_dim] and labels [B, c_dim]."""
        labels = c if self.generator.c_dim else None
        return self.generator.apply(variables, z, labels, method=lambda g, *a: g.mapping(*a)[0])

    def on_line(self, variables: Any, index: Array, t: Array, c: Array) -> tuple[Array, dict[str, Array]]:
        """Images [B, R, R, 3] and features at the positions t [B] of the lines `index` [B] in W (Eq. 4.3, thesis).

        They have the stored noise, so that only the latent changes along a line.
        """
        ws0, ws1 = (self.map(variables, z, c) for z in self.latents(index))
        return synthesis(self.generator, variables, path_length.lerp(ws0, ws1, t))

    def frames(self, index: np.ndarray, t: np.ndarray) -> dict[int, np.ndarray]:
        """`rgb_outputs` at the positions t [N] of the lines `index` [N], uint8 [N, r, r, 3] by resolution r."""
        return inference.gathered(self.over(self._frames, self.rows(index, t)))

    def images(self, index: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Images uint8 [N, R, R, 3] at the positions t [N] of the lines `index` [N]."""
        return self.frames(index, t)[self.generator.resolution]

    @functools.cached_property
    def _frames(self) -> Callable[..., dict[int, Array]]:
        run = lambda variables, index, c, t: rgb_outputs(self.on_line(variables, index, t, c)[1])
        return inference.compiled(run, self.mesh, precision="highest")

    def rows(self, index: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
        """Arguments [N, ...] of a program: the numbers `index` of images or lines, their labels, and `others` as
        float32."""
        drawn = np.random.default_rng(self.seed).integers(len(self._labels), size=int(np.max(index)) + 1)
        return np.asarray(index, np.int32), self._labels[drawn[index]], *(np.asarray(x, np.float32) for x in others)

    def over(self, program: Callable[..., Any], rows: tuple[np.ndarray, ...], *networks: Any) -> inference.Batches:
        """Results of `program(variables, *networks, *rows)`; see `inference.over_rows`."""
        return inference.over_rows(program, (self.variables, *networks), rows, self.mesh, self.batch_size)


def rgb_outputs(features: dict[str, Array]) -> dict[int, Array]:
    """Images uint8 [B, r, r, 3] by resolution r, ascending, from the generator's features (Fig. 4.8, thesis).

    An image at resolution r is the sum of the RGB outputs of all layers up to r; the last one is the final image.
    """
    sides = sorted(int(name[1:-4]) for name in features if name.endswith(".img"))
    return {side: stylegan2_ada_uint8(features[f"b{side}.img"]) for side in sides}
