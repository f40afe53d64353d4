"""Tests of `common.weights.networks.stylegan2`: what it says of checkpoints that do not fit. Numbers: tests/golden."""

import numpy as np
import pytest
from flax import traverse_util

from common.errors import InputError
from common.nn.stylegan2 import Generator
from common.weights.networks import stylegan2 as weights
from common.weights.networks.table import shapes

GENERATOR = Generator(16, z_dim=8, w_dim=8, num_layers=2, channel_base=96, channel_max=12)


def state_dict(table, like) -> dict[str, np.ndarray]:
    """Arrays in the checkpoint's layout, found by undoing each row's transform on an array of distinct shape."""
    wanted = traverse_util.flatten_dict(like, sep="/")
    result = {}
    for row in table:
        need = wanted[row.path].shape
        for candidate in layouts(need):
            try:
                fits = row.transform(np.zeros(candidate)).shape == need
            except ValueError:
                continue
            if fits:
                result[row.source] = np.random.default_rng(len(result)).normal(size=candidate)
                break
    return result


def layouts(shape):
    """The layouts of a checkpoint that can become `shape`."""
    yield from [shape[::-1], (1,), (1, 1, *shape), (1, *shape, 1, 1)]
    if len(shape) == 3:
        yield from [(shape[2], *shape[:2]), (1, shape[2], *shape[:2])]
    if len(shape) == 4:
        yield from [(shape[3], shape[2], *shape[:2]), (1, shape[3], shape[2], *shape[:2])]


TEMPLATE = shapes(GENERATOR, (1, 8))
ADA = state_dict(weights.ada_table(GENERATOR), TEMPLATE)
ROSINALITY = state_dict(weights.rosinality_table(GENERATOR), TEMPLATE)


def test_every_array_is_converted_and_filters_are_ignored():
    extra = {"synthesis.b8.resample_filter": np.ones((4, 4)), "synthesis.b8.conv0.resample_filter": np.ones((4, 4))}
    variables = weights.from_ada(ADA | extra, GENERATOR)
    kernel = variables["params"]["synthesis"]["b8"]["conv0"]["kernel"]
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel[0, 2, 3, 5], ADA["synthesis.b8.conv0.weight"][5, 3, 0, 2].astype(np.float32))
    arrays = {key: x for key, x in ROSINALITY.items() if key != "latent_avg"} | {"convs.0.conv.blur.kernel": np.ones(4)}
    kernel = weights.from_rosinality(arrays)["params"]["synthesis"]["b8"]["conv0"]["kernel"]
    expected = ROSINALITY["convs.0.conv.weight"][0, 5, 3, 0, 2].astype(np.float32)
    np.testing.assert_array_equal(kernel[0, 2, 3, 5], expected)


def test_all_problems_are_told_at_once():
    arrays = dict(ADA)
    del arrays["mapping.fc1.bias"], arrays["synthesis.b4.const"]
    arrays["synthesis.b16.conv1.bias"] = np.zeros(7)
    arrays["synthesis.b8.conv0.weight"] = np.zeros((2, 2))
    arrays["mapping.fc9.weight"] = np.zeros(1)
    with pytest.raises(InputError) as error:
        weights.from_ada(arrays, GENERATOR, source="model.pkl")
    message = str(error.value)
    assert message.startswith("model.pkl does not fit the network: 2 missing: ") and "\n" not in message
    for part in (
        "mapping.fc1.bias",
        "synthesis.b4.const",
        "1 unexpected: mapping.fc9.weight",
        "2 mis-shaped: ",
        "synthesis.b16.conv1.bias [7] for params/synthesis/b16/conv1/bias [6]",
        "synthesis.b8.conv0.weight [2, 2] for",
    ):
        assert part in message


def test_mean_w_of_a_wrong_length():
    arrays = {key: x for key, x in ROSINALITY.items() if key != "latent_avg"}
    with pytest.raises(InputError, match=r"latent_avg \[5\] for stats/mapping/w_avg \[8\]"):
        weights.from_rosinality(arrays, np.zeros(5))


@pytest.mark.parametrize("read", [weights.from_ada, weights.from_rosinality])
def test_another_network_altogether(read):
    with pytest.raises(InputError, match=r"f\.pt is not a generator in .* layout: it lacks"):
        read({"conv1.weight": np.zeros((64, 3, 7, 7))}, source="f.pt")


def test_configuration_is_read_off_the_arrays():
    assert weights.ada_generator(ADA) == GENERATOR
    assert weights.rosinality_generator(ROSINALITY) == GENERATOR
