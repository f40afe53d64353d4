"""2-D convolutions whose gradients are fast on every backend, and the convolution that doubles the resolution.

[B, H, W, C] arrays and [k, k, C_in, C_out] kernels. "Convolution" is cross-correlation, as everywhere in deep learning.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from common.ops.resample import BINOMIAL, lowpass

DIMENSIONS = ("NHWC", "HWIO", "NHWC")

# Zeros (before, after) along y and x; negative numbers crop.
Padding = tuple[tuple[int, int], tuple[int, int]]


def conv2d(x: Array, kernel: Array, stride: int = 1, padding: str | int | Padding = "SAME") -> Array:
    """Convolution with zero padding, differentiable in reverse mode any number of times.

    Forward mode (`jax.jvp`, `jax.jacfwd`, `jax.hessian`) raises: the weight gradient has a rule of its own, because
    XLA's grows slow with the image on CPUs. On other backends the rule falls back to XLA's own gradient.

    Args:
      x: [B, H, W, C_in].
      kernel: [k_h, k_w, C_in, C_out], of the dtype of `x`.
      stride: of both axes.
      padding: pixels on every side; 'SAME' is k // 2 for any stride, which for even sizes and stride 2 is the
        convention of PyTorch and not that of `lax`, 'VALID' is 0; or ((top, bottom), (left, right)).

    Returns:
      [B, (H + pads - k_h) // stride + 1, (W + pads - k_w) // stride + 1, C_out].
    """
    return _conv(x, kernel, stride, _pads(padding, kernel.shape))


def _pads(padding: str | int | Padding, kernel_shape: tuple[int, ...]) -> Padding:
    if padding == "SAME":
        return tuple((size // 2, size // 2) for size in kernel_shape[:2])
    if padding == "VALID":
        padding = 0
    if isinstance(padding, int):
        return ((padding, padding), (padding, padding))
    return tuple(tuple(pair) for pair in padding)


def _plain(x: Array, kernel: Array, stride: int, pads: Padding) -> Array:
    return lax.conv_general_dilated(x, kernel, (stride, stride), pads, dimension_numbers=DIMENSIONS)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _conv(x: Array, kernel: Array, stride: int, pads: Padding) -> Array:
    return _plain(x, kernel, stride, pads)


def _conv_fwd(x, kernel, stride, pads):
    return _plain(x, kernel, stride, pads), (x, kernel)


def _conv_bwd(stride, pads, residuals, g):
    x, kernel = residuals
    return _input_gradient(x, kernel, g, stride, pads), _kernel_gradient(x, kernel, g, stride, pads)


_conv.defvjp(_conv_fwd, _conv_bwd)


def _input_gradient(x: Array, kernel: Array, g: Array, stride: int, pads: Padding) -> Array:
    """[B, H, W, C_in]: the convolution of the output's gradient with the kernel turned by 180 degrees."""
    if stride > 1:
        return jax.linear_transpose(lambda x: _plain(x, kernel, stride, pads), x)(g)[0]
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    # Through `_conv` itself, so that the gradient of this gradient (R1, path length) is fast as well.
    return _conv(g, turned, 1, tuple((k - 1 - a, k - 1 - b) for k, (a, b) in zip(kernel.shape, pads, strict=False)))


def _kernel_gradient(x: Array, kernel: Array, g: Array, stride: int, pads: Padding) -> Array:
    def xla(x, g):
        return jax.linear_transpose(lambda k: _plain(x, k, stride, pads), kernel)(g)[0]

    if not _shifted_is_faster(kernel.shape):
        return xla(x, g)
    shifted = functools.partial(_shifted_kernel_gradient, kernel_shape=kernel.shape, stride=stride, pads=pads)
    # The choice follows the platform that the program is lowered for, which may not be the one of this process.
    return lax.platform_dependent(x, g, cpu=shifted, default=xla)


def _shifted_is_faster(kernel_shape: tuple[int, ...]) -> bool:
    return min(kernel_shape[2:]) >= 64


def _shifted_kernel_gradient(x: Array, g: Array, *, kernel_shape, stride: int, pads: Padding) -> Array:
    """dK[i, j] = sum over b, y, x of X[b, s y + i, s x + j]^T G[b, y, x]: one matrix product for each of the k x k shifts."""
    height, width, c_in, c_out = kernel_shape
    rows, columns = g.shape[1:3]
    padded = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)))

    def shift(i, j):
        patch = padded[:, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
        contract = (((0, 1, 2), (0, 1, 2)), ((), ()))
        return lax.dot_general(patch, g, contract, preferred_element_type=jnp.promote_types(g.dtype, jnp.float32))

    products = [shift(i, j) for i in range(height) for j in range(width)]
    return jnp.stack(products).reshape(height, width, c_in, c_out).astype(x.dtype)


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
    merged = jnp.stack([jnp.stack(row, axis=3) for row in pixels], axis=2)  # [B, H, 2, W, 2, C_out]
    return merged.reshape(x.shape[0], 2 * height, 2 * width, -1)


def _blur_phases(even: Array, odd: Array, taps: np.ndarray, axis: int) -> tuple[Array, Array]:
    """Even (n) and odd (n) pixels of the low-pass over an axis of 2 n + 1 pixels given as even (n + 1) and odd (n) ones."""
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
