"""Tests of `common.nn.vit`; its numbers are held by tests/golden."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.vit import PatchEmbedding, ViT, patch_map, resize_positions
from common.ops.conv import conv2d

QUICK = {"xla_backend_optimization_level": 0}
SMALL = ViT(patch=4, width=12, depth=3, heads=2, grid=3)
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 12, 12, 3)).astype(np.float32)


@functools.cache
def variables(module=SMALL):
    """Weights larger than at the start, so that attention is not uniform."""
    initial = jax.jit(module.init, compiler_options=QUICK)(jax.random.key(0), IMAGES)
    return jax.tree.map(lambda x: x + 0.3 * RNG.normal(size=x.shape).astype(np.float32), initial)


@functools.cache
def program(module=SMALL):
    return jax.jit(module.apply, compiler_options=QUICK)


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (ViT(), 21_665_664),
        (ViT(width=768, heads=12), 85_798_656),
        (ViT(width=768, heads=12, num_outputs=1000), 86_567_656),
        (ViT(patch=14, grid=37, layer_scale=True), 22_056_192),
    ],
    ids=["ViT-S/16", "ViT-B/16", "DeiT-B", "DINOv2 ViT-S/14"],
)
def test_published_sizes(module, count):
    images = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), images)
    assert sum(x.size for x in jax.tree.leaves(shapes)) == count
    output, features = jax.eval_shape(module.apply, shapes, images)
    tokens = 1 + (224 // module.patch) ** 2
    assert output.shape == (1, module.num_outputs or module.width)
    assert features["block12"].shape == features["block1.norm"].shape == (1, tokens, module.width)
    assert features["attention"].shape == (1, module.heads, tokens)


def test_patches_are_a_strided_convolution():
    module = PatchEmbedding(7, 4)
    images = RNG.normal(size=(2, 9, 14, 3)).astype(np.float32)  # a margin of 1 and 2 px
    params = module.init(jax.random.key(0), images)
    expected = conv2d(images, params["params"]["kernel"], stride=4, padding="VALID")
    assert expected.shape == (2, 2, 3, 7)
    np.testing.assert_allclose(module.apply(params, images), expected, atol=1e-5)


def test_without_positions_patches_are_a_set():
    """Swapping two patches of the image swaps their tokens and leaves the class token."""
    params = variables()["params"] | {"pos_embed": jnp.zeros_like(variables()["params"]["pos_embed"])}
    swapped = IMAGES.copy()
    swapped[:, 0:4, 0:4], swapped[:, 8:12, 4:8] = IMAGES[:, 8:12, 4:8], IMAGES[:, 0:4, 0:4]
    output, features = program()({"params": params}, IMAGES)
    moved, after = program()({"params": params}, swapped)
    np.testing.assert_allclose(moved, output, atol=1e-4)
    order = np.arange(10)
    order[[1, 9 - 1]] = [8, 1]  # patch (0, 0) and patch (2, 1)
    np.testing.assert_allclose(after["block3"], features["block3"][:, order], atol=1e-4)
    # With positions it is not so.
    assert np.abs(program()(variables(), swapped)[0] - program()(variables(), IMAGES)[0]).max() > 1e-2


def test_features():
    output, features = program()(variables(), IMAGES)
    np.testing.assert_allclose(features["attention"].sum(-1), np.ones((2, 2)), rtol=1e-5)
    assert features["attention"].min() >= 0
    scale, bias = (np.asarray(variables()["params"]["norm"][name]) for name in ("scale", "bias"))
    for i in (1, 2, 3):
        x = np.asarray(features[f"block{i}"], np.float64)
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        np.testing.assert_allclose(features[f"block{i}.norm"], x * scale + bias, atol=1e-4)
    np.testing.assert_allclose(output, features["block3.norm"][:, 0], atol=1e-6)
    tokens = patch_map(features["tokens"], (3, 3))
    np.testing.assert_array_equal(tokens[:, 2, 1], features["tokens"][:, 1 + 2 * 3 + 1])


def test_small_layer_scales_leave_the_residual_stream_alone():
    module = SMALL.clone(layer_scale=True)
    params = variables(module)["params"]
    tiny = {f"ls{i}": {"gamma": jnp.full(12, 1e-7)} for i in (1, 2)}
    still = params | {f"block{i}": params[f"block{i}"] | tiny for i in (1, 2, 3)}
    _, features = program(module)({"params": still}, IMAGES)
    np.testing.assert_allclose(features["block3"], features["tokens"], atol=1e-4)
    _, features = program(module)({"params": params}, IMAGES)
    assert np.abs(features["block3"] - features["tokens"]).max() > 0.1


def test_positions_of_other_grids():
    positions = RNG.normal(size=(1, 17, 5)).astype(np.float32)
    assert resize_positions(positions, (4, 4)) is positions
    assert resize_positions(positions, (4, 4), dino=True) is positions
    resized = resize_positions(positions, (8, 6))
    np.testing.assert_array_equal(resized[:, 0], positions[:, 0])
    # Rows come first: a grid that only depends on its row keeps doing so.
    rows = np.repeat(positions[:, 1:5], 4, axis=1)
    by_row = resize_positions(np.concatenate([positions[:, :1], rows], 1), (8, 6))[:, 1:].reshape(8, 6, 5)
    np.testing.assert_allclose(by_row, np.repeat(by_row[:, :1], 6, axis=1), atol=1e-5)
    # The shift of DINO's scale grows with the distance from the first patch, to about a twelfth of one here.
    dino = resize_positions(positions, (8, 6), dino=True)
    assert np.abs(dino - resized).max() > 1e-3
    np.testing.assert_allclose(dino, resized, atol=0.5)
    with pytest.raises(ValueError, match="16 positions"):
        resize_positions(positions[:, 1:], (8, 8))


@pytest.mark.parametrize("dino", [False, True])
def test_networks_take_other_sizes(dino):
    images = RNG.normal(size=(1, 16, 24, 3)).astype(np.float32)
    module = SMALL.clone(dino_positions=dino)
    _, features = program(module)(variables(), images)
    positions = resize_positions(variables()["params"]["pos_embed"], (4, 6), dino=dino)
    params = variables()["params"]
    patches = PatchEmbedding(12, 4).apply({"params": params["patch_embed"]}, images)
    np.testing.assert_allclose(features["tokens"][:, 1:], patches.reshape(1, 24, 12) + positions[:, 1:], atol=1e-5)
    with pytest.raises(ValueError, match="3 x 16 px has no patch of 4 px"):
        module.apply(variables(), images[:, :3, :16])


def test_half_precision_and_gradients():
    half = SMALL.clone(dtype=jnp.bfloat16, num_outputs=2)
    output, features = jax.eval_shape(half.apply, variables(half), IMAGES)
    assert output.dtype == features["attention"].dtype == jnp.float32 and features["block3"].dtype == jnp.bfloat16
    loss = lambda params: jnp.sin(SMALL.apply({"params": params}, IMAGES)[0]).sum()
    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)(variables()["params"])
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradient))
