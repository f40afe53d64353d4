"""Tests of `common.nn.lpips` and its trunks; their numbers are held by tests/golden."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.alexnet import AlexNet
from common.nn.lpips import Lpips, standardize
from common.nn.vgg import VGG16

KEY = jax.random.key(0)
QUICK = {"xla_backend_optimization_level": 0}  # small: compiling takes the time
TRUNKS = [VGG16((4, 6, 8, 8, 8)), AlexNet((4, 6, 8, 8, 8))]
A, B = jax.random.uniform(KEY, (2, 3, 64, 64, 3), minval=-1.0)


@functools.cache
def network(index: int):
    """The module, its variables with uneven heads, and its compiled `apply`."""
    module = Lpips(TRUNKS[index])
    variables = jax.jit(module.init, compiler_options=QUICK)(KEY, A, B)
    params = {
        name: jnp.linspace(0.5, 2, leaf.size) if name.startswith("head") else leaf
        for name, leaf in variables["params"].items()
    }
    apply = jax.jit(module.apply, static_argnames=("normalize", "spatial"), compiler_options=QUICK)
    return module, {"params": params}, apply


@pytest.fixture(params=range(len(TRUNKS)), ids=["vgg", "alex"])
def lpips(request):
    return network(request.param)


def test_a_distance(lpips):
    """Zero for equal images, symmetric, positive for others, the sum of its terms."""
    _, variables, apply = lpips
    distance, terms = apply(variables, A, B)
    assert distance.shape == (3,) and (distance > 0.01).all() and len(terms) == 5
    np.testing.assert_allclose(distance, sum(terms.values()), rtol=1e-6)
    np.testing.assert_allclose(distance, apply(variables, B, A)[0], rtol=1e-5)
    np.testing.assert_array_equal(apply(variables, A, A)[0], 0.0)


def test_pairs_are_independent(lpips):
    _, variables, apply = lpips
    changed = apply(variables, A, B.at[1].set(0.0))[0]
    distance = apply(variables, A, B)[0]
    np.testing.assert_allclose(changed[::2], distance[::2], rtol=1e-5)
    assert abs(changed[1] - distance[1]) > 1e-3 * distance[1]


def test_range_of_the_input(lpips):
    _, variables, apply = lpips
    halved = apply(variables, (A + 1) / 2, (B + 1) / 2, normalize=True)[0]
    np.testing.assert_allclose(halved, apply(variables, A, B)[0], rtol=1e-4)


def test_heads_weigh_channels(lpips):
    """The distance is linear in the heads, and without them it is zero."""
    _, variables, apply = lpips
    params, (distance, terms) = variables["params"], apply(variables, A, B)
    other, _ = apply({"params": params | {"head2": 3 * params["head2"]}}, A, B)
    np.testing.assert_allclose(other - distance, 2 * list(terms.values())[2], rtol=1e-3)


def test_map_has_the_mean_of_the_distance():
    """Bilinear enlargement by whole factors, as VGG's are at 64 px, keeps the mean."""
    _, variables, apply = network(0)
    maps, terms = apply(variables, A, B, spatial=True)
    assert maps.shape == (3, 64, 64) and all(term.shape == maps.shape for term in terms.values())
    np.testing.assert_allclose(maps.mean((1, 2)), apply(variables, A, B)[0], rtol=1e-4)


def test_a_described_target_can_be_kept(lpips):
    module, variables, apply = lpips
    target = module.apply(variables, B, method="describe")
    terms = module.apply(variables, module.apply(variables, A, method="describe"), target, method="compare")
    np.testing.assert_allclose(sum(terms.values()), apply(variables, A, B)[0], rtol=1e-5)


def test_gradient_descends(lpips):
    module, variables, apply = lpips
    value = jax.jit(jax.value_and_grad(lambda a: module.apply(variables, a, B)[0].sum()), compiler_options=QUICK)
    before, gradient = value(A)
    step = 1e-3 * before / jnp.square(gradient).sum()  # 0.1 % down on a plane
    np.testing.assert_allclose(1 - value(A - step * gradient)[0] / before, 1e-3, rtol=0.2)


def test_standardized_colours():
    """The mean colour of ImageNet becomes 0, one deviation more becomes 1."""
    mean, deviation = jnp.asarray([-0.030, -0.088, -0.188]), jnp.asarray([0.458, 0.448, 0.450])
    np.testing.assert_allclose(standardize((mean + deviation).reshape(1, 1, 1, 3)).ravel(), 1.0, rtol=1e-6)
    np.testing.assert_allclose(standardize(mean.reshape(1, 1, 1, 3)).ravel(), 0.0, atol=1e-7)


def shapes(trunk, size):
    images = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    (output, features), _ = jax.eval_shape(trunk.init_with_output, KEY, images)
    return output.shape, {name: x.shape[1:] for name, x in features.items()}


def test_layers_of_vgg():
    output, features = shapes(VGG16(), 224)
    assert output == (1, 14, 14, 512) and len(features) == 13
    sizes = {224: 64, 112: 128, 56: 256, 28: 512, 14: 512}
    assert [features[tap] for tap in VGG16.taps] == [(side, side, width) for side, width in sizes.items()]


def test_layers_of_alexnet():
    output, features = shapes(AlexNet(), 224)
    assert output == (1, 13, 13, 256) and tuple(features) == AlexNet.taps
    sizes = [(55, 64), (27, 192), (13, 384), (13, 256), (13, 256)]
    assert list(features.values()) == [(side, side, width) for side, width in sizes]


def test_half_precision_trunk(lpips):
    """8 bits are off by up to 13 ** 0.5 * 2 ** -8 = 1.4 % of a feature, and by a few times as much of a difference."""
    module, variables, apply = lpips
    half = Lpips(module.trunk.clone(dtype=jnp.bfloat16))
    distance, _ = jax.jit(half.apply, compiler_options=QUICK)(variables, A, B)
    assert distance.dtype == jnp.float32
    np.testing.assert_allclose(distance, apply(variables, A, B)[0], rtol=0.05)


@pytest.mark.parametrize(("trunk", "least"), [(TRUNKS[0], 16), (TRUNKS[1], 31)])
def test_too_small_images_are_loud(trunk, least):
    assert shapes(trunk, least)[0] == (1, 1, 1, 8)
    with pytest.raises(ValueError, match=f"at least {least}x{least} pixels"):
        shapes(trunk, least - 1)


def test_wrong_images_are_loud(lpips):
    module, variables, _ = lpips
    for a, b in [(A, B[:2]), (A[..., :1], B[..., :1])]:
        with pytest.raises(AssertionError):
            module.apply(variables, a, b)
