"""Augmentation of annotated faces: one pure function of a key and a batch (Sec. 4.3, FASE)."""

import dataclasses
import math

import chex
import dm_pix
import jax
import jax.numpy as jnp
from jax import Array

from common.ops import warp
from common.ops.blur import gaussian_blur


@dataclasses.dataclass(frozen=True)
class LandmarkAugmentation:
    """Augmentation of Sec. 4.3, FASE. Every image draws its own values, and all draws are independent."""

    mirror: float = 0.5
    """Probability of a left-right mirror, with the landmarks renamed (the paper's "vertical flip" of 50 %)."""
    upside_down: float = 0.0
    """Probability of a top-bottom flip, with the landmarks renamed; the other reading of "vertical flip"."""
    rotation: float = 30.0
    """Largest rotation about the centre in either direction, degrees; uniform."""
    translation: float = 0.04
    """Largest shift in either direction along each axis, as a fraction of the side; uniform."""
    scaling: float = 0.05
    """Largest relative change s of the size; the factor is uniform in [1 - s, 1 + s]."""
    occlusion: float = 0.5
    """Probability of a rectangle painted over the image (RandomErasing with PyTorch's defaults)."""
    occlusion_area: tuple[float, float] = (0.02, 0.33)
    """Area of the rectangle as a fraction of the image; uniform."""
    occlusion_aspect: tuple[float, float] = (0.3, 3.3)
    """Height over width of the rectangle; log-uniform."""
    occlusion_value: float = 0.0
    """Pixel value of the rectangle in [-1, 1]; PyTorch's default of 0 is mid-grey in this range."""
    blur: float = 0.2
    """Probability of a Gaussian blur."""
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    """Range of the blur's sigma, in pixels of a 256 px image and scaled to other sizes; uniform. Our choice."""
    brightness: float = 0.45
    """Probability of a change of brightness."""
    brightness_factor: tuple[float, float] = (0.2, 1.8)
    """Range of the factor on pixels in [0, 1] (the paper's -+80 %); uniform."""
    contrast: float = 0.45
    """Probability of a change of contrast."""
    contrast_factor: tuple[float, float] = (0.3, 2.0)
    """Range of the factor on the distance of a pixel in [0, 1] from its channel's mean (30 to 200 %); uniform."""


def augment(
    key: Array,
    images: Array,
    landmarks: Array,
    visible: Array,
    config: LandmarkAugmentation,
    mirror: tuple[int, ...],
    size: int,
    fill: float = -1.0,
) -> tuple[Array, Array, Array]:
    """Draws and applies the augmentation. Pixels and landmarks are transformed by the same matrix.

    Compile it with `static_argnames=("config", "mirror", "size")`.

    Args:
      key: one PRNG key for the batch; image i uses row i of its split.
      images: [B, S, S, 3], float32 in [-1, 1]. With S > `size` the corners of a rotated image show real pixels.
      landmarks: [B, K, 2], float32, pixels of `images`.
      visible: [B, K], float32, 1 where a landmark is known, otherwise 0.
      config: probabilities and ranges.
      mirror: K indices; landmark i of a mirrored face is landmark `mirror[i]` of the original. Unused without flips.
      size: side of the output, pixels. Without any change the output is the central part of the input (exactly if
        S - size is even).
      fill: value in [-1, 1] outside the input; -1 is black.

    Returns:
      images [B, size, size, 3]; landmarks [B, K, 2] in pixels of these images; visible [B, K], now also 0 for landmarks
      that left the image. An occluded landmark stays visible, because the model shall find it.
    """
    batch, side, _, _ = images.shape
    chex.assert_shape(images, (batch, side, side, 3))
    flipping = config.mirror > 0 or config.upside_down > 0
    chex.assert_shape(landmarks, (batch, len(mirror) if flipping else landmarks.shape[1], 2))
    chex.assert_shape(visible, landmarks.shape[:2])
    # A single draw for everything, because each call of the generator takes compile time.
    uniform = jax.vmap(lambda k: jax.random.uniform(k, (6 + 6 + 23,)))(jax.random.split(key, batch))
    geometry, colour, occlusion = jnp.split(uniform, (6, 12), axis=1)
    matrix, flipped = _geometry(geometry, config, side, size)
    images = warp.sample(images, warp.invert(matrix), size, fill)
    landmarks = warp.apply_to_points(matrix, landmarks)
    if flipping:
        landmarks, visible = rename(landmarks, visible, flipped, mirror)
    inside = ((landmarks >= -0.5) & (landmarks < size - 0.5)).all(-1)
    images = _recolour(images, colour, config)
    # RandomErasing works on normalised images, so it comes last and its rectangle keeps its value.
    images = _occlude(images, occlusion, config)
    return images, landmarks, visible * inside.astype(visible.dtype)


