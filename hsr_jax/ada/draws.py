"""Random numbers of StyleGAN2-ADA's augmentation: which changes apply to each image, and how strong they are.

The strength of a change is drawn as a quantile of its distribution, so that tests can give the quantiles instead.
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
"""Number of quantiles of each change (2: one per axis). Each change is decided separately. The order is that of the
application."""

# Random quantiles are multiples of 2^-23. Half of that replaces 0, so that normal numbers stay finite.
EDGE = 2.0**-24


@dataclasses.dataclass(frozen=True)
class AugmentationDraws:
    """Decisions and quantiles for a batch. Where a change does not apply, the methods return 0, which has no effect."""

    applied: dict[str, Array]
    """Whether each change applies to each image, [B] by name of the change."""
    quantiles: dict[str, Array]
    """Quantiles in [0, 1), [B] or [B, 2] by name of the change."""
    normal: float = math.sqrt(2)
    """Factor of the normal numbers; the reference's debugging mode has 1 instead of the correct sqrt(2)."""

    def integer(self, name: str, count: int) -> Array:
        """Whole numbers, uniform in 0 .. count - 1, float32 [B]."""
        return self._where(name, jnp.floor(self.quantiles[name] * count))

    def uniform(self, name: str, bound: float) -> Array:
        """Numbers uniform in [-bound, bound), [B] or [B, 2]."""
        return self._where(name, (2 * self.quantiles[name] - 1) * bound)

    def gaussian(self, name: str, deviation: float) -> Array:
        """Normal numbers of mean 0 with this standard deviation, [B] or [B, 2]."""
        # Phi^-1(q) = sqrt(2) erfinv(2q - 1)
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(2 * self.quantiles[name] - 1))

    def half_gaussian(self, name: str, deviation: float) -> Array:
        """Absolute values of normal numbers of mean 0 with this standard deviation, [B] or [B, 2]."""
        return self._where(name, deviation * self.normal * jax.scipy.special.erfinv(self.quantiles[name]))

    def _where(self, name: str, value: Array) -> Array:
        applied = self.applied[name]
        return jnp.where(applied if value.ndim == 1 else applied[:, None], value, 0.0)


def random_draws(key: Array, batch: int, probabilities: dict[str, Array | float]) -> AugmentationDraws:
    """Random draws for a batch. Those for image i depend on row i of the split of `key` alone.

    Args:
      probabilities: probability that a change applies, for each name of `QUANTILES`; more than 1 acts as 1.
    """
    ends = np.cumsum(list(QUANTILES.values()))
    uniform = jax.vmap(lambda image_key: jax.random.uniform(image_key, (ends[-1] + len(QUANTILES),)))
    gates, values = jnp.split(uniform(jax.random.split(key, batch)), (len(QUANTILES),), axis=1)
    threshold = jnp.stack([jnp.asarray(probabilities[name], jnp.float32) for name in QUANTILES])
    applied = gates < threshold[None, :]
    columns = jnp.split(jnp.clip(values, EDGE, 1 - EDGE), ends[:-1], axis=1)
    return AugmentationDraws(
        {name: applied[:, i] for i, name in enumerate(QUANTILES)},
        {name: x[:, 0] if x.shape[1] == 1 else x for name, x in zip(QUANTILES, columns, strict=True)},
    )
