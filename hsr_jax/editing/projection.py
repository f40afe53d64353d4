"""Optimisation of the latents of given images in W or W+ (StyleGAN2, Karras et al. 2020, Appendix D).

The thesis finds the ends of its lines this way (Sec. 4.3.3, "Editability") but publishes no settings. The settings here
are StyleGAN2's, and a pixel term is added. The result of an image does not depend on the other images of its batch.
"""

import dataclasses
from typing import Any, Literal, NamedTuple

import chex
import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array

from common.nn.stylegan2 import Generator, conv_name, num_convs, num_ws
from common.ops.pool import box_downsample
from common.pretrained.perceptual import Perceptual
from hsr_jax.gan.gan import synthesis

Noise = dict[str, Array]
"""Noise maps [B, r, r] by name of the layer, such as 'b8.conv0'; {} stands for the generator's own maps."""
SMALLEST_NOISE = 8
"""Side in pixels of the smallest scale in `noise_regularization`."""


@dataclasses.dataclass(frozen=True)
class ProjectionConfig:
    """Settings of the optimisation."""

    learning_rate: float = 0.1
    """Highest learning rate of Adam."""
    warm_up: float = 0.05
    """Share of the steps in which the learning rate rises from 0."""
    cool_down: float = 0.25
    """Share of the steps in which the learning rate falls to 0 along a cosine."""
    exploration: float = 0.05
    """Standard deviation of the noise on w at the start, in deviations of w."""
    exploration_end: float = 0.75
    """Share of the steps after which there is no noise on w."""
    pixel_weight: float = 1.0
    """Weight of the mean squared difference of pixels, which is added to the perceptual distance; StyleGAN2: 0."""
    optimize_noise: bool = False
    """Whether the noise maps are optimised too, with a regularisation that keeps them noise. The pictures have these
    maps, and latents.npz stores them as noise.*; commands that read latents ignore them with a warning."""
    noise_weight: float = 1e5
    """Weight of the regularisation of the noise maps."""


class Target(NamedTuple):
    """Images to project."""

    images: Array
    """[B, R, R, 3] in [-1, 1]."""
    description: Any
    """Description of the images by the perceptual distance, a pytree."""


class ProjectionState(flax.struct.PyTreeNode):
    """State of the optimisation before step `step`."""

    step: Array
    """int32 [], number of completed steps."""
    latents: Any
    """{'w': [B, 1, w_dim] in W or [B, num_ws, w_dim] in W+, 'noise': Noise}."""
    opt_state: optax.OptState
    """State of Adam."""
    keys: Array
    """[B], typed PRNG keys of the noise on w, one per image; they never change."""


def learning_rate(t: Array, config: ProjectionConfig) -> Array:
    """Learning rate [] after the share `t` [] of all steps."""
    # rate * (1/2 - 1/2 cos(pi min(1, (1 - t) / cool_down))) * min(1, t / warm_up)
    down = 0.5 - 0.5 * jnp.cos(jnp.pi * jnp.minimum(1, (1 - t) / max(config.cool_down, 1e-8)))
    return config.learning_rate * down * jnp.minimum(1, t / max(config.warm_up, 1e-8))


def exploration(t: Array, config: ProjectionConfig) -> Array:
    """Standard deviation [] of the noise on w, in deviations of w, after the share `t` [] of all steps."""
    # e max(0, 1 - t / end)^2
    return config.exploration * jnp.square(jnp.maximum(0, 1 - t / max(config.exploration_end, 1e-8)))


def noise_regularization(noise: Noise) -> Array:
    """Correlation [B] of neighbouring pixels in the noise maps, about 0 for white noise; StyleGAN2, Appendix D."""
    # sum over maps and scales of (mean n(x, y) n(x - 1, y))^2 + (mean n(x, y) n(x, y - 1))^2
    total = 0.0
    for maps in noise.values():
        while True:
            for axis in (1, 2):
                total += jnp.square((maps * jnp.roll(maps, 1, axis)).mean((1, 2)))
            if maps.shape[1] <= SMALLEST_NOISE:
                break
            # Twice the mean of four pixels keeps the variance of white noise at 1.
            maps = 2 * box_downsample(maps[..., None], 2)[..., 0]
    return total


def normalize_noise(noise: Noise) -> Noise:
    """Noise maps that are shifted and scaled to mean 0 and variance 1 each."""

    def normalize(x):
        x = x - x.mean((1, 2), keepdims=True)
        return x * jax.lax.rsqrt(jnp.square(x).mean((1, 2), keepdims=True) + 1e-12)

    return jax.tree.map(normalize, noise)


def moments(w: Array) -> tuple[Array, Array]:
    """Mean [w_dim] of samples w [N, w_dim], and their deviation [], the root mean squared distance from the mean."""
    mean = w.mean(0)
    return mean, jnp.sqrt(jnp.square(w - mean[None]).sum(1).mean())