def rename(landmarks: Array, visible: Array, flipped: Array, mirror: tuple[int, ...]) -> tuple[Array, Array]:
    """Landmarks [B, K, 2] and visible [B, K], reordered where `flipped` [B]: the left eye becomes the right one."""
    order = jnp.asarray(mirror)
    return (
        jnp.where(flipped[:, None, None], landmarks[:, order], landmarks),
        jnp.where(flipped[:, None], visible[:, order], visible),
    )


def _geometry(uniform: Array, config: LandmarkAugmentation, side: int, size: int) -> tuple[Array, Array]:
    """Matrix [B, 2, 3], input -> output, and whether it swaps left and right [B]. `uniform` is [B, 6] in [0, 1)."""
    flips = uniform[:, :2] < jnp.array([[config.mirror, config.upside_down]])
    angle = _between(uniform[:, 2], (-config.rotation, config.rotation)) * (math.pi / 180)
    factor = 1 + _between(uniform[:, 3], (-config.scaling, config.scaling))
    translation = size * _between(uniform[:, 4:6], (-config.translation, config.translation))
    scale = factor[:, None] * jnp.where(flips, -1.0, 1.0)
    matrix = warp.rotation_scale_translation(angle, scale, translation, (side - 1) / 2, (size - 1) / 2)
    return matrix, flips[:, 0] ^ flips[:, 1]


def _recolour(images: Array, uniform: Array, config: LandmarkAugmentation) -> Array:
    """Images [B, S, S, 3] after blur, brightness and contrast, in this order. `uniform` is [B, 6] in [0, 1)."""
    low, high = (sigma * images.shape[1] / 256 for sigma in config.blur_sigma)
    drawn = uniform[:, :3] < jnp.array([[config.blur, config.brightness, config.contrast]])
    sigma = jnp.where(drawn[:, 0], _between(uniform[:, 3], (low, high)), 0.0)
    brightness = _between(uniform[:, 4], config.brightness_factor)
    contrast = _between(uniform[:, 5], config.contrast_factor)

    def wide(x):
        return x[:, None, None, None]

    def change(images):
        if config.blur > 0:
            images = gaussian_blur(images, sigma, radius=math.ceil(3 * high))
        if config.brightness > 0:
            changed = 2 * jnp.clip((images + 1) / 2 * wide(brightness), 0, 1) - 1
            images = jnp.where(wide(drawn[:, 1]), changed, images)
        if config.contrast > 0:
            changed = 2 * jnp.clip(dm_pix.adjust_contrast((images + 1) / 2, wide(contrast)), 0, 1) - 1
            images = jnp.where(wide(drawn[:, 2]), changed, images)
        return images

    # The condition also keeps XLA from fusing the blur with the sampling before it: a fused blur repeats the gather for
    # each of its taps, which takes two to five times as long on a CPU. An optimization barrier does not help.
    return jax.lax.cond(drawn.any(), change, lambda images: images, images)


def _occlude(images: Array, uniform: Array, config: LandmarkAugmentation) -> Array:
    """Images [B, S, S, 3], some of them with a rectangle painted over. `uniform` is [B, 23] in [0, 1)."""
    size = images.shape[1]
    drawn = uniform[:, 0] < config.occlusion
    area = size**2 * _between(uniform[:, 3:13], config.occlusion_area)
    low, high = config.occlusion_aspect
    aspect = jnp.exp(_between(uniform[:, 13:23], (math.log(low), math.log(high))))
    # h = sqrt(area * aspect), w = sqrt(area / aspect); the first of ten tries that fits the image, as in RandomErasing
    sides = jnp.round(jnp.sqrt(area[..., None] * jnp.stack([aspect, 1 / aspect], -1)))
    fits = (sides < size).all(-1)
    sides = jnp.take_along_axis(sides, fits.argmax(1)[:, None, None], axis=1)[:, 0]
    start = jnp.floor(uniform[:, 1:3] * (size - sides + 1))
    position = jnp.arange(size)[None, :]
    rows, columns = ((position >= start[:, a, None]) & (position < (start + sides)[:, a, None]) for a in (0, 1))
    paint = (drawn & fits.any(1))[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return jnp.where(paint[..., None], jnp.asarray(config.occlusion_value, images.dtype), images)


def _between(uniform: Array, limits: tuple[float, float]) -> Array:
    """Numbers in [0, 1) mapped to the range `limits`; exact where both ends are the same."""
    low, high = limits
    return low + (high - low) * uniform
