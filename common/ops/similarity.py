"""Unit vectors, and hypercolumns, whose cosine similarities tell which positions of two images correspond."""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
from jax import Array

from common.ops.resize import Size, resize_bilinear


def unit_vectors(x: Array, epsilon: float = 1e-12, *, added: bool = False) -> Array:
    """Vectors divided by their L2 norm along the last axis. A zero vector stays zero and has a finite gradient.

    Args:
      x: [..., C], float.
      epsilon: smallest divisor; PyTorch's `normalize` takes 1e-12.
      added: whether `epsilon` is added to every norm instead; LPIPS adds 1e-10.

    Returns:
      [..., C], of the dtype of `x`.
    """
    # x / max(||x||, epsilon), or x / (||x|| + epsilon)
    squares = jnp.square(x).sum(-1, keepdims=True)
    positive = squares > 0
    norm = jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)
    return x / (norm + epsilon if added else jnp.maximum(norm, epsilon))


def hypercolumn(features: Mapping[str, Array], size: Size, layers: Sequence[str], *, normalize: bool = False) -> Array:
    """Feature maps of several layers, resized to one grid and concatenated.

    Args:
      features: [B, h, w, C] by layer name; h and w may differ between layers and from the grid in either direction.
      size: (height, width) of the grid, or the side of a square grid.
      layers: layer names in the order of their channels. ContrastLandmark's variant "layer 5" has 'pool' as the last.
      normalize: whether the vector at every position is divided by its L2 norm, as LEAD does before it takes
        similarities (Sec. 3.2.3, thesis); ContrastLandmark does not.

    Returns:
      [B, *size, sum of C]; for ResNet-50 2048 + 1024 + 512 + 256 = 3840 channels.

    Raises:
      ValueError: a layer is not among the features.
    """
    if absent := [name for name in layers if name not in features]:
        raise ValueError(f"no features named {', '.join(absent)}; there are {', '.join(features)}")
    column = jnp.concatenate([resize_bilinear(features[name], size) for name in layers], axis=-1)
    # h / ||h||
    return unit_vectors(column) if normalize else column
