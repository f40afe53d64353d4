"""Tests of `common.nn.discriminator`; its numbers are held by tests/golden."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn import stylegan2_layers
from common.nn.discriminator import Discriminator, minibatch_std
from common.ops import conv_scaled
from common.train import sharding

KEY = jax.random.key(0)
NETWORK = Discriminator(32, channel_base=256, channel_max=16)
IMAGES = jax.random.normal(KEY, (4, 32, 32, 3))
QUICK = {"xla_backend_optimization_level": 0}  # small: compiling takes the time


def initialize(network, *inputs):
    """Variables with biases that are not 0."""
    variables = jax.jit(network.init, compiler_options=QUICK)(KEY, *inputs)
    random = np.random.default_rng(1)
    return jax.tree.map(lambda x: x + 0.1 * random.normal(size=x.shape).astype(np.float32), variables)


def run(network, variables, *inputs):
    return jax.jit(network.apply, compiler_options=QUICK)(variables, *inputs)


@pytest.fixture(scope="module")
def variables():
    return initialize(NETWORK, IMAGES)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_blocks(architecture):
    network = NETWORK.clone(architecture=architecture, mbstd_channels=2)
    variables = initialize(network, IMAGES)
    logits, features = run(network, variables, IMAGES)
    shapes = {name: feature.shape for name, feature in features.items()}
    assert shapes == {"b32": (4, 16, 16, 16), "b16": (4, 8, 8, 16), "b8": (4, 4, 4, 16), "mbstd": (4, 2)}
    assert logits.shape == (4,) and logits.dtype == jnp.float32
    assert ("skip" in variables["params"]["b32"]) == (architecture == "resnet")
    assert [name for name in variables["params"] if "fromrgb" in variables["params"][name]] == ["b32"]
    assert variables["params"]["b32"]["fromrgb"]["kernel"].shape == (1, 1, 3, 8)


def test_initial_state():
    """Unit-variance weights, zero biases, and features whose second moment stays about 1."""
    network = Discriminator(64, channel_base=4096, channel_max=64)
    images = jax.random.normal(KEY, (4, 64, 64, 3))
    variables = jax.jit(network.init, compiler_options=QUICK)(KEY, images)
    block = variables["params"]["b16"]
    assert math.isclose(block["conv0"]["kernel"].std(), 1, rel_tol=0.02)
    assert set(block["skip"]) == {"kernel"} and not block["conv1"]["bias"].any()
    _, features = run(network, variables, images)
    for r in network.resolutions:  # white noise loses by the low-passes, the border by its zeros
        assert 0.3 < np.sqrt(np.square(features[f"b{r}"]).mean()) < 1.5


def by_definition(x, group, count, n):
    """Loops over sub-batches of n images, their groups of every (n / group)-th image, and feature groups."""
    result = np.zeros((len(x), count))
    for start in range(0, len(x), n):
        for first in range(n // group):
            members = [start + first + k * (n // group) for k in range(group)]
            for f, channels in enumerate(np.split(np.arange(x.shape[3]), count)):
                deviation = np.sqrt(x[members][..., channels].var(0) + 1e-8)
                result[members, f] = deviation.mean()
    return result


@pytest.mark.parametrize(
    ("group", "count", "sub_batch"), [(4, 1, None), (2, 3, None), (None, 2, None), (32, 1, None), (2, 1, 4), (8, 2, 4)]
)
def test_minibatch_deviation(group, count, sub_batch):
    x = np.random.default_rng(0).normal(size=(12, 3, 2, 6)).astype(np.float32)
    n = sub_batch or len(x)
    expected = by_definition(x, min(group or n, n), count, n)
    np.testing.assert_allclose(minibatch_std(jnp.asarray(x), group, count, sub_batch), expected, rtol=1e-5)


@pytest.mark.parametrize(("group", "count", "sub_batch"), [(5, 1, None), (4, 4, None), (2, 1, 8), (4, 1, 6)])
def test_groups_that_do_not_fit(group, count, sub_batch):
    with pytest.raises(ValueError, match="cannot be split by"):
        minibatch_std(jnp.ones((12, 4, 4, 6)), group, count, sub_batch)


def test_equal_images_do_not_deviate():
    """The gradient is finite, too; without the epsilon it would not be."""
    x = jnp.ones((4, 4, 4, 2))
    np.testing.assert_allclose(minibatch_std(x), 1e-4, rtol=1e-3)
    assert not jax.grad(lambda x: minibatch_std(x).sum())(x).any()


@pytest.mark.parametrize(("sub_batch", "exchanges"), [(None, True), (2, False)])
def test_groups_do_not_depend_on_the_sharding(sub_batch, exchanges):
    """Two images per device: groups of the whole batch reach across devices, groups of sub-batches of two do not."""
    network = Discriminator(8, channel_base=64, channel_max=8, mbstd_group=2, mbstd_batch=sub_batch)
    images = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype(np.float32)
    variables, mesh = initialize(network, images), sharding.make_mesh()
    logits, features = run(network, variables, images)
    shardings = sharding.replicated_sharding(mesh), sharding.batch_sharding(mesh)
    step = jax.jit(
        network.apply, in_shardings=shardings, out_shardings=sharding.batch_sharding(mesh), compiler_options=QUICK
    )
    split, split_features = step(variables, sharding.put_batch(images, mesh))
    np.testing.assert_allclose(split_features["mbstd"], features["mbstd"], rtol=1e-5)
    np.testing.assert_allclose(split, logits, atol=1e-5)
    program = step.lower(variables, images).compile().as_text()
    collectives = ("all-reduce", "all-gather", "all-to-all", "collective-permute")
    assert any(name in program for name in collectives) == exchanges


def test_logits_see_the_group(variables):
    """Changing one image moves the logits of the images in its group only."""
    network, images = NETWORK.clone(mbstd_group=2), IMAGES
    before, _ = run(network, variables, images)
    after, _ = run(network, variables, images.at[0].multiply(2.0))
    moved = np.abs(after - before) > 1e-6
    np.testing.assert_array_equal(moved, [True, False, True, False])  # image i is in group i mod (4 / 2)


def xla_conv2d(x, kernel, stride=1, padding="SAME"):
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def r1_gradient(network, variables, images, *labels):
    def penalty(variables):
        slopes = jax.grad(lambda images: network.apply(variables, images, *labels)[0].sum())(images)
        return jnp.square(slopes).sum((1, 2, 3)).mean()

    return jax.jit(jax.grad(penalty), compiler_options=QUICK)(variables)["params"]


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_r1_gradient(monkeypatch, architecture):
    """Gradients of gradients through the whole network, with the gradients of `conv` and with XLA's own."""
    network = Discriminator(16, channel_base=128, channel_max=8, architecture=architecture)
    images = IMAGES[:, :16, :16]
    variables = initialize(network, images)
    ours = r1_gradient(network, variables, images)
    for module in (stylegan2_layers, conv_scaled):
        monkeypatch.setattr(module, "conv2d", xla_conv2d)
    theirs = r1_gradient(network, variables, images)
    # float32 with sums of up to 16 * 16 * 8 * 9 terms in other orders, through 7 layers twice
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max() + 1e-7), ours, theirs)
    assert np.abs(ours["b16"]["conv1"]["kernel"]).max() > 1e-4
    assert (ours["b4"]["out"]["bias"] == 0).all()  # the logit's offset has no slope


