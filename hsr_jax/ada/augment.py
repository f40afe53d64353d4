"""StyleGAN2-ADA's augmentation of what the discriminator sees, as one pure function.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Appendix B. Every image draws its own
parameters; real and generated images, in all phases, pass through it with the same strength p, which
`hsr_jax.ada.controller` adapts. Shapes are static and p is traced: one compilation serves a whole training run.
"""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from hsr_jax.ada import draws as ada_draws
from hsr_jax.ada.colour import colour_matrix, recolour
from hsr_jax.ada.draws import AugmentationDraws
from hsr_jax.ada.filter import band_gains, scale_bands
from hsr_jax.ada.geometry import Margins, inverse_matrix, resample

NOISE_STD = 0.1
CUTOUT_SIZE = 0.5  # of the image's side


@dataclasses.dataclass(frozen=True)
class AugmentPipe:
    """Which augmentations there are. Each applies with its multiplier here times the common strength p; 0: never."""

    xflip: float = 0.0
    """Left-right mirror, in half of the cases where it applies."""
    rotate90: float = 0.0
    """0 to 3 quarter turns."""
    xint: float = 0.0
    """Shift by whole pixels, up to 0.125 of the side along each axis."""
    scale: float = 0.0
    """Change of size by 2^(0.2 n), n normal."""
    rotate: float = 0.0
    """Rotation by any angle, before or after `aniso` or both."""
    aniso: float = 0.0
    """Stretch along x by 2^(0.2 n), along y by the inverse."""
    xfrac: float = 0.0
    """Shift by 0.125 n of the side along each axis."""
    brightness: float = 0.0
    """Plus 0.2 n."""
    contrast: float = 0.0
    """Times 2^(0.5 n)."""
    lumaflip: float = 0.0
    """Inversion of the luminance, not of the colour, in half of the cases where it applies."""
    hue: float = 0.0
    """Rotation about the grey axis by any angle; colour images only."""
    saturation: float = 0.0
    """Distance from the grey axis times 2^n; colour images only."""
    imgfilter: float = 0.0
    """Each of four frequency bands times 2^n, decided on its own."""
    noise: float = 0.0
    """Plus noise of standard deviation 0.1 |n|."""
    cutout: float = 0.0
    """A square of half the side set to 0, centred anywhere in the image."""

    @property
    def geometry(self) -> bool:
        """Whether anything resamples."""
        return any((self.xflip, self.rotate90, self.xint, self.scale, self.rotate, self.aniso, self.xfrac))

    @property
    def colour(self) -> bool:
        """Whether anything changes pixels one by one."""
        return any((self.brightness, self.contrast, self.lumaflip, self.hue, self.saturation))


_BLIT = dict(xflip=1.0, rotate90=1.0, xint=1.0)
_GEOM = dict(scale=1.0, rotate=1.0, aniso=1.0, xfrac=1.0)
_COLOR = dict(brightness=1.0, contrast=1.0, lumaflip=1.0, hue=1.0, saturation=1.0)
_FILTER, _NOISE, _CUTOUT = dict(imgfilter=1.0), dict(noise=1.0), dict(cutout=1.0)

