"""Image filter of StyleGAN2-ADA's augmentation, which makes each of four frequency bands stronger or weaker."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from hsr_jax.ada.draws import AugmentationDraws
from hsr_jax.ada.geometry import reflected

BAND_STD = 1.0  # in powers of 2
# Share of a natural image's power that lies in each band, lowest band first. `band_gains` keeps the total power.
EXPECTED_POWER = np.array([10, 1, 1, 1]) / 13


def filter_bank() -> np.ndarray:
    """Zero-phase filters [4, 43], one per frequency band, lowest band first; their sum is the identity.

    The filters are built from the half-band filters of the wavelet "symlet 2", each convolved with its mirror image.
    """
    low = np.array([-1, 0, 9, 16, 9, 0, -1]) / 32
    high = -low
    high[3] = 1 / 2
    # From the highest band to the lowest: H(z), L(z) H(z^2), L(z) L(z^2) H(z^4), L(z) L(z^2) L(z^4).
    bank, passed = [], np.ones(1)
    for octave in range(3):
        bank.append(np.convolve(passed, _spread(high, 2**octave)))
        passed = np.convolve(passed, _spread(low, 2**octave))
    bank.append(passed)
    length = len(passed)
    return np.stack([np.pad(taps, (length - len(taps)) // 2) for taps in reversed(bank)])


def band_gains(draws: AugmentationDraws) -> Array:
    """Random factors of the bands [B, 4]; step 14 of the augmentation."""
    gains = jnp.ones((draws.quantiles["band0"].shape[0], 4))
    for i, power in enumerate(EXPECTED_POWER):
        gain = jnp.exp2(draws.gaussian(f"band{i}", BAND_STD))[:, None]
        vector = jnp.where(jnp.arange(4)[None, :] == i, gain, 1.0)
        # t / sqrt(sum_j power_j t_j^2) keeps the power of an image whose spectrum is the expected one.
        gains = gains * vector / jnp.sqrt(power * jnp.square(gain) + (1 - power))
    return gains


def scale_bands(images: Array, gains: Array) -> Array:
    """Images [B, H, W, C] whose bands are multiplied by `gains` [B, 4]; images are continued by reflection.

    Raises:
      ValueError: a side has 21 pixels or fewer, too few for the reflection.
    """
    _, height, width, _ = images.shape
    # One matrix per image and axis, because a filter per image would be a slow grouped convolution.
    rows, columns = (
        jnp.einsum("bk,kij->bij", gains, jnp.asarray(_matrices(size), jnp.float32), precision="highest")
        for size in (height, width)
    )
    images = jnp.einsum("bhwc,bjw->bhjc", images, columns.astype(images.dtype), precision="highest")
    return jnp.einsum("bhwc,bih->biwc", images, rows.astype(images.dtype), precision="highest")


def _spread(taps: np.ndarray, step: int) -> np.ndarray:
    """Taps of H(z^step), given the taps of H(z): `step - 1` zeros come between neighbours."""
    wide = np.zeros((len(taps) - 1) * step + 1)
    wide[::step] = taps
    return wide


def _matrices(size: int) -> np.ndarray:
    """Filters of the bank as matrices [4, size, size] that act on an axis continued by reflection."""
    bank = filter_bank()
    reach = bank.shape[1] // 2
    if size <= reach:
        raise ValueError(f"the image filter needs more than {reach} pixels a side, not {size}")
    matrices = np.zeros((len(bank), size, size))
    rows = np.arange(size)
    for t in range(bank.shape[1]):  # the taps are symmetric, so convolution and correlation are the same
        matrices[:, rows, reflected(rows + t - reach, size)] += bank[:, t, None]
    return matrices
