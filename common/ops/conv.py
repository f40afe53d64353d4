"""2-D convolutions whose gradients are fast on every backend.

Arrays are [B, H, W, C], kernels [k, k, C_in, C_out]. "Convolution" means cross-correlation, as usual in deep learning.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

DIMENSIONS = ("NHWC", "HWIO", "NHWC")

CACHE_BYTES = 20 << 20
"""Size up to which the patches of one image fit into a CPU's cache."""

Padding = tuple[tuple[int, int], tuple[int, int]]
"""Numbers of zeros (before, after) along y and along x; negative numbers crop."""


def conv2d(x: Array, kernel: Array, stride: int = 1, padding: str | int | Padding = "SAME") -> Array:
    """Convolution with zero padding, differentiable in reverse mode any number of times.

    Forward mode (`jax.jvp`, `jax.jacfwd`, `jax.hessian`) raises, because the gradient has a custom rule: XLA's kernel
    gradient is slow for large images on CPUs. On other backends the rule uses XLA's own gradient.

    Args:
      x: [B, H, W, C_in].
      kernel: [k_h, k_w, C_in, C_out], of the dtype of `x`.
      stride: stride along both axes.
      padding: zeros on every side, or ((top, bottom), (left, right)). 'VALID' is 0. 'SAME' is k // 2 for any stride,
        which differs from `lax` for even sizes and stride 2 and agrees with PyTorch.

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
    # `_conv` and not `_plain` is called, because gradients of gradients differentiate this forward pass, too.
    return _conv(x, kernel, stride, pads), (x, kernel)


def _conv_bwd(stride, pads, residuals, g):
    x, kernel = residuals
    return _input_gradient(x, kernel, g, stride, pads), _kernel_gradient(x, g, kernel.shape[:2], stride, pads)


_conv.defvjp(_conv_fwd, _conv_bwd)


def _input_gradient(x: Array, kernel: Array, g: Array, stride: int, pads: Padding) -> Array:
    """Gradient of the input [B, H, W, C_in]: the output's gradient convolved with the kernel turned by 180 degrees."""
    if stride > 1:
        phased = functools.partial(_phased_input_gradient, size=x.shape[1:3], stride=stride, pads=pads)
        xla = functools.partial(_xla_input_gradient, x=jax.ShapeDtypeStruct(x.shape, x.dtype), stride=stride, pads=pads)
        return lax.platform_dependent(kernel, g, cpu=phased, default=xla)
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    # `_conv` is called, so that the gradient of this gradient (R1, path length) is fast, too.
    return _conv(g, turned, 1, tuple((k - 1 - a, k - 1 - b) for k, (a, b) in zip(kernel.shape, pads, strict=False)))


def _xla_input_gradient(kernel: Array, g: Array, *, x: jax.ShapeDtypeStruct, stride: int, pads: Padding) -> Array:
    return jax.linear_transpose(lambda x: _plain(x, kernel, stride, pads), x)(g)[0]


