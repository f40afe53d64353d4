"""Image filter of StyleGAN2-ADA's augmentation: four frequency bands, each made stronger or weaker."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from hsr_jax.ada.draws import AugmentationDraws
from hsr_jax.ada.geometry import reflected

BAND_STD = 1.0  # of log2
# Power of natural images in the bands, of which the lowest has most: normalises the overall gain.
EXPECTED_POWER = np.array([10, 1, 1, 1]) / 13


def filter_bank() -> np.ndarray:
    """[4, 43]: zero-phase filters of the bands from low to high; they sum to the identity.

    The halfband filters are the wavelet "symlet 2"'s, each convolved with its mirror image.
    """
    low = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
    high = -low
    high[3] = 1 / 2
    # From the top: the highest band is H(z), the next L(z) H(z^2), ... and the last L(z) L(z^2) L(z^4).
    bank, passed = [], np.ones(1)
    for octave in range(3):
        bank.append(np.convolve(passed, _spread(high, 2**octave)))
        passed = np.convolve(passed, _spread(low, 2**octave))
    bank.append(passed)
    length = len(passed)
    return np.stack([np.pad(taps, (length - len(taps)) // 2) for taps in reversed(bank)])


def band_gains(draws: AugmentationDraws) -> Array:
    """[B, 4]. Step 14 of the augmentation."""
    gains = jnp.ones((draws.quantiles["band0"].shape[0], 4))
    for i, power in enumerate(EXPECTED_POWER):
        gain = jnp.exp2(draws.gaussian(f"band{i}", BAND_STD))[:, None]
        vector = jnp.where(jnp.arange(4)[None, :] == i, gain, 1.0)
        # t / sqrt(sum_j power_j t_j^2): the same power as before, in an image of the expected spectrum
        gains = gains * vector / jnp.sqrt(power * jnp.square(gain) + (1 - power))
    return gains


def scale_bands(images: Array, gains: Array) -> Array:
    """Multiplies the bands of images [B, H, W, C] by gains [B, 4]; reflected at the borders.

    Raises:
      ValueError: a side is not longer than the 21 pixels of the reflection.
    """
    _, height, width, _ = images.shape
    # One matrix an image and axis, as a filter of its own for every image would be a grouped convolution.
    rows, columns = (
        jnp.einsum("bk,kij->bij", gains, jnp.asarray(_matrices(size), jnp.float32), precision="highest")
        for size in (height, width)
    )
    images = jnp.einsum("bhwc,bjw->bhjc", images, columns.astype(images.dtype), precision="highest")
    return jnp.einsum("bhwc,bih->biwc", images, rows.astype(images.dtype), precision="highest")


def _spread(taps: np.ndarray, step: int) -> np.ndarray:
    """H(z) -> H(z^step): zeros between the taps."""
    wide = np.zeros((len(taps) - 1) * step + 1)
    wide[::step] = taps
    return wide


def _matrices(size: int) -> np.ndarray:
    """[4, size, size]: the filters of the bank as matrices on a reflected axis."""
    bank = filter_bank()
    reach = bank.shape[1] // 2
    if size <= reach:
        raise ValueError(f"the image filter needs more than {reach} pixels a side, not {size}")
    matrices = np.zeros((len(bank), size, size))
    rows = np.arange(size)
    for t in range(bank.shape[1]):  # symmetric taps: convolution and correlation are the same
        matrices[:, rows, reflected(rows + t - reach, size)] += bank[:, t, None]
    return matrices
