"""Random numbers of StyleGAN2-ADA's augmentation: which changes apply to each image, and how strong they are.

The strength of a change is drawn as a quantile of its distribution. Random draws and the reference's debugging mode, in
which all quantiles are one given number, differ in these quantiles alone.
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
"""Changes that are decided one by one, in the order of application, each with its number of quantiles (2: one per
axis)."""

# Random quantiles are multiples of 2^-23. Instead of 0 comes half of that, so that a normal number stays finite.
EDGE = 2.0**-24


@dataclasses.dataclass(frozen=True)
class AugmentationDraws:
    """Decisions and quantiles for a batch. The methods give 0, which changes nothing, where a change does not apply."""

    applied: dict[str, Array]
    """[B] per change: whether it applies to the image."""
    quantiles: dict[str, Array]
    """[B] or [B, 2] per change, in [0, 1)."""
    normal: float
    """Factor of `gaussian`: sqrt(2) gives normal numbers, 1 the smaller ones of the reference's debugging mode."""

    def integer(self, name: str, count: int) -> Array:
        """Whole numbers, uniform in 0 .. count - 1, float32 [B]."""
        return self._where(name, jnp.floor(self.quantiles[name] * count))

    def uniform(self, name: str, bound: float) -> Array:
        """Numbers uniform in [-bound, bound), [B] or [B, 2]."""
        return self._where(name, (2 * self.quantiles[name] - 1) * bound)

    def gaussian(self, name: str, deviation: float) -> Array:
        """Normal numbers of mean 0, [B] or [B, 2]."""
        # Phi^-1(q) = sqrt(2) erfinv(2q - 1)
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(2 * self.quantiles[name] - 1))

    def half_gaussian(self, name: str, deviation: float) -> Array:
        """Absolute values of normal numbers of mean 0, [B] or [B, 2]."""
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(self.quantiles[name]))

    def _where(self, name: str, value: Array) -> Array:
        applied = self.applied[name]
        return jnp.where(applied if value.ndim == 1 else applied[:, None], value, 0.0)


def random_draws(key: Array, batch: int, probabilities: dict[str, Array | float]) -> AugmentationDraws:
    """Random draws for a batch; those of image i depend on row i of the split of `key` alone.

    Args:
      probabilities: probability that a change applies, for each name of `QUANTILES`; more than 1 acts as 1.
    """
    uniform = jax.vmap(lambda k: jax.random.uniform(k, (_offsets()[-1] + len(QUANTILES),)))
    gates, values = jnp.split(uniform(jax.random.split(key, batch)), (len(QUANTILES),), axis=1)
    threshold = jnp.stack([jnp.asarray(probabilities[name], jnp.float32) for name in QUANTILES])
    return _draws(gates < threshold[None, :], jnp.clip(values, EDGE, 1 - EDGE), math.sqrt(2))


def percentile_draws(q: float, batch: int, enabled: dict[str, bool]) -> AugmentationDraws:
    """Draws of the reference's debugging mode: each enabled change applies to all images, at its quantile `q`.

    The second rotation, `post_rotate`, is 0, and normal numbers are erfinv(2q - 1), without the factor sqrt(2).
    """
    applied = jnp.broadcast_to(jnp.array([enabled[name] for name in QUANTILES])[None, :], (batch, len(QUANTILES)))
    draws = _draws(applied, jnp.full((batch, _offsets()[-1]), q, jnp.float32), 1.0)
    return dataclasses.replace(draws, quantiles=draws.quantiles | {"post_rotate": jnp.full(batch, 0.5)})


def _offsets() -> np.ndarray:
    """End of the quantiles of each change among all of them."""
    return np.cumsum(list(QUANTILES.values()))


def _draws(applied: Array, values: Array, normal: float) -> AugmentationDraws:
    columns = jnp.split(values, _offsets()[:-1], axis=1)
    return AugmentationDraws(
        {name: applied[:, i] for i, name in enumerate(QUANTILES)},
        {name: x[:, 0] if x.shape[1] == 1 else x for name, x in zip(QUANTILES, columns, strict=True)},
        normal,
    )
