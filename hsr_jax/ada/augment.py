"""StyleGAN2-ADA's augmentation of the images that the discriminator sees, as one pure function.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", Appendix B. Every image gets random
parameters of its own. Real and generated images of all phases are augmented with one strength p, which
`hsr_jax.ada.controller` adapts. The shapes are static and p is traced, so a whole run needs one compilation.
"""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from hsr_jax.ada.colour import colour_matrix, recolour
from hsr_jax.ada.draws import AugmentationDraws, random_draws
from hsr_jax.ada.filter import band_gains, scale_bands
from hsr_jax.ada.geometry import Margins, inverse_matrix, resample

NOISE_STD = 0.1
CUTOUT_SIZE = 0.5  # share of the image's side


@dataclasses.dataclass(frozen=True)
class AugmentPipe:
    """Multiplier of each kind of change. A change applies with probability multiplier * p; 0 leaves it out.

    In the descriptions, n is a standard normal number.
    """

    xflip: float = 0.0
    """Mirror image from left to right in half of the cases."""
    rotate90: float = 0.0
    """Rotation by 0, 1, 2 or 3 quarter turns."""
    xint: float = 0.0
    """Shift by whole pixels, at most 0.125 of the side along each axis."""
    scale: float = 0.0
    """Change of size by the factor 2^(0.2 n)."""
    rotate: float = 0.0
    """Rotation by any angle before `aniso`, after it, or both times."""
    aniso: float = 0.0
    """Stretch by the factor 2^(0.2 n) along x and by its inverse along y."""
    xfrac: float = 0.0
    """Shift by 0.125 n of the side along each axis."""
    brightness: float = 0.0
    """Addition of 0.2 n to all channels."""
    contrast: float = 0.0
    """Multiplication of all channels by 2^(0.5 n)."""
    lumaflip: float = 0.0
    """Inversion of the luminance, but not of the colour, in half of the cases."""
    hue: float = 0.0
    """Rotation of colours about the grey axis by any angle; does not change grey images."""
    saturation: float = 0.0
    """Multiplication of the distance from the grey axis by 2^n; does not change grey images."""
    imgfilter: float = 0.0
    """Multiplication of each of four frequency bands by 2^n; decided for each band separately."""
    noise: float = 0.0
    """Addition of white noise whose standard deviation is 0.1 |n|."""
    cutout: float = 0.0
    """Replacement of a square by 0; its side is half the image's, its centre is anywhere in the image."""

    @property
    def geometry(self) -> bool:
        """Whether any change resamples the image."""
        return any((self.xflip, self.rotate90, self.xint, self.scale, self.rotate, self.aniso, self.xfrac))

    @property
    def colour(self) -> bool:
        """Whether any change maps the colour of each pixel."""
        return any((self.brightness, self.contrast, self.lumaflip, self.hue, self.saturation))


_GROUPS = {
    "blit": ("xflip", "rotate90", "xint"),
    "geom": ("scale", "rotate", "aniso", "xfrac"),
    "color": ("brightness", "contrast", "lumaflip", "hue", "saturation"),
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}


def _pipe(*groups: str) -> AugmentPipe:
    return AugmentPipe(**{name: 1.0 for group in groups for name in _GROUPS[group]})


Pipe = Literal["blit", "geom", "color", "filter", "noise", "cutout", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc"]
PIPES: dict[str, AugmentPipe] = {group: _pipe(group) for group in _GROUPS}
PIPES |= {"bgcfnc"[:count]: _pipe(*list(_GROUPS)[:count]) for count in range(2, 7)}
"""The sets of changes that the paper names; it recommends 'bgc'."""


class Parameters(NamedTuple):
    """Parameters of the augmentation per image; a field is None if the pipe has no such change."""

    matrix: Array | None
    """Maps of the plane [B, 2, 3], see `inverse_matrix`."""
    colour: Array | None
    """Maps of colours [B, 3, 4], see `colour_matrix`."""
    bands: Array | None
    """Factors of the frequency bands [B, 4], see `band_gains`."""
    noise: tuple[Array, Array] | None
    """Standard deviations [B] and PRNG keys [B]."""
    cutout: tuple[Array, Array] | None
    """Centre [B, 2] as (x, y) and side [B] of the square, as shares of the image's sides; a side of 0 is no square."""


def augment(key: Array, images: Array, p: Array | float, pipe: AugmentPipe = PIPES["bgc"]) -> Array:
    """Augmented images. `pipe` must be static under `jit`.

    The result differs from the reference's only by the random draws and by the margins (see `geometry.resample`).

    Args:
      key: one PRNG key for the batch; image i uses row i of its split.
      images: [B, H, W, 3] or [B, H, W, 1], float, in [-1, 1].
      p: scalar, the strength. With 0 the augmentation costs nothing and returns `images` bit for bit; the reference
        resamples such images too, which changes them by about 1e-5. A strength above 1 acts as 1.
      pipe: multipliers of the changes.

    Returns:
      Images of the shape and dtype of `images`, not clipped; differentiable in `images` any number of times.
    """
    p = jnp.asarray(p, jnp.float32)
    changed = lambda images: apply(images, sample(key, p, images.shape, pipe))
    return jax.lax.cond(p > 0, changed, lambda images: images, images)


def multipliers(pipe: AugmentPipe) -> dict[str, float]:
    """Multiplier of each name of `QUANTILES`."""
    bands = {f"band{i}": pipe.imgfilter for i in range(4)}
    return dataclasses.asdict(pipe) | bands | {"post_rotate": pipe.rotate}


def sample(key: Array, p: Array | float, shape: tuple[int, ...], pipe: AugmentPipe) -> Parameters:
    """Random parameters for images of shape [B, H, W, C] at strength p."""
    draw_key, noise_key = jax.random.split(key)
    probabilities = {name: p * multiplier for name, multiplier in multipliers(pipe).items()}
    # 1 - (1 - once)^2 = p: at least one of the two rotations applies with the requested probability.
    once = 1 - jnp.sqrt(jnp.clip(1 - probabilities["rotate"], 0, 1))
    draws = random_draws(draw_key, shape[0], probabilities | {"rotate": once, "post_rotate": once})
    return drawn_parameters(draws, noise_key, shape, pipe)


def drawn_parameters(
    draws: AugmentationDraws, noise_key: Array, shape: tuple[int, ...], pipe: AugmentPipe
) -> Parameters:
    """Parameters for images of shape [B, H, W, C] from random draws; `noise_key` gives the pixels of the noise."""
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


def apply(images: Array, parameters: Parameters, margins: Margins | None = None) -> Array:
    """Images [B, H, W, C] with the changes of given parameters: geometry, colour, filter, noise, cutout.

    `margins` are static, see `geometry.resample`.
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
