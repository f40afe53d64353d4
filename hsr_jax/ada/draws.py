"""The random numbers behind StyleGAN2-ADA's augmentation: for every image, which parts apply and at which quantiles.

Random draws and the percentiles of a debugging run differ in the quantiles alone; everything after is shared.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

QUANTILES = {
    "xflip": 1,
    "rotate90": 1,
    "xint": 2,
    "scale": 1,
    "rotate": 1,
    "aniso": 1,
    "post_rotate": 1,
    "xfrac": 2,
    "brightness": 1,
    "contrast": 1,
    "lumaflip": 1,
    "hue": 1,
    "saturation": 1,
    "band0": 1,
    "band1": 1,
    "band2": 1,
    "band3": 1,
    "noise": 1,
    "cutout": 2,
}
"""What is decided on its own, in the order of application, and how many numbers it then takes (2: one an axis)."""

# Random bits give quantiles of 2^-23; the outermost stands for half of it, so that a normal number stays finite.
EDGE = 2.0**-24


@dataclasses.dataclass(frozen=True)
class AugmentationDraws:
    """Decisions and quantiles of a batch. What does not apply is 0 in every accessor, which leaves an image alone."""

    applied: dict[str, Array]
    """[B], whether a part changes the image."""
    quantiles: dict[str, Array]
    """[B] or [B, 2], in [0, 1)."""
    normal: float
    """sqrt(2) for normal numbers; 1 is the reference's debugging mode, whose numbers are smaller by sqrt(2)."""

    def integer(self, name: str, count: int) -> Array:
        """Uniform among 0 .. count - 1, float32."""
        return self._where(name, jnp.floor(self.quantiles[name] * count))

    def uniform(self, name: str, bound: float) -> Array:
        """Uniform in -bound .. bound."""
        return self._where(name, (2 * self.quantiles[name] - 1) * bound)

    def gaussian(self, name: str, deviation: float) -> Array:
        """Normal with mean 0."""
        # Phi^-1(q) = sqrt(2) erfinv(2q - 1)
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(2 * self.quantiles[name] - 1))

    def half_gaussian(self, name: str, deviation: float) -> Array:
        """Absolute value of a normal number."""
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(self.quantiles[name]))

    def _where(self, name: str, value: Array) -> Array:
        applied = self.applied[name]
        return jnp.where(applied if value.ndim == 1 else applied[:, None], value, 0.0)


def random(key: Array, batch: int, probabilities: dict[str, Array | float]) -> AugmentationDraws:
    """Draws for a batch; row i of the split of `key` decides all of image i, whatever else is drawn.

    Args:
      probabilities: of each name of `QUANTILES`; 0 never applies, 1 and more always.
    """
    uniform = jax.vmap(lambda k: jax.random.uniform(k, (_offsets()[-1] + len(QUANTILES),)))
    gates, values = jnp.split(uniform(jax.random.split(key, batch)), (len(QUANTILES),), axis=1)
    threshold = jnp.stack([jnp.asarray(probabilities[name], jnp.float32) for name in QUANTILES])
    return _draws(gates < threshold[None, :], jnp.clip(values, EDGE, 1 - EDGE), math.sqrt(2))


def percentile(q: float, batch: int, enabled: dict[str, bool]) -> AugmentationDraws:
    """Every enabled part applies to every image, at its quantile `q`; the rotation after the stretch stays 0.

    This is the debugging mode of the reference: its normal numbers are erfinv(2q - 1), without the factor sqrt(2).
    """
    applied = jnp.broadcast_to(jnp.array([enabled[name] for name in QUANTILES])[None, :], (batch, len(QUANTILES)))
    draws = _draws(applied, jnp.full((batch, _offsets()[-1]), q, jnp.float32), 1.0)
    return dataclasses.replace(draws, quantiles=draws.quantiles | {"post_rotate": jnp.full(batch, 0.5)})


def _offsets() -> np.ndarray:
    """Where the quantiles of each name end."""
    return np.cumsum(list(QUANTILES.values()))


def _draws(applied: Array, values: Array, normal: float) -> AugmentationDraws:
    columns = jnp.split(values, _offsets()[:-1], axis=1)
    return AugmentationDraws(
        {name: applied[:, i] for i, name in enumerate(QUANTILES)},
        {name: x[:, 0] if x.shape[1] == 1 else x for name, x in zip(QUANTILES, columns, strict=True)},
        normal,
    )
