"""StyleGAN2's convolutions that double or halve the resolution with the low-pass `BINOMIAL`.

No product is spent on an inserted zero.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from common.ops.conv import conv2d, interleave
from common.ops.resample import BINOMIAL, filter2d, lowpass


def conv2d_up(x: Array, kernel: Array) -> Array:
    """Transposed convolution of stride 2, then the low-pass; doubles the resolution.

    Args:
      x: [B, H, W, C_in].
      kernel: [3, 3, C_in, C_out], not turned: every input pixel adds this pattern to the output.

    Returns:
      [B, 2 H, 2 W, C_out].

    Raises:
      ValueError: a kernel of another size.
    """
    if kernel.shape[:2] != (3, 3):
        raise ValueError(f"kernel {kernel.shape} must be [3, 3, C_in, C_out]")
    _, height, width, _ = x.shape
    # Pixel 2 i + t of the transposed convolution z gets x[i] k[t]: even pixels get k[0] and k[2], odd ones k[1].
    #   z[2 i] = x[i] k[0] + x[i - 1] k[2],  i = 0 .. n        z[2 i + 1] = x[i] k[1],  i = 0 .. n - 1
    # Four small convolutions, one for each parity of (y, x), therefore take only 9 products per input pixel.
    even, odd = (slice(None, None, -2), (1, 1)), (slice(1, 2), (0, 0))
    z = [[conv2d(x, kernel[a, b], padding=(pa, pb)) for b, pb in (even, odd)] for a, pa in (even, odd)]
    taps = 2 * lowpass(BINOMIAL)  # symmetric: true convolution needs no flip
    columns = [_blur_phases(z[0][b], z[1][b], taps, 1) for b in range(2)]
    pixels = [_blur_phases(columns[0][a], columns[1][a], taps, 2) for a in range(2)]
    return interleave(pixels, (2 * height, 2 * width))


def conv2d_down(x: Array, kernel: Array) -> Array:
    """Low-pass, then convolution of stride 2; halves the resolution.

    Milliseconds on 2 cores for the value / gradient / gradient of the squared input gradient (as in R1). The columns:
    a depthwise filter and XLA's gradients; the slices of `filter2d` and XLA's gradients; this function; one convolution
    of stride 1 for each parity of (y, x) as in `conv2d_up`, which is slower here.
      batch 8, 64 px, 32 > 64:     61 / 105 / 410    5.0 / 19 / 223    4.7 / 19 / 50    6.1 / 29 / 99
      batch 8, 32 px, 64 > 64:     40 / 57 / 184     2.5 / 9.0 / 98    2.8 / 9.3 / 15   2.9 / 12 / 43
      batch 16, 16 px, 256 > 512:  114 / 188 / 1753  25 / 73 / 1591    20 / 69 / 144    24 / 85 / 190

    Args:
      x: [B, H, W, C_in] of even sides.
      kernel: [k, k, C_in, C_out] with an odd k.

    Returns:
      [B, H / 2, W / 2, C_out].

    Raises:
      ValueError: odd sides of the image or an even kernel.
    """
    size = kernel.shape[0]
    if x.shape[1] % 2 or x.shape[2] % 2 or size % 2 == 0:
        raise ValueError(f"x {x.shape} must have even sides and kernel {kernel.shape} odd ones")
    # y[m] = sum_i k[i] z[2 m + i],  z[j] = sum_t h[t] x[j + t - pad]: with this pad the centres of kernel and taps,
    # i = (k - 1) / 2 and t = 3 / 2, lie at x = 2 m + 1 / 2, the middle of the two pixels that become pixel m.
    pad = size // 2 + 1
    return conv2d(filter2d(x, lowpass(BINOMIAL), padding=(pad, pad)), kernel, stride=2, padding="VALID")


def _blur_phases(even: Array, odd: Array, taps: np.ndarray, axis: int) -> tuple[Array, Array]:
    """Low-pass along an axis of 2 n + 1 pixels, given as n + 1 even and n odd ones; returns n even and n odd pixels."""
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
