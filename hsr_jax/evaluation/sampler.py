"""A generator whose images are numbered, and programs that run over rows in equal batches split over devices.

Products are of full precision: a path of length 1e-4 moves an image by less than what the fast modes of accelerators
round away.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from common.metrics import path_length
from common.nn.stylegan2 import Generator
from common.ops.pixels import stylegan2_ada_uint8
from common.train import sharding

OnBatch = Callable[[int], None]


def silent(count: int) -> None:
    """An `OnBatch` that does nothing."""


class Sampler:
    """A generator whose images are numbered: image i is of the latent i of a seed, whatever the batch size, the number
    of devices or the model, so that two models can be compared image by image. Line i goes from it to another latent.

    With the stored noise (`on_line`, `frames`) that is all an image depends on. Where `measures` draws noise, its key
    is of the batch: fine detail of image i depends on the batch size then, so two models are measured with the same.

    No truncation, as in the thesis (Sec. 4.2.1).
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
          variables: of the generator; copied to the devices.
          batch_size: of all devices together; rounded up to a multiple of their number.
          labels: [M, c_dim], float32, of a conditional generator; image i has one of these, drawn by the seed.
        """
        if bool(generator.c_dim) != (labels is not None):
            raise ValueError("labels are for conditional generators, which need them")
        self.generator, self.mesh, self.seed = generator, mesh, seed
        self.variables = sharding.put_replicated(variables, mesh)
        self.batch_size = -(-batch_size // mesh.size) * mesh.size
        self._labels = np.zeros((1, 0), np.float32) if labels is None else labels

    def latents(self, index: Array) -> tuple[Array, Array]:
        """Both ends of lines: int32 [B] -> z0, z1 [B, z_dim]."""
        key = jax.random.key(self.seed)
        draw = lambda i: jax.random.normal(jax.random.fold_in(key, i), (2, self.generator.z_dim))
        return tuple(jnp.moveaxis(jax.vmap(draw)(index), 1, 0))

    def map(self, variables: Any, z: Array, c: Array) -> Array:
        """ws [B, num_ws, w_dim]."""
        c = c if self.generator.c_dim else None
        return self.generator.apply(variables, z, c, method=lambda g, *a: g.mapping(*a)[0])

    def synthesize(
        self, variables: Any, ws: Array, noise: Array | None = None, float32: bool = False
    ) -> tuple[Array, dict[str, Array]]:
        """Images and features. `noise` is a key, by which each image of the batch gets maps of its own, the same ones
        in another call of the same batch size; the stored maps, one for all, are taken without a key."""
        generator = self.generator.clone(dtype=jnp.float32) if float32 else self.generator
        mode, rngs = ("const", {}) if noise is None else ("random", {"noise": noise})
        return generator.apply(
            variables, ws, noise_mode=mode, rngs=rngs, method=lambda g, *a, **k: g.synthesis(*a, **k)
        )

    def on_line(self, variables: Any, index: Array, t: Array, c: Array) -> tuple[Array, dict[str, Array]]:
        """Images [B, R, R, 3] and features at the place t [B] of line `index` [B] in W (Eq. 4.3, thesis), with the
        stored noise: what changes along a line is the latent alone."""
        ws0, ws1 = (self.map(variables, z, c) for z in self.latents(index))
        return self.synthesize(variables, path_length.lerp(ws0, ws1, t))

    def frames(self, index: np.ndarray, t: np.ndarray) -> dict[int, np.ndarray]:
        """Pictures uint8 [N, r, r, 3] at places [N] of lines [N], as they are at each resolution r: what the RGB layers
        up to there add up to (Fig. 4.8, thesis). The last are the images."""
        return gathered(self.over(self._frames, self.rows(index, t)))

    @functools.cached_property
    def _frames(self) -> Callable[..., dict[int, Array]]:
        def frames(variables, index, c, t):
            _, features = self.on_line(variables, index, t, c)
            sides = [int(name[1:-4]) for name in features if name.endswith(".img")]
            return {side: stylegan2_ada_uint8(features[f"b{side}.img"]) for side in sorted(sides)}

        return compiled(frames, self.mesh)

    def rows(self, index: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
        """Arguments of a program, [N, ...] each: the numbers of images or lines, their labels, and others."""
        drawn = np.random.default_rng(self.seed).integers(len(self._labels), size=int(np.max(index)) + 1)
        return np.asarray(index, np.int32), self._labels[drawn[index]], *(np.asarray(x, np.float32) for x in others)

    def over(self, program: Callable[..., Any], rows: tuple[np.ndarray, ...], *networks: Any):
        """`in_batches` of a program whose first arguments are the variables of the generator and of networks."""
        return in_batches(program, (self.variables, *networks), rows, self.mesh, self.batch_size)


def compiled(function: Callable[..., Any], mesh: Mesh) -> Callable[..., Any]:
    """Compiles a function whose results are rows [B, ...], which are left split over the devices."""

    def precise(*arguments):
        with jax.default_matmul_precision("highest"):
            return function(*arguments)

    return jax.jit(precise, out_shardings=sharding.batch_sharding(mesh))


def in_batches(
    program: Callable[..., Any], constants: tuple[Any, ...], rows: tuple[np.ndarray, ...], mesh: Mesh, batch_size: int
) -> Iterator[tuple[Any, Array]]:
    """Results of a compiled function for rows [N, ...], with valid [B]: the last batch is filled up with its last row.

    Args:
      constants: the first arguments, on all devices.
      rows: the other arguments, the same on all processes.
      batch_size: a multiple of the number of devices.
    """
    total, split = len(rows[0]), sharding.batch_sharding(mesh)
    put = lambda x: jax.make_array_from_callback(x.shape, split, lambda part: x[part])

    def batches() -> Iterator[tuple[Any, Array]]:
        for start in range(0, total, batch_size):
            index = np.arange(start, start + batch_size)
            taken = np.minimum(index, total - 1)
            yield program(*constants, *(put(x[taken]) for x in rows)), put((index < total).astype(np.float32))

    return ahead(batches())


def gathered(batches: Iterator[tuple[Any, Array]], on_batch: OnBatch = silent) -> Any:
    """The valid rows of all batches, concatenated on the host of every process."""
    parts, done = [], 0
    for results, valid in batches:
        local, counts = multihost_utils.process_allgather((results, valid), tiled=True)
        parts.append(jax.tree.map(lambda x, counts=counts: x[counts > 0], local))
        done += int(counts.sum())
        on_batch(done)
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def ahead(batches: Iterator[Any]) -> Iterator[Any]:
    """The same items, each given out when the next one has been started: the devices do not wait for the host."""
    before = None
    for item in batches:
        if before is not None:
            yield before
        before = item
    if before is not None:
        yield before