@dataclasses.dataclass(frozen=True, eq=False)
class Projector:
    """Pure functions of the state of an optimisation."""

    generator: Generator
    """Generator whose latents are optimised."""
    perceptual: Perceptual
    """Perceptual distance between images."""
    config: ProjectionConfig
    """Settings of the optimisation."""
    steps: int
    """Number of steps of the whole optimisation."""
    space: Literal["w", "w+"] = "w"
    """Latent space: one w for all layers, or one w per layer (w+)."""

    @property
    def _adam(self) -> optax.GradientTransformation:
        return optax.adam(lambda step: learning_rate(step / self.steps, self.config))

    def create(self, mean: Array, indices: Array, seed: int = 0) -> ProjectionState:
        """State before the first step, at the mean w.

        Args:
          mean: [w_dim].
          indices: uint32 [B], number of each image; its random draws depend only on this number and the seed.
        """
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(seed), i))(indices)
        rows = 1 if self.space == "w" else num_ws(self.generator.resolution)
        w = jnp.broadcast_to(mean[None, None], (len(keys), rows, *mean.shape))
        latents = {"w": w, "noise": self._draw_noise(keys) if self.config.optimize_noise else {}}
        return ProjectionState(jnp.zeros((), jnp.int32), latents, self._adam.init(latents), keys)

    def ws(self, w: Array) -> Array:
        """Latents for all layers: [B, 1 or num_ws, w_dim] -> [B, num_ws, w_dim]."""
        return jnp.broadcast_to(w, (len(w), num_ws(self.generator.resolution), w.shape[2]))

    def target(self, network: Any, images: Array) -> Target:
        """Target of images [B, R, R, 3] in [-1, 1]; `network` are the variables of the perceptual distance."""
        side = self.generator.resolution
        chex.assert_shape(images, (None, side, side, 3))
        return Target(images, self.perceptual.describe(network, images))

    def advance(
        self, state: ProjectionState, variables: Any, network: Any, target: Target, deviation: Array, steps: int
    ) -> tuple[ProjectionState, Array]:
        """State after `steps` more steps, and the loss [B] before the last of them.

        Args:
          variables: variables of the generator.
          network: variables of the perceptual distance.
          deviation: [], deviation of w, see `moments`.
        """

        def step(state, _):
            shape = state.latents["w"].shape[1:]
            normal = jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, state.step), shape))(state.keys)
            shift = exploration(state.step / self.steps, self.config) * deviation * normal

            def loss(latents):
                shifted = {**latents, "w": latents["w"] + shift}
                _, distance, squares = self.measure(shifted, variables, network, target)
                total = distance + self.config.pixel_weight * squares
                if self.config.optimize_noise:
                    total += self.config.noise_weight * noise_regularization(latents["noise"])
                return total.sum(), total  # a sum, not a mean: the gradient of an image depends on no other image

            gradients, losses = jax.grad(loss, has_aux=True)(state.latents)
            updates, opt_state = self._adam.update(gradients, state.opt_state)
            latents: Any = optax.apply_updates(state.latents, updates)
            latents = {**latents, "noise": normalize_noise(latents["noise"])}
            return state.replace(step=state.step + 1, latents=latents, opt_state=opt_state), losses

        state, losses = jax.lax.scan(step, state, length=steps)
        return state, losses[-1]

    def measure(self, latents: Any, variables: Any, network: Any, target: Target) -> tuple[Array, Array, Array]:
        """Images [B, R, R, 3], their perceptual distances [B] and mean squared differences [B] from the target."""
        images = _synthesize(self.generator, variables, self.ws(latents["w"]), latents["noise"])
        description = self.perceptual.describe(network, images)
        distance = self.perceptual.compare(network, description, target.description)
        return images, distance, jnp.square(images - target.images).mean((1, 2, 3))

    def _draw_noise(self, keys: Array) -> Noise:
        noise = {}
        for i in range(num_convs(self.generator.resolution)):
            side, name = conv_name(i)
            # These numbers exceed every step, so that `advance` folds other numbers into the keys.
            draw = lambda key, i=i, side=side: jax.random.normal(jax.random.fold_in(key, 2**31 + i), (side, side))
            noise[f"b{side}.{name}"] = jax.vmap(draw)(keys)
        return normalize_noise(noise)


def _synthesize(generator: Generator, variables: Any, ws: Array, noise: Noise) -> Array:
    if not noise:
        return synthesis(generator, variables, ws)[0]

    def synthesize_image(ws, noise):
        return synthesis(generator, _with_noise(variables, noise), ws[None])[0][0]

    return jax.vmap(synthesize_image)(ws, noise)


def _with_noise(variables: Any, noise: Noise) -> Any:
    """Variables of the generator, with its noise maps replaced by `noise` [r, r]."""
    layers: dict[str, Any] = {}
    for layer, maps in noise.items():
        block, name = layer.split(".")
        layers.setdefault(block, {})[name] = {"noise_const": maps}
    return {**variables, "stats": {**variables["stats"], "synthesis": layers}}


def chunk(steps: int, most: int = 25) -> int:
    """Largest divisor of `steps` up to `most`. Calls of `advance` with this number of steps need one compilation."""
    return max(size for size in range(1, most + 1) if steps % size == 0)
