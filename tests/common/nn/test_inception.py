"""Tests of `common.nn.inception`; its numbers are held by tests/golden."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.nn import inception
from common.nn.inception import BlockE, InceptionV3

KEY = jax.random.key(0)
QUICK = {"xla_backend_optimization_level": 0}  # compiling takes the time
# Patches of colour: pixel noise alone would give eight images of much the same features.
IMAGES = jax.random.uniform(KEY, (8, 5, 5, 3), minval=-1.0).repeat(15, 1).repeat(15, 2)


def values(like, seed=0):
    """Variables of He's size: drawing them by the module's initialisers would be compiled."""
    random = np.random.default_rng(seed)

    def draw(path, x):
        if path[-1].key in ("scale", "var"):
            return np.ones(x.shape, x.dtype)
        scale = np.sqrt(2 / np.prod(x.shape[:-1])) if len(x.shape) > 1 else 0.1
        return scale * random.standard_normal(x.shape, x.dtype)

    return jax.tree_util.tree_map_with_path(draw, like)


@functools.cache
def variables():
    return values(jax.eval_shape(InceptionV3().init, KEY, IMAGES))


@functools.cache
def program(dtype=jnp.float32):
    return jax.jit(InceptionV3(dtype=dtype).apply, compiler_options=QUICK)


def test_layers():
    images = jax.ShapeDtypeStruct((2, 299, 299, 3), jnp.float32)
    pooled, features = jax.eval_shape(InceptionV3().init_with_output, KEY, images)[0]
    assert pooled.shape == (2, 2048)
    sides = {name: x.shape[1:] for name, x in features.items()}
    assert sides["Conv2d_1a_3x3"] == (149, 149, 32)
    assert sides["MaxPool_3a_3x3"] == (73, 73, 64)
    assert sides["MaxPool_5a_3x3"] == (35, 35, 192)
    assert [sides[f"Mixed_5{letter}"] for letter in "bcd"] == [(35, 35, 256), (35, 35, 288), (35, 35, 288)]
    assert [sides[f"Mixed_6{letter}"] for letter in "abcde"] == [(17, 17, 768)] * 5
    assert [sides[f"Mixed_7{letter}"] for letter in "abc"] == [(8, 8, 1280), (8, 8, 2048), (8, 8, 2048)]
    assert sides["logits"] == sides["logits_unbiased"] == (1008,)


def test_output_is_the_mean_of_the_last_block():
    pooled, features = program()(variables(), IMAGES)
    np.testing.assert_allclose(pooled, features["Mixed_7c"].mean((1, 2)), rtol=1e-5)
    assert pooled.std(0).mean() > 1e-2  # the images are told apart
    bias = np.broadcast_to(variables()["params"]["fc_bias"][None], features["logits"].shape)
    np.testing.assert_allclose(features["logits"] - features["logits_unbiased"], bias, atol=1e-4)


def test_split_over_devices():
    """Each device works on its own images: same numbers, nothing sent."""
    assert jax.device_count() == 8
    mesh = Mesh(np.array(jax.devices()), ("data",))
    split, whole = NamedSharding(mesh, PartitionSpec("data")), NamedSharding(mesh, PartitionSpec())
    run = jax.jit(lambda v, x: InceptionV3().apply(v, x)[0], in_shardings=(whole, split), compiler_options=QUICK)
    compiled = run.lower(variables(), IMAGES).compile()
    text = compiled.as_text()
    assert not [name for name in ("all-reduce", "all-gather", "all-to-all", "collective-permute") if name in text]
    pooled = compiled(jax.device_put(variables(), whole), jax.device_put(IMAGES, split))
    assert pooled.sharding.is_equivalent_to(split, 2)
    expected = program()(variables(), IMAGES)[0]
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_average_pools_leave_the_padding_out():
    np.testing.assert_array_equal(inception._average_pool(jnp.ones((1, 4, 5, 2))), 1.0)
    impulse = jnp.zeros((1, 3, 3, 1)).at[0, 0, 0].set(36.0)
    np.testing.assert_allclose(inception._average_pool(impulse)[0, :, :, 0], [[9, 6, 0], [6, 4, 0], [0, 0, 0]])


def test_last_block_has_a_max_pool():
    """The two kinds of block differ in the 192 channels of the pool branch, and not on a constant image."""
    x = jax.random.normal(KEY, (2, 8, 8, 16))
    like = jax.eval_shape(BlockE(False).init, KEY, x)
    kinds = [jax.jit(BlockE(kind).apply, compiler_options=QUICK) for kind in (False, True)]
    mean, highest = (run(values(like), x) for run in kinds)
    np.testing.assert_allclose(mean[..., :-192], highest[..., :-192], atol=1e-5)
    assert np.abs(mean - highest)[..., -192:].max() > 0.1
    constant = jnp.broadcast_to(x[:, :1, :1], x.shape)
    mean, highest = (run(values(like), constant) for run in kinds)
    np.testing.assert_allclose(mean, highest, atol=1e-5)


def test_half_precision():
    pooled, _ = program(jnp.bfloat16)(variables(), IMAGES)
    expected, _ = program()(variables(), IMAGES)
    assert pooled.dtype == jnp.float32
    # 8 bits through 48 layers, the errors of which are independent: 48 ** 0.5 * 2 ** -8 = 2.7 % of the size
    error = np.sqrt(np.square(pooled - expected).mean() / np.square(expected).mean())
    assert 0 < error < 0.05


@pytest.mark.parametrize("shape", [(1, 74, 80, 3), (75, 75, 3)])
def test_wrong_images_are_loud(shape):
    with pytest.raises(ValueError, match="at least 75 pixels a side"):
        InceptionV3().apply(variables(), jnp.zeros(shape))


def test_pytorch_fid_input():
    images = jax.random.uniform(KEY, (1, 299, 299, 3))
    np.testing.assert_allclose(inception.pytorch_fid_input(images), 2 * images - 1, atol=1e-6)
    # Half-pixel centres: mirrored images stay mirrored.
    small = jax.random.uniform(KEY, (1, 64, 48, 3))
    resized = inception.pytorch_fid_input(small)
    assert resized.shape == (1, 299, 299, 3)
    np.testing.assert_allclose(inception.pytorch_fid_input(small[:, ::-1, ::-1]), resized[:, ::-1, ::-1], atol=1e-5)


def test_torch_fidelity_input():
    images = jax.random.randint(KEY, (1, 299, 299, 3), 0, 256).astype(jnp.uint8)
    np.testing.assert_array_equal(inception.torch_fidelity_input(images), (images.astype(jnp.float32) - 128) / 128)
    resized = inception.torch_fidelity_input(images[:, :64, :48])
    assert resized.shape == (1, 299, 299, 3) and -1 <= resized.min() and resized.max() < 1
    # No half-pixel centres: the first pixel stays where it is.
    np.testing.assert_array_equal(resized[:, 0, 0], (images[:, 0, 0].astype(jnp.float32) - 128) / 128)


def test_kinds_of_input_are_told_apart():
    pixels = np.zeros((1, 80, 80, 3), np.uint8)
    with pytest.raises(AssertionError):
        inception.pytorch_fid_input(pixels)
    with pytest.raises(AssertionError):
        inception.torch_fidelity_input(pixels.astype(np.float32))
    with pytest.raises(AssertionError):
        inception.torch_fidelity_input(pixels[..., :1])
