"""Layers that several networks share: convolution, batch normalisation and PReLU in PyTorch's conventions."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.ops.conv import conv2d

# He initialisation over the fan-out keeps the variance of the gradients through the strided convolutions.
kernel_init = nn.initializers.variance_scaling(2.0, "fan_out", "truncated_normal")


class Conv(nn.Module):
    """Convolution with `kernel` [k_h, k_w, C_in, C_out] and, if asked for, `bias` [C_out].

    `size` is k, or (k_h, k_w); `padding` is `conv2d`'s: k // 2 by default.
    """

    features: int
    size: int | tuple[int, int] = 3
    stride: int = 1
    use_bias: bool = False
    kernel_init: Callable = kernel_init
    padding: str | int = "SAME"
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
    """max(x, 0) + slope * min(x, 0) with one learned slope a channel, 0.25 at the start."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., C] -> [..., C]."""
        slope = self.param("slope", nn.initializers.constant(0.25), x.shape[-1:]).astype(x.dtype)
        return jnp.where(x >= 0, x, slope.reshape((1,) * (x.ndim - 1) + (-1,)) * x)


def batch_norm(train: bool, name: str, dtype: DTypeLike = jnp.float32) -> nn.BatchNorm:
    """Batch normalisation as PyTorch has it: eps 1e-5, running <- 0.9 running + 0.1 batch.

    Statistics are over the whole batch on every mesh, since the batch is one array whatever its sharding.
    """
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, dtype=dtype, name=name)
