"""Inception-v3 as FID measures with it: the graph of the TensorFlow release of December 2015 (Szegedy et al., 2016).

It differs from the usual Inception-v3 in its pools: average pools leave out the padding, the last block has a max pool.
Layers have the published names. `pytorch_fid_input` and `torch_fidelity_input` are two ways to prepare its images.
"""

import functools
from collections.abc import Callable

import chex
import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv
from common.ops.resize import resize_bilinear, resize_tf1

INPUT_SIZE = 299
"""Side in pixels of the images after preprocessing."""

MIN_SIZE = 75
"""Smallest side in pixels that leaves a pixel for every layer."""


def pytorch_fid_input(images: Array) -> Array:
    """pytorch-fid's preprocessing: bilinear with half-pixel centres, not antialiased, then 2 x - 1.

    [B, H, W, 3], float in [0, 1] (8-bit pixels over 255) -> [B, 299, 299, 3].
    """
    chex.assert_shape(images, (None, None, None, 3))
    chex.assert_type(images, float)
    return 2 * resize_bilinear(images, INPUT_SIZE) - 1


def torch_fidelity_input(images: Array) -> Array:
    """torch-fidelity's preprocessing, as in TensorFlow 1: `resize_tf1`, then (x - 128) / 128.

    [B, H, W, 3], uint8 -> [B, 299, 299, 3], float32. StyleGAN2-ADA hides its preprocessing in a compiled network and is
    believed to do the same.
    """
    chex.assert_shape(images, (None, None, None, 3))
    chex.assert_type(images, jnp.uint8)
    return (resize_tf1(images.astype(jnp.float32), (INPUT_SIZE, INPUT_SIZE)) - 128) / 128


def _max_pool(x: Array) -> Array:
    """Maxima over 3x3 pixels, stride 2: [B, H, W, C] -> [B, (H - 1) // 2, (W - 1) // 2, C]."""
    return nn.max_pool(x, (3, 3), (2, 2))


def _average_pool(x: Array) -> Array:
    """Means over 3x3 pixels, without pixels outside the image: [B, H, W, C] -> [B, H, W, C]."""
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


class Unit(nn.Module):
    """Convolution, batch normalisation with the running statistics (eps 1e-3), ReLU."""

    features: int
    size: int | tuple[int, int] = 1
    stride: int = 1
    padding: str = "SAME"
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] -> [B, H', W', features]."""
        x = Conv(self.features, self.size, self.stride, padding=self.padding, dtype=self.dtype, name="conv")(x)
        return nn.relu(nn.BatchNorm(use_running_average=True, epsilon=1e-3, dtype=self.dtype, name="bn")(x))


class BlockA(nn.Module):
    """Branches 1x1, 5x5, double 3x3 and average pool: [B, 35, 35, C] -> [B, 35, 35, 224 + pool_features]."""

    pool_features: int
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        unit = functools.partial(Unit, dtype=self.dtype)
        five = unit(48, name="branch5x5_1")(x)
        double = unit(96, 3, name="branch3x3dbl_2")(unit(64, name="branch3x3dbl_1")(x))
        branches = [
            unit(64, name="branch1x1")(x),
            unit(64, 5, name="branch5x5_2")(five),
            unit(96, 3, name="branch3x3dbl_3")(double),
            unit(self.pool_features, name="branch_pool")(_average_pool(x)),
        ]
        return jnp.concatenate(branches, axis=-1)


class BlockB(nn.Module):
    """Branches 3x3, double 3x3 and max pool: [B, 35, 35, C] -> [B, 17, 17, 480 + C]."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        unit = functools.partial(Unit, dtype=self.dtype)
        double = unit(96, 3, name="branch3x3dbl_2")(unit(64, name="branch3x3dbl_1")(x))
        branches = [
            unit(384, 3, 2, "VALID", name="branch3x3")(x),
            unit(96, 3, 2, "VALID", name="branch3x3dbl_3")(double),
            _max_pool(x),
        ]
        return jnp.concatenate(branches, axis=-1)


