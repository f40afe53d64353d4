"""Tests of `common.weights.networks.discriminator` on checkpoints that fit and that do not. Numbers: tests/golden."""

import jax
import numpy as np
import pytest

from common.errors import InputError
from common.nn.discriminator import Discriminator
from common.weights.networks import discriminator as weights
from common.weights.networks.table import revert, shapes

PLAIN = Discriminator(16, num_layers=0, channel_base=96, channel_max=12)
VARIANTS = {
    "resnet": PLAIN,
    "orig": PLAIN.clone(architecture="orig"),
    "labels": PLAIN.clone(c_dim=3, num_layers=2),
    "deviations": PLAIN.clone(mbstd_channels=3, img_channels=1),
}


def variables(discriminator):
    random, c_dim = np.random.default_rng(0), discriminator.c_dim
    template = shapes(discriminator, (1, 16, 16, discriminator.img_channels), (1, c_dim) if c_dim else None)
    return jax.tree.map(lambda x: random.normal(size=x.shape).astype(np.float32), template)


def ada(discriminator=PLAIN):
    return revert(variables(discriminator), weights.ada_table(discriminator))


def rosinality():
    return revert(variables(PLAIN), weights.rosinality_table(PLAIN))


@pytest.mark.parametrize("discriminator", VARIANTS.values(), ids=VARIANTS)
def test_there_and_back(discriminator):
    """Every array has a name, filters are ignored, and the configuration is read off the arrays."""
    filters = {"b16.resample_filter": np.ones((4, 4)), "b16.conv1.resample_filter": np.ones((4, 4))}
    arrays = ada(discriminator) | filters
    assert weights.ada_discriminator(arrays) == discriminator
    jax.tree.map(np.testing.assert_array_equal, weights.from_ada(arrays), variables(discriminator))


def test_rosinality_there_and_back():
    arrays = rosinality() | {"convs.1.conv2.0.kernel": np.ones((4, 4)), "convs.2.skip.0.kernel": np.ones((4, 4))}
    assert weights.rosinality_discriminator(arrays) == PLAIN.clone(num_layers=8)
    jax.tree.map(np.testing.assert_array_equal, weights.from_rosinality(arrays), variables(PLAIN))


def test_the_dense_layer_reads_the_pixels_that_it_was_trained_on():
    """Flattened features of [C, 4, 4] in the checkpoint, of [4, 4, C] here."""
    arrays = ada()
    kernel = weights.from_ada(arrays)["params"]["b4"]["fc"]["kernel"]
    x = np.random.default_rng(0).normal(size=(12, 4, 4)).astype(np.float32)
    expected = arrays["b4.fc.weight"] @ x.ravel()
    np.testing.assert_allclose(x.transpose(1, 2, 0).ravel() @ kernel, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arrays", "read", "names"),
    [
        (ada, weights.from_ada, ("b8.conv0.bias", "b4.fc.weight", "b16.conv1.bias", "b4.out.weight", "b32.conv0.bias")),
        (
            rosinality,
            weights.from_rosinality,
            (
                "convs.2.conv1.1.bias",
                "final_linear.0.weight",
                "convs.1.conv2.2.bias",
                "final_linear.1.weight",
                "x.bias",
            ),
        ),
    ],
    ids=["ada", "rosinality"],
)
def test_all_problems_are_told_at_once(arrays, read, names):
    state_dict = arrays()
    absent, flat, short, scalar, extra = names
    del state_dict[absent]
    state_dict |= {flat: np.zeros((12, 190)), short: np.zeros(7), scalar: np.zeros(()), extra: np.zeros(1)}
    with pytest.raises(InputError) as error:
        read(state_dict, PLAIN, source="model.pkl")
    message = str(error.value)
    assert message.startswith(f"model.pkl does not fit the network: 1 missing: {absent}; 1 unexpected: {extra}; 3 mis")
    for part in (f"{flat} [12, 190] for params/b4/fc/kernel [192, 12]", f"{short} [7] for", f"{scalar} [] for"):
        assert part in message


@pytest.mark.parametrize("read", [weights.from_ada, weights.from_rosinality])
def test_another_network_altogether(read):
    with pytest.raises(InputError, match=r"f\.pt is not a discriminator in .* layout: it lacks .*conv"):
        read({"conv1.weight": np.zeros((64, 3, 7, 7))}, source="f.pt")