def test_conditional():
    network = NETWORK.clone(c_dim=3, num_layers=2)
    c = jnp.eye(3)[jnp.array([0, 1, 2, 0])]
    variables = initialize(network, IMAGES, c)
    assert set(variables["params"]["mapping"]) == {"embed", "fc0", "fc1"}
    logits, _ = run(network, variables, IMAGES, c)
    other, _ = run(network, variables, IMAGES, jnp.roll(c, 1, axis=1))
    assert np.abs(logits - other).min() > 1e-3
    assert np.abs(r1_gradient(network, variables, IMAGES, c)["mapping"]["fc1"]["kernel"]).max() > 0
    with pytest.raises(ValueError, match="needs c"):
        network.apply(variables, IMAGES)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_low_precision(variables, dtype):
    """Only the highest resolutions are rounded, and the logits stay near."""
    exact, _ = run(NETWORK, variables, IMAGES)
    network = NETWORK.clone(dtype=dtype, low_precision_resolutions=2)
    logits, features = run(network, variables, IMAGES)
    assert [features[f"b{r}"].dtype for r in (32, 16, 8)] == [dtype, dtype, jnp.float32]
    assert logits.dtype == features["mbstd"].dtype == jnp.float32
    # 8 layers of inputs, weights and outputs rounded to 2^-9 (bfloat16) relative, which add up like noise
    assert 0 < np.abs(logits - exact).max() < 0.1 * np.std(features["b8"])
    slopes = r1_gradient(network, variables, IMAGES)
    assert all(np.isfinite(x).all() and x.dtype == jnp.float32 for x in jax.tree.leaves(slopes))


def test_the_clamp_keeps_float16_finite(variables):
    """Images that are just within float16's range (65,504) leave it after one convolution."""
    bright = 6e4 * jnp.abs(jnp.tanh(IMAGES))
    plain = NETWORK.clone(dtype=jnp.float16)
    assert not np.isfinite(run(plain, variables, bright)[0]).all()
    clamped = plain.clone(conv_clamp=256.0)
    logits, features = run(clamped, variables, bright)
    assert np.isfinite(logits).all()
    assert all(np.isfinite(feature).all() for feature in features.values())
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(r1_gradient(clamped, variables, bright)))


def test_the_clamp_scales_with_the_gain():
    layer = stylegan2_layers.EqualizedConv(4, gain=0.5, clamp=3.0)
    x = 100 * jax.random.normal(KEY, (1, 6, 6, 2))
    y = layer.apply(layer.init(KEY, x), x)
    assert (y.min(), y.max()) == (-1.5, 1.5)


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [(32, (4, 16, 16, 3), r"must be \[B, 32, 32, 3\]"), (48, (1, 48, 48, 3), "two"), (4, (1, 4, 4, 3), "of 8 px")],
)
def test_wrong_sizes_are_loud(size, shape, message):
    with pytest.raises(ValueError, match=message):
        Discriminator(size).init(KEY, jnp.ones(shape))
