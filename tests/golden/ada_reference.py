"""The debugging mode of StyleGAN2-ADA's augmentation, in which the golden numbers were recorded, and its margins."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from hsr_jax.ada.augment import AugmentPipe, Parameters, drawn_parameters, multipliers
from hsr_jax.ada.draws import QUANTILES, AugmentationDraws
from hsr_jax.ada.geometry import BORDER, Margins


def percentile_draws(q: float, batch: int, enabled: dict[str, bool]) -> AugmentationDraws:
    """Draws in which each enabled change applies to all images, at its quantile `q`.

    The second rotation, `post_rotate`, is 0, and normal numbers are erfinv(2q - 1), without the factor sqrt(2).
    """
    shapes = {name: (batch, 2) if count == 2 else (batch,) for name, count in QUANTILES.items()}
    quantiles = {name: jnp.full(shape, q, jnp.float32) for name, shape in shapes.items()}
    applied = {name: jnp.full(batch, enabled[name]) for name in QUANTILES}
    return AugmentationDraws(applied, quantiles | {"post_rotate": jnp.full(batch, 0.5)}, normal=1.0)


def percentile(key: Array, q: float, shape: tuple[int, ...], pipe: AugmentPipe) -> Parameters:
    """Parameters of `percentile_draws`; `key` gives the pixels of the noise."""
    draws = percentile_draws(q, shape[0], {name: m > 0 for name, m in multipliers(pipe).items()})
    return drawn_parameters(draws, key, shape, pipe)


def reference_margins(matrix: np.ndarray, height: int, width: int) -> Margins:
    """Margins by which the reference pads a batch with these maps [B, 2, 3]."""
    matrix = np.asarray(matrix, np.float64)
    center = np.array([width - 1, height - 1]) / 2
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * center
    moved = np.einsum("bij,nj->bni", matrix[..., :2], corners) + matrix[:, None, :, 2]
    overhang = np.concatenate([(-moved).max((0, 1)), moved.max((0, 1))])
    overhang += 2 * BORDER - np.tile(center, 2)
    return tuple(int(n) for n in np.ceil(np.clip(overhang, 0, np.tile(2 * center, 2))))
