"""Layers that several networks share: convolution, batch normalisation and PReLU in PyTorch's conventions."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.ops.conv import conv2d

# He initialisation over the fan-out keeps the variance of the gradients through the strided convolutions.
kernel_init = nn.initializers.variance_scaling(2.0, "fan_out", "truncated_normal")


class Conv(nn.Module):
    """Convolution with `kernel` [k_h, k_w, C_in, C_out] and, with `use_bias`, `bias` [C_out]."""

    features: int
    size: int | tuple[int, int] = 3
    """Side k of a square kernel, or (k_h, k_w)."""
    stride: int = 1
    use_bias: bool = False
    kernel_init: Callable = kernel_init
    padding: str | int = "SAME"
    """Padding as in `conv2d`; 'SAME' is k // 2."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C_in] -> [B, ceil(H / stride), ceil(W / stride), C_out], smaller with less padding."""
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        kernel = self.param("kernel", self.kernel_init, (*size, x.shape[-1], self.features))
        y = conv2d(x.astype(self.dtype), kernel.astype(self.dtype), stride=self.stride, padding=self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return y + bias.astype(self.dtype)[None, None, None]


class PReLU(nn.Module):
    """max(x, 0) + slope * min(x, 0) with one learned slope per channel, 0.25 at the start."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., C] -> [..., C]."""
        slope = self.param("slope", nn.initializers.constant(0.25), x.shape[-1:]).astype(x.dtype)
        return jnp.where(x >= 0, x, slope.reshape((1,) * (x.ndim - 1) + (-1,)) * x)


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the last, as in PyTorch.

    The batch is one array whatever its sharding, so statistics are always over the whole batch. The running average
    takes the unbiased variance, n / (n - 1) times the biased one that `nn.BatchNorm` of Flax takes.
    """

    use_running_average: bool
    dtype: DTypeLike = jnp.float32
    """Type of the result; statistics are always float32."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., C] -> [..., C]; updates `mean` and `var` [C] in 'batch_stats' unless `use_running_average`."""
        width = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones_init(), width)
        bias = self.param("bias", nn.initializers.zeros_init(), width)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, width)
        running_var = self.variable("batch_stats", "var", jnp.ones, width)
        if self.use_running_average:
            mean, var = running_mean.value, running_var.value
        else:
            mean, var = _moments(x)
            if not self.is_initializing():
                # running <- 0.9 running + 0.1 batch
                n = x.size // width[0]
                running_mean.value = 0.9 * running_mean.value + 0.1 * mean
                running_var.value = 0.9 * running_var.value + 0.1 * var * (n / max(n - 1, 1))
        factor = (jax.lax.rsqrt(var + 1e-5) * scale).reshape((1,) * (x.ndim - 1) + (-1,))
        return ((x - mean.reshape(factor.shape)) * factor + bias.reshape(factor.shape)).astype(self.dtype)


def _moments(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance [C] in one pass over `x`: E[x^2] - E[x]^2."""
    x, axes = x.astype(jnp.float32), tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    return mean, jnp.maximum(jnp.square(x).mean(axes) - jnp.square(mean), 0)


def batch_norm(train: bool, name: str, dtype: DTypeLike = jnp.float32) -> BatchNorm:
    """The layer with the statistics of the batch if `train`, otherwise with the running averages."""
    return BatchNorm(use_running_average=not train, dtype=dtype, name=name)
