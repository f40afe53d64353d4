"""Landmark matching: find a landmark of one image in another image by its features (Sec. 3.3.1, thesis).

Feature maps are [B, h, w, C]; cell (x, y) stands for pixel (x stride, y stride), without a half-pixel shift. The thesis
compares features by cosine similarity. It follows the protocol of DVE, whose published code takes the plain inner
product instead, as the option `dve_inner_product` does.
"""

import chex
import jax
import jax.numpy as jnp
from jax import Array

from common.ops.resize import resize_bilinear
from common.ops.similarity import unit_vectors

DVE_WIDTH = 70
"""Image width in pixels to which DVE scales its errors."""


def match(source: Array, target: Array, landmarks: Array, stride: float, *, dve_inner_product: bool = False) -> Array:
    """Positions in the target images whose features are most similar to the features at the source's landmarks.

    Args:
      source: [B, h, w, C], features of the images whose landmarks are known.
      target: [B, h', w', C], features of the images in which the landmarks are searched.
      landmarks: [B, K, 2], pixels of the source.
      stride: pixels per cell of the feature maps.
      dve_inner_product: whether features are compared by their inner product, as in DVE's code, which prefers long
        vectors.

    Returns:
      [B, K, 2], pixels of the target, multiples of `stride`; the first cell in row-major order if several are equal.

    >>> row = jnp.eye(3).reshape(1, 1, 3, 3)
    >>> match(row, row[:, :, ::-1], jnp.array([[[7.0, 0.0], [0.0, 9.0]]]), 4.0).tolist()
    [[[0.0, 0.0], [8.0, 0.0]]]
    """
    chex.assert_rank([source, target, landmarks], [4, 4, 3])
    cells = query_cells(landmarks, stride, source.shape[1:3])
    queries = jax.vmap(lambda features, cell: features[cell[:, 1], cell[:, 0]])(source, cells)
    return stride * _most_similar(queries, target, dve_inner_product)


def query_cells(landmarks: Array, stride: float, size: tuple[int, int]) -> Array:
    """Cell (x, y) of a feature map of `size` (height, width) that holds each landmark: [..., 2] pixels -> int32.

    Positions are rounded half to even; positions outside the map move to its border.

    >>> query_cells(jnp.array([[2.0, 6.0], [-5.0, 99.0]]), 4.0, (12, 12)).tolist()
    [[0, 2], [0, 11]]
    """
    height, width = size
    limit = jnp.array([width - 1, height - 1]).reshape([1] * (landmarks.ndim - 1) + [2])
    return jnp.clip(jnp.round(landmarks / stride).astype(jnp.int32), 0, limit)


def dve_pixel_error(predicted: Array, target: Array, image_width: int, crop: int) -> Array:
    """Matching error as DVE reports it, in pixels of an image 70 pixels wide.

    Args:
      predicted: [..., K, 2], pixels of the network's input.
      target: [..., K, 2], pixels of the network's input.
      image_width: width before the crop, pixels.
      crop: number of pixels that were cut off at each side.

    Returns:
      [..., K].

    >>> dve_pixel_error(jnp.array([[3.0, 4.0]]), jnp.zeros((1, 2)), 180, 20).tolist()
    [2.5]
    """
    chex.assert_equal_shape([predicted, target])
    return jnp.linalg.norm(predicted - target, axis=-1) * (DVE_WIDTH / (image_width - 2 * crop))


def dense_match(source: Array, target: Array, *, upscale: int = 2, dve_inner_product: bool = False) -> Array:
    """Most similar source cell for every position of the target, by which source pixels are warped onto the target.

    Args:
      source: [B, h, w, C].
      target: [B, h', w', C].
      upscale: factor by which both maps are enlarged first, bilinearly with coinciding corners.
      dve_inner_product: see `match`.

    Returns:
      [B, h' upscale, w' upscale, 2], cells (x, y) of the enlarged source map.

    >>> row = jnp.eye(3).reshape(1, 1, 3, 3)
    >>> dense_match(row, row[:, :, ::-1], upscale=1)[0, 0].tolist()
    [[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """
    chex.assert_rank([source, target], 4)
    source, target = _enlarged(source, upscale), _enlarged(target, upscale)
    _, height, width, channels = target.shape

    def match_pair(pair):
        queries, keys = pair[1].reshape(1, height * width, channels), pair[0][None]
        return _most_similar(queries, keys, dve_inner_product).reshape(height, width, 2)

    # One pair of images after the other, because the similarities of a whole batch would fill the memory.
    return jax.lax.map(match_pair, (source, target))


def _enlarged(maps: Array, factor: int) -> Array:
    return resize_bilinear(maps, (maps.shape[1] * factor, maps.shape[2] * factor), align_corners=True)


def _most_similar(queries: Array, keys: Array, inner_product: bool) -> Array:
    """Cell (x, y) of `keys` [B, h, w, C] that is most similar to each of `queries` [B, Q, C]: [B, Q, 2], float32."""
    width = keys.shape[2]
    if not inner_product:  # the length of a query does not change which key is best
        keys = unit_vectors(keys)
    similarity = jnp.einsum("bqc,bhwc->bqhw", queries, keys, precision="highest")
    best = similarity.reshape(*queries.shape[:2], keys.shape[1] * width).argmax(-1)
    return jnp.stack([best % width, best // width], axis=-1).astype(jnp.float32)
