"""A feature pyramid network as a decoder: stages at 1/4 to 1/32 of the resolution become one map at 1/4.

The pyramid is from Lin et al. (2017). Upsampling blocks bring its levels to one resolution, where they are summed
(Kirillov et al., 2019; Pinheiro et al., 2020). LEAD's dense network has this decoder (Sec. 3.3, thesis).
"""

from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike

from common.nn.layers import Conv
from common.ops.resize import resize_bilinear


class UpsamplingBlock(nn.Module):
    """3x3 convolution, GroupNorm, ReLU, bilinear upsampling to the next finer level."""

    features: int
    groups: int = 32
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Array, size: tuple[int, int]) -> Array:
        """[B, h, w, C] -> [B, *size, features]."""
        x = Conv(self.features, dtype=self.dtype, name="conv")(x)
        x = nn.GroupNorm(self.groups, epsilon=1e-5, dtype=self.dtype, name="norm")(x)
        return resize_bilinear(nn.relu(x), size)


class FPN(nn.Module):
    """Lateral 1x1 convolutions, the top-down path, upsampling blocks, their sum, a 1x1 convolution."""

    features: int = 64
    """Number of channels of the result; 64, 128 or 256 in the thesis."""
    width: int = 256
    """Number of channels of the pyramid."""
    groups: int = 32
    """Number of groups of the normalisation; `features` must be a multiple of it."""
    layers: Sequence[str] = ("layer1", "layer2", "layer3", "layer4")
    """Names of the stages, finest first."""
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, stages: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Decodes the stages of a backbone.

        Args:
          stages: [B, h_i, w_i, C_i] by name; each stage in `layers` has half the size of the stage before, rounded up.
            Other stages are ignored.

        Returns:
          [B, h_1, w_1, features], float32, on the grid of the first stage; and per stage the features '{name}.pyramid'
          [B, h_i, w_i, width] and '{name}.upsampled' [B, h_1, w_1, features].

        Raises:
          ValueError: a stage is absent, or `features` is not a multiple of `groups`.
        """
        if absent := [name for name in self.layers if name not in stages]:
            raise ValueError(f"no stages named {', '.join(absent)}; there are {', '.join(stages)}")
        if self.features % self.groups:
            raise ValueError(f"{self.features} features are no multiple of {self.groups} groups")
        sizes = [stages[name].shape[1:3] for name in self.layers]
        results, above, total = {}, None, 0.0
        for level in reversed(range(len(self.layers))):
            name = self.layers[level]
            x = Conv(self.width, 1, use_bias=True, dtype=self.dtype, name=f"{name}_lateral")(stages[name])
            # P_i = lateral(C_i) + up(P_{i+1})
            above = results[f"{name}.pyramid"] = x if above is None else x + _nearest(above, sizes[level])
            x = above
            # One block per doubling; the finest level has one that keeps its size.
            for step, target in enumerate(reversed(range(max(level, 1)))):
                x = UpsamplingBlock(self.features, self.groups, self.dtype, name=f"{name}_up{step}")(x, sizes[target])
            results[f"{name}.upsampled"] = x
            total = total + x
        # Blocks end in a ReLU: without a last linear map no feature and no cosine similarity would be negative.
        y = Conv(self.features, 1, use_bias=True, dtype=self.dtype, name="out")(total)
        return y.astype(jnp.float32), results


def _nearest(x: Array, size: tuple[int, int]) -> Array:
    """[B, h, w, C] -> [B, *size, C]: every pixel is doubled along both axes; an odd `size` cuts off the last copy."""
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)[:, : size[0], : size[1]]
