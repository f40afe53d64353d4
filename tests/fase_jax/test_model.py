"""Tests `fase_jax.model` and `common.nn.feature_style`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.feature_style import FeatureStyleEncoder
from fase_jax.model import FASE, ModelConfig

IMAGES = jax.random.uniform(jax.random.key(0), (2, 32, 32, 3), minval=-1.0)


def _apply(sizes, **kwargs):
    model = FASE(5, sizes)
    variables = model.lazy_init(jax.random.key(1), jax.ShapeDtypeStruct(IMAGES.shape, jnp.float32))
    return model, variables, jax.jit(lambda v, x: model.apply(v, x, **kwargs))(variables, IMAGES)


def test_shapes(tiny):
    _, variables, (heatmaps, features) = _apply(tiny)
    assert heatmaps.shape == (2, 16, 16, 5)
    assert features["ws"].shape == (2, 6, 8)
    assert features["f"].shape == (2, 4, 4, 8)
    assert features["reconstruction"].shape == (2, 16, 16, 3)
    assert {name for name in variables["params"] if name.startswith("itl")} == {"itl3", "itl4"}


def test_identity_itls_leave_the_generator_as_it_is(tiny):
    """Identity ITLs leave the features before the last ITL as the plain generator makes them from f."""
    model, variables, (heatmaps, features) = _apply(dataclasses.replace(tiny, num_itls=4))

    def plain(self, ws, f):
        x = f
        for i in range(1, 5):
            x = self.synthesis.conv(i, x, ws[:, i], noise_mode="none")
        return self.itl4(x)

    expected = model.apply(variables, features["ws"], features["f"], method=plain)
    np.testing.assert_allclose(heatmaps, expected, atol=1e-5)


def test_offsets_start_from_the_mean_w(tiny):
    model, variables, (_, features) = _apply(tiny)
    moved = variables | {"stats": variables["stats"] | {"w_avg": jnp.ones(8)}}
    ws, f = model.apply(moved, IMAGES, method="encode")
    # Only one run is compiled, so the two differ by a few roundings of the largest number.
    near = lambda x: 32 * np.finfo(np.float32).eps * np.abs(x).max()
    np.testing.assert_allclose(ws - features["ws"], np.ones((2, 6, 8)), atol=near(ws))
    np.testing.assert_allclose(f, features["f"], atol=near(f))


def test_the_full_size_has_the_published_shapes():
    sizes = ModelConfig(generator_resolution=1024, channel_base=32768)
    model = FASE(68, sizes)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 256, 256, 3)))
    encoder = shapes["params"]["encoder"]
    assert encoder["styles"]["kernel"].shape == (8640, 18 * 512)
    assert encoder["content"]["conv2"]["kernel"].shape == (3, 3, 512, 512)
    assert sum(name.startswith("stage3") for name in encoder["trunk"]) == 14
    heatmaps, features = jax.eval_shape(lambda v, x: model.apply(v, x), shapes, jnp.zeros((1, 256, 256, 3)))
    assert heatmaps.shape == (1, 128, 128, 68)
    assert features["f"].shape == (1, 16, 16, 512)
    assert features["reconstruction"].shape == (1, 1024, 1024, 3)


def test_an_input_that_gives_f_another_size_is_refused():
    encoder = FeatureStyleEncoder(num_ws=6, w_dim=8, feature_resolution=16, feature_channels=8)
    with pytest.raises(ValueError, match="feature_resolution=16"):
        jax.eval_shape(encoder.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
