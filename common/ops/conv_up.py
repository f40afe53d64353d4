"""The convolution that doubles the resolution in StyleGAN2, without a product with an inserted zero."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from common.ops.conv import conv2d, interleave
from common.ops.resample import BINOMIAL, lowpass


def conv2d_up(x: Array, kernel: Array, taps: Sequence[float] = BINOMIAL) -> Array:
    """Doubles the resolution: transposed convolution of stride 2, then the low-pass.

    Args:
      x: [B, H, W, C_in].
      kernel: [3, 3, C_in, C_out], not turned: every input pixel paints this pattern.
      taps: the 4 taps of the low-pass, normalised here.

    Returns:
      [B, 2 H, 2 W, C_out].
    """
    if kernel.shape[:2] != (3, 3) or len(taps) != 4:
        raise ValueError(f"a 3x3 kernel and 4 taps are doubled, not {kernel.shape[:2]} and {len(taps)}")
    _, height, width, _ = x.shape
    # Pixel 2 i + t of the transposed convolution z gets x[i] k[t]: even pixels see k[0] and k[2], odd ones k[1].
    #   z[2 i] = x[i] k[0] + x[i - 1] k[2],  i = 0 .. n        z[2 i + 1] = x[i] k[1],  i = 0 .. n - 1
    # so that four small convolutions, one for each parity of (y, x), do the 9 products that a pixel needs.
    even, odd = (slice(None, None, -2), (1, 1)), (slice(1, 2), (0, 0))
    z = [[conv2d(x, kernel[a, b], padding=(pa, pb)) for b, pb in (even, odd)] for a, pa in (even, odd)]
    taps = 2 * lowpass(taps)[::-1]
    columns = [_blur_phases(z[0][b], z[1][b], taps, 1) for b in range(2)]
    pixels = [_blur_phases(columns[0][a], columns[1][a], taps, 2) for a in range(2)]
    return interleave(pixels, (2 * height, 2 * width))


def _blur_phases(even: Array, odd: Array, taps: np.ndarray, axis: int) -> tuple[Array, Array]:
    """The low-pass along an axis of 2 n + 1 pixels, given as even (n + 1) and odd (n) ones; n even and n odd pixels."""
    n = odd.shape[axis]
    odd = lax.pad(odd, jnp.zeros((), odd.dtype), [(1, 1, 0) if i == axis else (0, 0, 0) for i in range(odd.ndim)])
    cut = functools.partial(lax.slice_in_dim, axis=axis)
    t = [jnp.asarray(tap, even.dtype) for tap in taps]
    e = [cut(even, i, i + n) for i in range(2)]
    o = [cut(odd, i, i + n) for i in range(3)]  # o[1] is in place
    # y[m] = sum_t h[t] z[m - 1 + t], zero outside
    return (
        t[0] * o[0] + t[1] * e[0] + t[2] * o[1] + t[3] * e[1],
        t[0] * e[0] + t[1] * o[1] + t[2] * e[1] + t[3] * o[2],
    )
