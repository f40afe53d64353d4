"""Tests `hsr_jax.editing.projection` and `common.pretrained.perceptual` with a generator for 16 px."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.lpips import Lpips
from common.nn.stylegan2 import Generator, num_ws
from common.nn.vgg import VGG16
from common.pretrained import perceptual
from common.weights import formats
from hsr_jax.editing import projection
from hsr_jax.editing.projection import ProjectionConfig, Projector
from hsr_jax.gan.gan import synthesis

G = Generator(16, 6, w_dim=5, num_layers=1, channel_base=64, channel_max=8)
CONFIG = ProjectionConfig(learning_rate=0.05, exploration=0.02)
KEY = jax.random.key(0)


@functools.cache
def variables():
    """Variables of an untrained generator, with noise switched on."""
    init = jax.jit(G.init)(KEY, jnp.zeros((1, 6)))
    return jax.tree_util.tree_map_with_path(lambda path, x: x + 0.1 if "noise_strength" in str(path) else x, init)


@functools.cache
def targets():
    """Two latents w and their images."""
    w = 0.7 * jax.random.normal(KEY, (2, 5))
    ws = jnp.broadcast_to(w[:, None], (2, num_ws(16), 5))
    return w, jax.jit(functools.partial(synthesis, G))(variables(), ws)[0]


def find(target, steps, indices=(0, 1), space="w", config=CONFIG):
    """State after the steps, and the results of `measure` before and after them."""
    projector = Projector(G, perceptual.pixels(), config, steps, space)
    state = projector.create(jnp.zeros(5), jnp.array(indices, jnp.uint32))
    target = projector.target({}, target)
    measure = jax.jit(projector.measure)
    before = measure(state.latents, variables(), {}, target)
    advance = jax.jit(projector.advance, static_argnames="steps")
    chunk = projection.chunk(steps)
    for _ in range(0, steps, chunk):
        state, losses = advance(state, variables(), {}, target, jnp.float32(1.0), steps=chunk)
    assert int(state.step) == steps
    return state, before, measure(state.latents, variables(), {}, target)


def test_a_generated_image_is_found_again():
    w, images = targets()
    state, before, after = find(images, 200)
    assert (after[1] < 0.02 * before[1]).all()
    np.testing.assert_allclose(state.latents["w"][:, 0], w, atol=0.1)


def test_w_plus_has_a_row_for_every_layer_and_comes_closer():
    """Images of latents whose rows differ have no exact latent in W."""
    ws = 0.7 * jax.random.normal(KEY, (2, num_ws(16), 5))
    images = jax.jit(functools.partial(synthesis, G))(variables(), ws)[0]
    _, _, in_w = find(images, 150)
    state, _, in_w_plus = find(images, 150, space="w+")
    assert state.latents["w"].shape == (2, num_ws(16), 5)
    assert float(jnp.ptp(state.latents["w"], axis=1).min()) > 1e-3
    assert (in_w_plus[1] < 0.5 * in_w[1]).all()


def test_an_image_does_not_depend_on_its_batch():
    _, images = targets()
    together, _, _ = find(images, 12)
    alone, _, _ = find(images[1:], 12, indices=(1,))
    # Twelve steps of Adam, each with a learning rate of at most 0.05, may amplify rounding errors of the gradient.
    np.testing.assert_allclose(alone.latents["w"][0], together.latents["w"][1], atol=1e-3)
    other, _, _ = find(images[1:], 12, indices=(7,))
    assert float(jnp.abs(other.latents["w"][0] - alone.latents["w"][0]).max()) > 1e-3


def test_noise_is_found_and_stays_noise():
    _, images = targets()
    config = dataclasses.replace(CONFIG, optimize_noise=True)
    state, before, after = find(images, 40, config=config)
    assert {name: maps.shape for name, maps in state.latents["noise"].items()} == {
        "b4.conv1": (2, 4, 4),
        "b8.conv0": (2, 8, 8),
        "b8.conv1": (2, 8, 8),
        "b16.conv0": (2, 16, 16),
        "b16.conv1": (2, 16, 16),
    }
    for maps in state.latents["noise"].values():
        np.testing.assert_allclose(maps.mean((1, 2)), 0, atol=1e-5)
        np.testing.assert_allclose(maps.std((1, 2)), 1, atol=1e-4)
        assert float(jnp.abs(maps[0] - maps[1]).max()) > 0.1
    assert (after[1] < before[1]).all()
    assert find(images, 2)[0].latents["noise"] == {}


def test_the_schedule():
    config = ProjectionConfig(learning_rate=0.2, warm_up=0.1, cool_down=0.5, exploration=0.05, exploration_end=0.5)
    rates = [float(projection.learning_rate(jnp.float32(t), config)) for t in (0, 0.05, 0.1, 0.5, 0.75, 1)]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.2, 0.1, 0], atol=1e-6)
    noise = [float(projection.exploration(jnp.float32(t), config)) for t in (0, 0.25, 0.5, 1)]
    np.testing.assert_allclose(noise, [0.05, 0.0125, 0, 0], atol=1e-8)
    assert [projection.chunk(n) for n in (1, 24, 499, 500)] == [1, 24, 1, 25]


def test_noise_regularization():
    # There is one scale with two axes, and each product is 1.
    np.testing.assert_allclose(projection.noise_regularization({"a": jnp.ones((1, 8, 8))}), [2])
    # At the second scale the values are 2 and the products 4: 2 (1 + 16). The sum runs over all maps.
    np.testing.assert_allclose(projection.noise_regularization({"a": jnp.ones((1, 16, 16))}), [34])
    both = {"a": jnp.ones((1, 8, 8)), "b": -jnp.ones((1, 16, 16))}
    np.testing.assert_allclose(projection.noise_regularization(both), [36])
    # The mean of r^2 products of white noise has variance 1 / r^2: 2 (1/32^2 + 1/16^2 + 1/8^2) on average.
    white = projection.noise_regularization({"a": jax.random.normal(KEY, (256, 32, 32))})
    expected = 2 * (1 / 32**2 + 1 / 16**2 + 1 / 8**2)
    np.testing.assert_allclose(white.mean(), expected, rtol=0.3)


def test_moments():
    w = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + 3
    mean, deviation = projection.moments(w)
    np.testing.assert_allclose(mean, [3, 3])
    np.testing.assert_allclose(deviation, 1)


def test_pixels_compare_all_scales():
    pixels = perceptual.pixels()
    a = jnp.zeros((2, 32, 32, 3))
    fine = a.at[1].set(jnp.indices((32, 32)).sum(0)[..., None] % 2 * 2.0 - 1)  # vanishes in a mean over 2x2 pixels
    compare = lambda a, b: pixels.compare({}, pixels.describe({}, a), pixels.describe({}, b))
    np.testing.assert_allclose(compare(a, fine), [0, 1 / 3], atol=1e-6)
    np.testing.assert_allclose(compare(a, a + 0.5), [0.25, 0.25])
    assert perceptual.open_perceptual("").name == pixels.name


def test_lpips_is_taken_from_its_checkpoint(tmp_path, save_arrays):
    module, (a, b) = Lpips(VGG16(widths=(2, 2, 2, 2, 2))), jax.random.uniform(KEY, (2, 3, 16, 16, 3), minval=-1.0)
    weights = jax.jit(module.init)(KEY, a, b)
    path = save_arrays(tmp_path / "l.safetensors", formats.find("lpips").arrays(weights, module))
    network = perceptual.open_perceptual(path)
    assert network.name == "LPIPS"
    describe = functools.partial(network.describe, network.variables)
    found = network.compare(network.variables, describe(a), describe(b))
    np.testing.assert_allclose(found, module.apply(weights, a, b)[0], rtol=1e-5)


def test_wrong_sizes_are_loud():
    with pytest.raises(AssertionError):
        find(jnp.zeros((2, 8, 8, 3)), 1)
