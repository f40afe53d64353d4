"""Tests `hsr_jax.gan.regularizer` and `common.nn.hsr_heads`; tests/golden compares them with reference numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.hsr_heads import BLOCKS, Heads
from common.nn.stylegan2 import SynthesisNetwork
from common.ops.pixels import preprocess
from common.ops.pool import adaptive_average_pool
from hsr_jax.gan.regularizer import hsr_loss, pair, squared_error

KEY = jax.random.key(0)
LAYERS = ("block12", "block9", "block6", "block3")
HEADS = Heads((5, 6, 7, 5), hidden=12)
SIZES = (14, 14, 5, 14)
FEATURES = {f"b{r}.conv1": jax.random.normal(jax.random.key(r), (2, r, r, 4)) for r in BLOCKS}
QUICK = {"xla_backend_optimization_level": 0}  # compiling takes most of the time


@pytest.fixture(scope="module")
def variables():
    variables = jax.jit(HEADS.init, static_argnums=2, compiler_options=QUICK)(KEY, FEATURES, SIZES)
    random = np.random.default_rng(1)
    return jax.tree.map(lambda x: x + random.normal(size=x.shape).astype(np.float32), variables)


def test_levels_pair_the_coarsest_block_with_the_deepest_layer():
    """Table 4.2: r/32 and r/16 of 256 px are high-level, r/8 and r/4 low-level."""
    everything = [(8, "block12"), (16, "block9"), (32, "block6"), (64, "block3")]
    assert pair(BLOCKS, LAYERS) == everything
    assert pair(BLOCKS, LAYERS, "high") == everything[:2]
    assert pair(BLOCKS, LAYERS, "mid") == everything[1:3]
    assert pair(BLOCKS, LAYERS, "low") == everything[2:]
    assert pair((4, 8, 16, 32), LAYERS, "low") == [(16, "block6"), (32, "block3")]


@pytest.mark.parametrize(("blocks", "layers"), [(BLOCKS[::-1], LAYERS), (BLOCKS[:3], LAYERS), (BLOCKS, LAYERS[:3])])
def test_wrong_blocks_or_layers_are_refused(blocks, layers):
    with pytest.raises(ValueError, match="ascending blocks"):
        pair(blocks, layers)


def test_heads(variables):
    predictions, before = HEADS.apply(variables, FEATURES, SIZES)
    assert [x.shape for x in predictions] == [(2, 14, 14, 5), (2, 14, 14, 6), (2, 5, 5, 7), (2, 14, 14, 5)]
    assert {name: x.shape for name, x in before.items()} == {
        f"b{r}": (2, r, r, 5 + i % 3) for i, r in enumerate(BLOCKS)
    }
    # Resizing before or after the last, linear layer changes only the order of sums.
    for block, size, prediction in zip(BLOCKS, SIZES, predictions, strict=True):
        np.testing.assert_allclose(prediction, adaptive_average_pool(before[f"b{block}"], size), atol=1e-4)


@pytest.mark.parametrize(("activation", "slope"), [("leaky_relu", 0.2), ("relu", 0.0)])
def test_a_head_by_definition(variables, activation, slope):
    _, before = HEADS.clone(activation=activation).apply(variables, FEATURES, SIZES)
    head = jax.tree.map(np.asarray, variables["params"]["b16"])
    hidden = FEATURES["b16.conv1"] @ (head["conv1"]["kernel"][0, 0] / 2) + head["conv1"]["bias"][None, None, None]
    hidden = np.sqrt(2) * np.where(hidden > 0, hidden, slope * hidden)
    expected = hidden @ (head["conv2"]["kernel"][0, 0] / np.sqrt(12)) + head["conv2"]["bias"][None, None, None]
    np.testing.assert_allclose(before["b16"], expected, atol=1e-4)


def test_one_value_per_image_and_level():
    q = [jax.random.normal(jax.random.key(i), (3, 2, 2, 4 + i)) for i in range(2)]
    f = [jax.random.normal(jax.random.key(9 + i), x.shape) for i, x in enumerate(q)]
    loss = hsr_loss(q, f)
    assert loss.shape == (3, 2)
    np.testing.assert_allclose(loss[:, 1], np.square(q[1] - f[1]).reshape(3, -1).mean(1), rtol=1e-5)
    np.testing.assert_array_equal(squared_error(q[0], q[0]), np.zeros(3))
    for bad in (f[:1], [f[0], f[1][:, :1]]):
        with pytest.raises(AssertionError):
            hsr_loss(q, bad)


def test_the_gradient_flows_through_targets_only_if_requested():
    """The default gradient reaches the generator only through its features, not through the extractor's input."""

    def gradients(target_gradient):
        def loss(image, features):
            targets = [preprocess(image, 7)]
            return hsr_loss([features], targets, target_gradient=target_gradient).sum()

        return jax.grad(loss, (0, 1))(jnp.ones((1, 9, 9, 3)), jnp.ones((1, 7, 7, 3)))

    image, features = gradients(False)
    assert not image.any() and features.any()
    image, again = gradients(True)
    assert image.any()
    np.testing.assert_array_equal(again, features)


def test_every_supervised_block_of_a_generator_learns():
    """Layers after the last supervised block have no gradient; the test has two of four levels."""
    network = SynthesisNetwork(16, w_dim=8, channel_base=64, channel_max=8)
    heads = Heads((3, 3), blocks=(4, 8), hidden=8)
    ws = jax.random.normal(KEY, (2, 6, 8))

    def initialize(key):
        (_, features), synthesis = network.init_with_output(key, ws)
        return synthesis, heads.init(key, features, (5, 5))

    def loss(synthesis, predictors):
        image, features = network.apply(synthesis, ws)
        predictions, _ = heads.apply(predictors, features, (5, 5))
        return hsr_loss(predictions, [preprocess(image, 5)] * 2).sum(-1).mean()

    variables = jax.jit(initialize, compiler_options=QUICK)(KEY)
    generator, predictor = jax.jit(jax.grad(loss, (0, 1)), compiler_options=QUICK)(*variables)
    blocks = generator["params"]
    assert all(blocks[name]["conv1"]["kernel"].any() for name in ("b4", "b8"))
    assert not any(x.any() for x in jax.tree.leaves((blocks["b16"], blocks["b8"]["torgb"])))
    assert all(x.any() for x in jax.tree.leaves(predictor))
