"""Tests of `common.nn.resnet`; its numbers are held by tests/golden."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from common.nn.resnet import STAGES, ResNet

QUICK = {"xla_backend_optimization_level": 0}
SMALL = ResNet(widths=(4, 4, 6, 8), depths=(1, 2, 1, 1), num_outputs=5)
IMAGES = np.random.default_rng(0).normal(size=(3, 40, 32, 3)).astype(np.float32)


@functools.cache
def variables():
    return jax.jit(SMALL.init, compiler_options=QUICK)(jax.random.key(0), IMAGES)


@functools.cache
def program(train):
    run = functools.partial(SMALL.apply, train=train, mutable=["batch_stats"])
    return jax.jit(run, compiler_options=QUICK)


def test_the_default_is_resnet_50():
    """25,557,032 parameters with 1000 classes, and the widths that a hypercolumn's 3840 channels are made of."""
    images = jax.ShapeDtypeStruct((1, 96, 96, 3), jnp.float32)
    module = ResNet(num_outputs=1000)
    shapes = jax.eval_shape(module.init, jax.random.key(0), images)
    assert sum(x.size for x in jax.tree.leaves(shapes["params"])) == 25_557_032
    logits, features = jax.eval_shape(module.apply, shapes, images)
    assert logits.shape == (1, 1000) and features["avgpool"].shape == (1, 2048)
    assert features["conv1"].shape == (1, 48, 48, 64) and features["pool"].shape == (1, 24, 24, 64)
    stages = {name: features[name].shape[1:] for name in STAGES}
    expected = {"layer4": (3, 3, 2048), "layer3": (6, 6, 1024), "layer2": (12, 12, 512), "layer1": (24, 24, 256)}
    assert stages == expected and list(stages) == list(expected)


def test_without_a_head_the_average_is_returned():
    headless = ResNet(SMALL.widths, SMALL.depths)
    params = {name: x for name, x in variables()["params"].items() if name != "fc"}
    pooled, features = headless.apply({**variables(), "params": params}, IMAGES)
    np.testing.assert_array_equal(pooled, features["avgpool"])
    np.testing.assert_allclose(pooled, features["layer4"].mean((1, 2)), rtol=1e-5)
    fc = variables()["params"]["fc"]
    (logits, _), _ = program(False)(variables(), IMAGES)
    np.testing.assert_allclose(logits, pooled @ fc["kernel"] + fc["bias"][None], atol=1e-4)


def test_odd_sizes_are_rounded_up():
    _, features = jax.eval_shape(SMALL.apply, variables(), jnp.zeros((1, 37, 70, 3)))
    assert [features[name].shape[1:3] for name in STAGES] == [(2, 3), (3, 5), (5, 9), (10, 18)]


def test_statistics_move_in_training_only():
    stats = variables()["batch_stats"]
    _, evaluated = program(False)(variables(), IMAGES)
    jax.tree.map(np.testing.assert_array_equal, evaluated["batch_stats"], stats)
    _, trained = program(True)(variables(), IMAGES)
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), trained["batch_stats"], stats)
    assert min(jax.tree.leaves(moved)) > 0


def test_examples_are_independent_in_evaluation_and_not_in_training():
    other = IMAGES.copy()
    other[1:] += 1
    for train, same in ((False, True), (True, False)):
        first, second = (program(train)(variables(), x)[0][0][0] for x in (IMAGES, other))
        assert np.allclose(first, second, atol=1e-5) == same


def test_every_parameter_gets_a_gradient():
    def loss(params):
        (logits, _), _ = SMALL.apply({**variables(), "params": params}, IMAGES, train=True, mutable=["batch_stats"])
        return jnp.square(logits).sum()

    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)(variables()["params"])
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in jax.tree.leaves(gradient))


def test_half_precision_features_and_float32_results():
    half = SMALL.clone(dtype=jnp.bfloat16)
    logits, features = jax.eval_shape(half.apply, variables(), IMAGES)
    assert features["layer4"].dtype == jnp.bfloat16
    assert logits.dtype == features["avgpool"].dtype == jnp.float32