class BlockC(nn.Module):
    """Branches 1x1, 7x7 in two parts, double 7x7 in four, average pool: [B, 17, 17, C] -> [B, 17, 17, 768]."""

    width: int
    """Number of channels inside the branches with 7x7 convolutions."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        unit = functools.partial(Unit, dtype=self.dtype)
        seven = unit(self.width, name="branch7x7_1")(x)
        seven = unit(self.width, (1, 7), name="branch7x7_2")(seven)
        double = unit(self.width, name="branch7x7dbl_1")(x)
        for i, size in enumerate([(7, 1), (1, 7), (7, 1)], start=2):
            double = unit(self.width, size, name=f"branch7x7dbl_{i}")(double)
        branches = [
            unit(192, name="branch1x1")(x),
            unit(192, (7, 1), name="branch7x7_3")(seven),
            unit(192, (1, 7), name="branch7x7dbl_5")(double),
            unit(192, name="branch_pool")(_average_pool(x)),
        ]
        return jnp.concatenate(branches, axis=-1)


class BlockD(nn.Module):
    """Branches 3x3, 7x7 then 3x3, and max pool: [B, 17, 17, C] -> [B, 8, 8, 512 + C]."""

    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        unit = functools.partial(Unit, dtype=self.dtype)
        three = unit(192, name="branch3x3_1")(x)
        seven = unit(192, name="branch7x7x3_1")(x)
        seven = unit(192, (7, 1), name="branch7x7x3_3")(unit(192, (1, 7), name="branch7x7x3_2")(seven))
        branches = [
            unit(320, 3, 2, "VALID", name="branch3x3_2")(three),
            unit(192, 3, 2, "VALID", name="branch7x7x3_4")(seven),
            _max_pool(x),
        ]
        return jnp.concatenate(branches, axis=-1)


class BlockE(nn.Module):
    """Branches 1x1, 3x3, double 3x3 (the last two end in 1x3 beside 3x1), pool: [B, 8, 8, C] -> [B, 8, 8, 2048]."""

    max_pool: bool
    """Whether the pool takes maxima; otherwise it takes means."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array) -> Array:
        unit = functools.partial(Unit, dtype=self.dtype)
        three = unit(384, name="branch3x3_1")(x)
        double = unit(384, 3, name="branch3x3dbl_2")(unit(448, name="branch3x3dbl_1")(x))
        pooled = nn.max_pool(x, (3, 3), padding="SAME") if self.max_pool else _average_pool(x)
        branches = [
            unit(320, name="branch1x1")(x),
            unit(384, (1, 3), name="branch3x3_2a")(three),
            unit(384, (3, 1), name="branch3x3_2b")(three),
            unit(384, (1, 3), name="branch3x3dbl_3a")(double),
            unit(384, (3, 1), name="branch3x3dbl_3b")(double),
            unit(192, name="branch_pool")(pooled),
        ]
        return jnp.concatenate(branches, axis=-1)


class InceptionV3(nn.Module):
    """The network, always in inference: batch normalisation keeps its running statistics."""

    num_classes: int = 1008
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """Runs the network. Images do not influence each other, so a batch may be split over devices.

        Args:
          images: [B, H, W, 3], float in about [-1, 1], at least 75x75 pixels; 299x299 after the preprocessings.

        Returns:
          The pooled features [B, 2048], float32, and features by layer: `Conv2d_1a_3x3` to `Mixed_7c` with
          `MaxPool_3a_3x3` and `MaxPool_5a_3x3` between them, `logits` [B, num_classes], float32, and `logits_unbiased`
          (without the bias), from which torch-fidelity and StyleGAN2-ADA compute the Inception Score.

        Raises:
          ValueError: images of another rank or too small.
        """
        if images.ndim != 4 or min(images.shape[1:3]) < MIN_SIZE:
            raise ValueError(f"images must be [B, H, W, 3] of at least {MIN_SIZE} pixels a side, not {images.shape}")
        x, features = images, {}
        for name, layer in self._layers().items():
            features[name] = x = layer(x)
        pooled = x.astype(jnp.float32).mean((1, 2))
        kernel = self.param("fc_kernel", nn.initializers.lecun_normal(), (pooled.shape[-1], self.num_classes))
        bias = self.param("fc_bias", nn.initializers.zeros_init(), (self.num_classes,))
        logits = jnp.matmul(pooled, kernel, precision="highest")
        return pooled, features | {"logits_unbiased": logits, "logits": logits + bias[None]}

    def _layers(self) -> dict[str, Callable[[Array], Array]]:
        """The layers before the global pool by name, in order."""
        unit = functools.partial(Unit, dtype=self.dtype)
        layers = {
            "Conv2d_1a_3x3": unit(32, 3, 2, "VALID", name="Conv2d_1a_3x3"),
            "Conv2d_2a_3x3": unit(32, 3, 1, "VALID", name="Conv2d_2a_3x3"),
            "Conv2d_2b_3x3": unit(64, 3, name="Conv2d_2b_3x3"),
            "MaxPool_3a_3x3": _max_pool,
            "Conv2d_3b_1x1": unit(80, name="Conv2d_3b_1x1"),
            "Conv2d_4a_3x3": unit(192, 3, 1, "VALID", name="Conv2d_4a_3x3"),
            "MaxPool_5a_3x3": _max_pool,
        }
        for name, pool_features in {"Mixed_5b": 32, "Mixed_5c": 64, "Mixed_5d": 64}.items():
            layers[name] = BlockA(pool_features, self.dtype, name=name)
        layers["Mixed_6a"] = BlockB(self.dtype, name="Mixed_6a")
        for name, width in {"Mixed_6b": 128, "Mixed_6c": 160, "Mixed_6d": 160, "Mixed_6e": 192}.items():
            layers[name] = BlockC(width, self.dtype, name=name)
        layers["Mixed_7a"] = BlockD(self.dtype, name="Mixed_7a")
        for name, max_pool in {"Mixed_7b": False, "Mixed_7c": True}.items():
            layers[name] = BlockE(max_pool, self.dtype, name=name)
        return layers