Pipe = Literal["blit", "geom", "color", "filter", "noise", "cutout", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc"]
PIPES: dict[Pipe, AugmentPipe] = {
    "blit": AugmentPipe(**_BLIT),
    "geom": AugmentPipe(**_GEOM),
    "color": AugmentPipe(**_COLOR),
    "filter": AugmentPipe(**_FILTER),
    "noise": AugmentPipe(**_NOISE),
    "cutout": AugmentPipe(**_CUTOUT),
    "bg": AugmentPipe(**_BLIT, **_GEOM),
    "bgc": AugmentPipe(**_BLIT, **_GEOM, **_COLOR),
    "bgcf": AugmentPipe(**_BLIT, **_GEOM, **_COLOR, **_FILTER),
    "bgcfn": AugmentPipe(**_BLIT, **_GEOM, **_COLOR, **_FILTER, **_NOISE),
    "bgcfnc": AugmentPipe(**_BLIT, **_GEOM, **_COLOR, **_FILTER, **_NOISE, **_CUTOUT),
}
"""The named sets of the paper; 'bgc' is the one it settles on."""


class Parameters(NamedTuple):
    """What happens to each image of a batch; None where a part is not in the pipe."""

    matrix: Array | None
    """[B, 2, 3], of `ada_geometry.inverse_matrix`."""
    colour: Array | None
    """[B, 3, 4], of `ada_colour.colour_matrix`."""
    bands: Array | None
    """[B, 4], of `ada_filter.band_gains`."""
    noise: tuple[Array, Array] | None
    """Standard deviation [B] and key [B]."""
    cutout: tuple[Array, Array] | None
    """Centre [B, 2] as (x, y) and side [B] of the square, as fractions of the image's sides; side 0: no square."""


def augment(key: Array, images: Array, p: Array | float, pipe: AugmentPipe = PIPES["bgc"]) -> Array:
    """Draws and applies the augmentation. jit with `pipe` static.

    The numbers differ from the reference's only in the random draws and in the margins (`ada_geometry.resample`).

    Args:
      key: one key for the batch; image i uses row i of its split.
      images: [B, H, W, 3] or [B, H, W, 1], float, in [-1, 1].
      p: scalar, the common strength. 0 gives back the bits of `images`, and costs nothing; without that shortcut, as
        in the reference, the resampling of an unmoved image changes it by some 1e-5. More than 1 acts as 1.
      pipe: static.

    Returns:
      The shape and dtype of `images`, not clipped. Differentiable in `images` any number of times.
    """
    p = jnp.asarray(p, jnp.float32)
    changed = lambda images: apply(images, sample(key, p, images.shape, pipe))
    return jax.lax.cond(p > 0, changed, lambda images: images, images)


def sample(key: Array, p: Array | float, shape: tuple[int, ...], pipe: AugmentPipe) -> Parameters:
    """Random parameters for images of `shape` [B, H, W, C] at strength p."""
    draw_key, noise_key = jax.random.split(key)
    probabilities = {name: p * multiplier for name, multiplier in _multipliers(pipe).items()}
    # Two rotations: either of them applies with the probability of one.
    once = 1 - jnp.sqrt(jnp.clip(1 - probabilities["rotate"], 0, 1))
    draws = ada_draws.random(draw_key, shape[0], probabilities | {"rotate": once, "post_rotate": once})
    return _parameters(draws, noise_key, shape, pipe)


def percentile(key: Array, q: float, shape: tuple[int, ...], pipe: AugmentPipe) -> Parameters:
    """The reference's debugging mode, which its numbers were recorded in: every part of the pipe at its quantile `q`.

    Its normal numbers lack a factor of sqrt(2) and its second rotation is 0. `key` serves the pixels of the noise.
    """
    draws = ada_draws.percentile(q, shape[0], {name: m > 0 for name, m in _multipliers(pipe).items()})
    return _parameters(draws, key, shape, pipe)


def apply(images: Array, parameters: Parameters, margins: Margins | None = None) -> Array:
    """The augmentation with given parameters: geometry, colour, filter, noise, cutout.

    Args:
      images: [B, H, W, C].
      margins: static, see `ada_geometry.resample`; the fixed ones when absent.

    Returns:
      [B, H, W, C].
    """
    if parameters.matrix is not None:
        images = resample(images, parameters.matrix, margins)
    if parameters.colour is not None:
        images = recolour(images, parameters.colour)
    if parameters.bands is not None:
        images = scale_bands(images, parameters.bands)
    if parameters.noise is not None:
        images = _add_noise(images, *parameters.noise)
    if parameters.cutout is not None:
        images = _cut_out(images, *parameters.cutout)
    return images


def _multipliers(pipe: AugmentPipe) -> dict[str, float]:
    """By the names of the draws."""
    multipliers = dataclasses.asdict(pipe)
    bands = {f"band{i}": pipe.imgfilter for i in range(4)}
    return multipliers | bands | {"post_rotate": pipe.rotate}


def _parameters(draws: AugmentationDraws, noise_key: Array, shape: tuple[int, ...], pipe: AugmentPipe) -> Parameters:
    batch, height, width, _ = shape
    sigma = draws.half_gaussian("noise", NOISE_STD)
    side = jnp.where(draws.applied["cutout"], CUTOUT_SIZE, 0.0)
    return Parameters(
        matrix=inverse_matrix(draws, height, width) if pipe.geometry else None,
        colour=colour_matrix(draws) if pipe.colour else None,
        bands=band_gains(draws) if pipe.imgfilter else None,
        noise=(sigma, jax.random.split(noise_key, batch)) if pipe.noise else None,
        cutout=(draws.quantiles["cutout"], side) if pipe.cutout else None,
    )


def _add_noise(images: Array, sigma: Array, keys: Array) -> Array:
    noise = jax.vmap(lambda key: jax.random.normal(key, images.shape[1:], images.dtype))(keys)
    return images + sigma.astype(images.dtype)[:, None, None, None] * noise


def _cut_out(images: Array, center: Array, side: Array) -> Array:
    def outside(size: int, axis: int) -> Array:
        # |(x + 1/2) / W - c_x| >= side / 2
        position = (jnp.arange(size) + 0.5) / size
        return jnp.abs(position[None, :] - center[:, axis, None]) >= side[:, None] / 2

    rows, columns = outside(images.shape[1], 1), outside(images.shape[2], 0)
    kept = rows[:, :, None] | columns[:, None, :]
    return jnp.where(kept[..., None], images, jnp.zeros((), images.dtype))