def _phased_input_gradient(kernel: Array, g: Array, *, size: tuple[int, int], stride: int, pads: Padding) -> Array:
    """Gradient of the input for strides above 1, as one convolution per phase.

    Input pixels with the same position modulo the stride (one phase) meet the same part of the kernel. XLA inserts
    zeros into `g` instead. Milliseconds with inserted zeros / with phases, batch 16 on 2 cores: 128 px of 16 channels
    53 / 13, 64 px of 32 channels 9.8 / 7.3, 32 px of 64 channels 4.7 / 6.0, of 256 channels 78 / 55.
    """
    # dX[m] = sum_k G[(m + p - k) / s] K[k] over the k that divide. With a = (m + p) mod s, k = a + s j and m = s q + r:
    # dX[s q + r] = sum_j G[q + c - j] K[a + s j],  c = (r + p - a) / s
    phases = []
    for axis in range(2):
        (before, _), height, length = pads[axis], kernel.shape[axis], g.shape[1 + axis]
        count = -(-size[axis] // stride)
        axis_phases = []
        for r in range(stride):
            first = (r + before) % stride
            taps, shift = len(range(first, height, stride)), (r + before - first) // stride
            axis_phases.append((slice(first, None, stride), (taps - 1 - shift, count + shift - length)))
        phases.append(axis_phases)

    def convolution(rows, row_pads, columns, column_pads):
        part = kernel[rows, columns][::-1, ::-1].swapaxes(2, 3)
        if 0 in part.shape:  # a kernel smaller than the stride never meets this phase
            counts = [-(-n // stride) for n in size]
            return jnp.zeros((g.shape[0], *counts, kernel.shape[2]), g.dtype)
        return _conv(g, part, 1, (row_pads, column_pads))

    return interleave([[convolution(*row, *column) for column in phases[1]] for row in phases[0]], size)


def interleave(phases: Sequence[Sequence[Array]], size: tuple[int, int]) -> Array:
    """Image [B, H, W, C] from s x s phases [B, ceil(H / s), ceil(W / s), C]; (i, j) has pixels (s y + i, s x + j)."""
    stride = len(phases)
    merged = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)  # [B, h, s, w, s, C]
    batch, height, _, width, _, channels = merged.shape
    return merged.reshape(batch, stride * height, stride * width, channels)[:, : size[0], : size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _kernel_gradient(x: Array, g: Array, size: tuple[int, int], stride: int, pads: Padding) -> Array:
    """Gradient of the kernel: dK[i, j] = sum over b, y, x of X[b, s y + i, s x + j]^T G[b, y, x]."""
    fast = functools.partial(_matrix_kernel_gradient, size=size, stride=stride, pads=pads)
    xla = functools.partial(_xla_kernel_gradient, size=size, stride=stride, pads=pads)
    # The choice follows the platform that the program is lowered for, which may differ from this process's default.
    return lax.platform_dependent(x, g, cpu=fast, default=xla)


def _kernel_gradient_fwd(x, g, size, stride, pads):
    return _kernel_gradient(x, g, size, stride, pads), (x, g)


def _kernel_gradient_bwd(size, stride, pads, residuals, kernel):
    # The kernel gradient is linear in x and in g. Its transposes are the input gradient and the convolution, so the
    # three operations are closed under differentiation.
    x, g = residuals
    return _input_gradient(x, kernel, g, stride, pads), _conv(x, kernel, stride, pads)


_kernel_gradient.defvjp(_kernel_gradient_fwd, _kernel_gradient_bwd)


def _xla_kernel_gradient(x: Array, g: Array, *, size: tuple[int, int], stride: int, pads: Padding) -> Array:
    like = jax.ShapeDtypeStruct((*size, x.shape[3], g.shape[3]), x.dtype)
    return jax.linear_transpose(lambda k: _plain(x, k, stride, pads), like)(g)[0]


def _matrix_kernel_gradient(x: Array, g: Array, *, size: tuple[int, int], stride: int, pads: Padding) -> Array:
    """Kernel gradient as matrix products, for CPUs.

    XLA convolves with `g` as the kernel, which is slow for large images and very slow for even kernels.
    Milliseconds on 2 cores, 3x3, batch 16: XLA / one product per shift / one product per image (forward pass):
      16 px, 64 > 64: 10.8 / 6.8 / 9.2 (5.4)         32 px, 48 > 68: 44.9 / 16.5 / 15.6 (19.1)
      64 px, 32 > 32: 68.9 / 75.4 / 22.1 (19.5)      128 px, 8 > 8: 23.5 / 59.8 / 10.5 (9.0)
    and at batch 4, XLA / one product per shift: 64 px, 512 > 512: 2769 / 1130; 128 px, 256 > 256: 24342 / 2953.
    """
    pixels, taps = g.shape[1] * g.shape[2], size[0] * size[1]
    block = 4 * pixels * taps * min(x.shape[3], g.shape[3])
    by_image = pixels >= 32 * 32 and taps > 1 and block <= CACHE_BYTES
    products = _products_by_image if by_image else _products_by_shift
    padded = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)))
    return products(padded, g, size, stride).astype(x.dtype)


def _products_by_shift(padded: Array, g: Array, size: tuple[int, int], stride: int) -> Array:
    """Kernel gradient as k x k products, one per shift of the kernel, each over all images at once."""
    # A CPU transposes the left operand. If that is `g`, it happens once and not per shift. A 1x1 kernel has one shift,
    # so there the narrower operand is on the left (ResNet-50, 96 px, batch 16, forward and backward: 1.32 to 1.13 s).
    product = functools.partial(
        lax.dot_general,
        dimension_numbers=(((0, 1, 2), (0, 1, 2)), ((), ())),
        preferred_element_type=_sum_type(g),
    )
    patches = _shifts(padded, g.shape[1:3], size, stride)
    if size == (1, 1) and padded.shape[3] < g.shape[3]:
        return product(patches[0], g)[None, None]
    products = [product(g, patch) for patch in patches]
    return jnp.stack(products).swapaxes(1, 2).reshape(*size, padded.shape[3], g.shape[3])


def _products_by_image(padded: Array, g: Array, size: tuple[int, int], stride: int) -> Array:
    """Kernel gradient with one product per image. All shifts of the narrower operand fit into the cache together."""
    (rows, columns), c_in, c_out = g.shape[1:3], padded.shape[3], g.shape[3]
    if stride == 1 and c_out < c_in:
        # The same sum with the roles swapped: over the pixels of the padded image, with `g` shifted by k - 1 to 0.
        around = ((0, 0, 0), *((k - 1, k - 1, 0) for k in size), (0, 0, 0))
        surrounded = lax.pad(g, jnp.zeros((), g.dtype), around)
        return _products_by_image(surrounded, padded, size, 1)[::-1, ::-1].swapaxes(2, 3)

    def add(total, image):
        pixels, gradient = image
        patches = [p.reshape(rows * columns, c_in) for p in _shifts(pixels[None], (rows, columns), size, stride)]
        product = jnp.matmul(
            gradient.reshape(rows * columns, c_out).T,
            jnp.concatenate(patches, axis=1),
            preferred_element_type=total.dtype,
        )
        return total + product, None

    start = jnp.zeros((c_out, size[0] * size[1] * c_in), _sum_type(g))
    total, _ = lax.scan(add, start, (padded, g))
    return total.T.reshape(*size, c_in, c_out)


def _shifts(padded: Array, shape: tuple[int, int], size: tuple[int, int], stride: int) -> list[Array]:
    """Parts [B, *shape, C] of the input that the taps of a kernel of `size` are multiplied with, row by row."""
    (rows, columns), (height, width) = shape, size
    last_row, last_column = stride * (rows - 1) + 1, stride * (columns - 1) + 1
    return [
        padded[:, i : i + last_row : stride, j : j + last_column : stride] for i in range(height) for j in range(width)
    ]


def _sum_type(g: Array) -> jnp.dtype:
    return jnp.promote_types(g.dtype, jnp.float32)
