"""The layers of StyleGAN2: equalised dense layer and convolution, modulated convolution, RGB output.

Weights are stored with unit variance and scaled at run time ("equalised learning rate"), as the public checkpoints do.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from common.ops.conv import conv2d
from common.ops.conv_scaled import conv2d_down, conv2d_up
from common.ops.resample import downsample2d

NOISE_MODES = ("const", "random", "none")


def leaky_relu(x: Array) -> Array:
    """Leaky ReLU of slope 0.2 times sqrt(2), which keeps the second moment of normal input about 1."""
    return jnp.maximum(x, 0.2 * x) * math.sqrt(2)


def relu(x: Array) -> Array:
    """ReLU times sqrt(2), which keeps the second moment of normal input 1."""
    return jax.nn.relu(x) * math.sqrt(2)


def clipped(x: Array, limit: float | None) -> Array:
    """`x` clipped to +- `limit`, or unchanged without a limit."""
    return x if limit is None else jnp.clip(x, -limit, limit)


def normalize_second_moment(x: Array) -> Array:
    """x / sqrt(mean(x^2) + 1e-8) over the last axis."""
    return x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-8)


def modulated_conv(x: Array, kernel: Array, style: Array, *, up: bool = False, demodulate: bool = True) -> Array:
    """Convolution whose kernel is scaled per sample and input channel by `style`, without a kernel per sample.

    Scaling the input and the output instead of the kernel lets the batch share one convolution; kernels per sample are
    grouped convolutions, 3 to 4 times slower on a CPU. StyleGAN2, Eq. (1) and (3).

    Args:
      x: [B, H, W, C_in].
      kernel: [k, k, C_in, C_out].
      style: [B, C_in], float32.
      up: whether the resolution is doubled.
      demodulate: whether every output channel is scaled so that input of unit variance gives output of unit variance.

    Returns:
      [B, H, W, C_out] or [B, 2 H, 2 W, C_out], of the dtype of `x`.
    """
    if demodulate and x.dtype == jnp.float16:
        # Demodulation divides the scales of kernel and style out again; without them sums stay below 65504.
        kernel = kernel / (jnp.abs(kernel).max((0, 1, 2), keepdims=True) * math.sqrt(math.prod(kernel.shape[:3])))
        style = style / jnp.abs(style).max(1, keepdims=True)
    x = x * style.astype(x.dtype)[:, None, None]
    y = conv2d_up(x, kernel.astype(x.dtype)) if up else conv2d(x, kernel.astype(x.dtype))
    if not demodulate:
        return y
    # sigma_o^-1 = 1 / sqrt(sum_{i,k} (s_i w_{i,o,k})^2 + eps)
    sigma = jax.lax.rsqrt(jnp.square(style) @ jnp.square(kernel).sum((0, 1)) + 1e-8)
    return y * sigma.astype(x.dtype)[:, None, None]


class Dense(nn.Module):
    """y = x (K multiplier / sqrt(fan_in)) + b multiplier. [B, D] -> [B, features], float32."""

    features: int
    multiplier: float = 1.0
    """Learning-rate multiplier; stored weights are larger by its inverse."""
    bias_init: float = 0.0
    """Initial value of the stored bias."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        fan_in = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.normal(1 / self.multiplier), (fan_in, self.features))
        bias = self.param("bias", nn.initializers.constant(self.bias_init), (self.features,))
        return x @ (kernel * (self.multiplier / math.sqrt(fan_in))) + (bias * self.multiplier)[None]


class EqualizedConv(nn.Module):
    """Convolution with K / sqrt(fan_in), bias, activation, gain, clamp: [B, H, W, C] -> [B, H, W, features].

    It computes in the dtype of the input. In low precision, values may overflow before the clamp but not after it.
    """

    features: int
    size: int = 3
    down: bool = False
    """Whether the resolution is halved: low-pass, subsampling, 1x1 kernel; or low-pass, larger kernel of stride 2."""
    use_bias: bool = True
    activation: Callable[[Array], Array] | None = leaky_relu
    gain: float = 1.0
    """Factor on the activation."""
    clamp: float | None = None
    """The output lies within +- clamp * gain."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        y = self._convolve(x, (kernel / math.sqrt(math.prod(shape[:3]))).astype(x.dtype))
        if self.use_bias:
            bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
            y = y + bias.astype(y.dtype)[None, None, None]
        y = (y if self.activation is None else self.activation(y)) * self.gain
        return clipped(y, None if self.clamp is None else self.clamp * self.gain)

    def _convolve(self, x: Array, kernel: Array) -> Array:
        if not self.down:
            return conv2d(x, kernel)
        return conv2d(downsample2d(x), kernel) if self.size == 1 else conv2d_down(x, kernel)


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU: [B, H, W, C] -> [B, R, R, features].

    The noise of mode 'const' is `noise_const` [R, R] in the collection 'stats'. Mode 'random' draws new noise from the
    PRNG stream 'noise'.
    """

    features: int
    resolution: int
    up: bool = False
    clamp: float | None = None
    """The output lies within +- clamp."""

    @nn.compact
    def __call__(self, x: Array, w: Array, noise_mode: str = "const") -> Array:
        if noise_mode not in NOISE_MODES:
            raise ValueError(f"noise_mode {noise_mode!r} is not one of {NOISE_MODES}")
        channels = x.shape[-1]
        style = Dense(channels, bias_init=1.0, name="affine")(w)
        # No 1 / sqrt(fan_in): demodulation divides by the norm of the kernel anyway.
        kernel = self.param("kernel", nn.initializers.normal(1.0), (3, 3, channels, self.features))
        y = modulated_conv(x, kernel, style, up=self.up)
        y = self._add_noise(y, noise_mode)
        bias = self.param("bias", nn.initializers.zeros_init(), (self.features,))
        return clipped(leaky_relu(y + bias.astype(y.dtype)[None, None, None]), self.clamp)

    def _add_noise(self, y: Array, mode: str) -> Array:
        size = (self.resolution, self.resolution)
        strength = self.param("noise_strength", nn.initializers.zeros_init(), ())
        const = self.variable("stats", "noise_const", lambda: jax.random.normal(self.make_rng("params"), size))
        if mode == "none":
            return y
        if mode == "random":
            noise = jax.random.normal(self.make_rng("noise"), (y.shape[0], *size))
        else:
            noise = const.value[None]
        return y + (noise * strength).astype(y.dtype)[..., None]


class ToRGB(nn.Module):
    """Modulated 1x1 convolution without demodulation or activation: [B, H, W, C] -> [B, H, W, channels], float32."""

    channels: int = 3
    clamp: float | None = None

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        fan_in = x.shape[-1]
        style = Dense(fan_in, bias_init=1.0, name="affine")(w) / math.sqrt(fan_in)
        kernel = self.param("kernel", nn.initializers.normal(1.0), (1, 1, fan_in, self.channels))
        bias = self.param("bias", nn.initializers.zeros_init(), (self.channels,))
        y = modulated_conv(x, kernel, style, demodulate=False)
        return clipped(y + bias.astype(y.dtype)[None, None, None], self.clamp).astype(jnp.float32)
