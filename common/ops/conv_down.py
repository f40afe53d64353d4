"""The convolution that halves the resolution in StyleGAN2."""

from collections.abc import Sequence

from jax import Array

from common.ops.conv import conv2d
from common.ops.resample import BINOMIAL, filter2d, lowpass


def conv2d_down(x: Array, kernel: Array, taps: Sequence[float] = BINOMIAL) -> Array:
    """Halves the resolution: the low-pass, then a convolution of stride 2.

    Milliseconds on 2 cores for the value / gradient / gradient of the squared input gradient (as in R1), with a
    depthwise filter and XLA's gradients, with the slices of `filter2d` and XLA's gradients, with ours, and with one
    convolution of stride 1 for each parity of (y, x), as `conv2d_up` has them, which does not pay here:
      batch 8, 64 px, 32 > 64:     61 / 105 / 410    5.0 / 19 / 223    4.7 / 19 / 50    6.1 / 29 / 99
      batch 8, 32 px, 64 > 64:     40 / 57 / 184     2.5 / 9.0 / 98    2.8 / 9.3 / 15   2.9 / 12 / 43
      batch 16, 16 px, 256 > 512:  114 / 188 / 1753  25 / 73 / 1591    20 / 69 / 144    24 / 85 / 190

    Args:
      x: [B, H, W, C_in] of even sides.
      kernel: [k, k, C_in, C_out] with an odd k.
      taps: the 4 taps of the low-pass, normalised here.

    Returns:
      [B, H / 2, W / 2, C_out].

    Raises:
      ValueError: sides, kernel or taps of other sizes.
    """
    size = kernel.shape[0]
    if x.shape[1] % 2 or x.shape[2] % 2 or size % 2 == 0 or len(taps) != 4:
        raise ValueError(f"even sides, an odd kernel and 4 taps, not {x.shape}, {kernel.shape} and {len(taps)}")
    # y[m] = sum_i k[i] z[2 m + i],  z[j] = sum_t h[t] x[j + t - pad]: the centres of kernel and taps, i = (k - 1) / 2
    # and t = 3 / 2, then see x at 2 m + 1 / 2, the middle of the two pixels that become pixel m.
    pad = size // 2 + 1
    return conv2d(filter2d(x, lowpass(taps), padding=(pad, pad)), kernel, stride=2, padding="VALID")
