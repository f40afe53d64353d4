"""Tests `fase_jax.transfer`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.stylegan2 import conv_name
from fase_jax.transfer import TransferLayer, conv_at, transfer_places


@pytest.mark.parametrize("resolution", [8, 32, 256])
def test_conv_at_is_the_inverse_of_the_generators_numbering(resolution):
    assert conv_name(conv_at(resolution, second=False)) == (resolution, "conv0")
    assert conv_name(conv_at(resolution, second=True)) == (resolution, "conv1")


def test_places_of_the_paper():
    # f at 16 px enters at layer 5; two layers each at 32, 64 and 128 px.
    assert transfer_places(16, 128, 6, "layer") == (5, 6, 7, 8, 9, 10)
    assert transfer_places(16, 128, 5, "layer") == (6, 7, 8, 9, 10)
    assert transfer_places(16, 128, 1, "layer") == (10,)
    assert transfer_places(16, 128, 3, "block") == (6, 8, 10)


def test_more_itls_than_layers_are_refused():
    with pytest.raises(ValueError, match="there are 6 places"):
        transfer_places(16, 128, 7, "layer")
    with pytest.raises(ValueError, match="there are 3 places"):
        transfer_places(16, 128, 4, "block")


def test_an_itl_starts_as_the_identity():
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 6))
    layer = TransferLayer()
    y = layer.apply(layer.init(jax.random.key(1), x), x)
    np.testing.assert_array_equal(y, x)


def test_the_last_itl_gives_one_map_per_landmark():
    x = jnp.ones((2, 8, 8, 6))
    layer = TransferLayer(num_landmarks=5)
    y = layer.apply(layer.init(jax.random.key(1), x), x)
    assert y.shape == (2, 8, 8, 5)
    assert 0 < jnp.abs(y).max() < 0.1
