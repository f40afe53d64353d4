"""Tests of `common.nn.stylegan2`; its numbers are held by tests/golden."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn import stylegan2, stylegan2_layers
from common.nn.stylegan2 import Generator, MappingNetwork, SynthesisNetwork
from common.nn.stylegan2_layers import modulated_conv
from common.ops import conv_scaled

KEY = jax.random.key(0)
SMALL = dict(w_dim=16, channel_base=256, channel_max=16)
NETWORK = SynthesisNetwork(32, **SMALL)
WS = np.random.default_rng(0).normal(size=(2, 8, 16)).astype(np.float32)
QUICK = {"xla_backend_optimization_level": 0}  # small: compiling takes the time


@pytest.fixture(scope="module")
def variables():
    variables = jax.jit(NETWORK.init, compiler_options=QUICK)(KEY, WS)
    strong = jax.tree_util.tree_map_with_path(
        lambda path, x: jnp.full_like(x, 0.5) if path[-1].key == "noise_strength" else x, variables["params"]
    )
    return variables | {"params": strong}


@pytest.fixture(scope="module")
def apply():
    cache = {}

    def run(variables, *args, rngs=None, **static):
        key = tuple(sorted(static.items()))
        if key not in cache:
            cache[key] = jax.jit(lambda v, rngs, *a: NETWORK.apply(v, *a, **static, rngs=rngs), compiler_options=QUICK)
        return cache[key](variables, rngs, *args)

    return run


def test_layers_are_numbered_from_the_coarsest():
    assert stylegan2.num_ws(256) == 14
    names = [stylegan2.conv_name(i) for i in range(stylegan2.num_convs(32))]
    expected = [(4, "conv1"), *((r, f"conv{i}") for r in (8, 16, 32) for i in (0, 1))]
    assert names == expected
    assert [stylegan2.channels(r, 16384) for r in (4, 32, 64, 256)] == [512, 512, 256, 64]
    with pytest.raises(ValueError, match="power of two"):
        stylegan2.num_ws(48)


def test_every_row_of_ws_steers_its_layers_only(variables, apply):
    """Row i first changes convolution i; an RGB layer has the row of the next convolution."""
    _, before = apply(variables, WS)
    for row in range(WS.shape[1]):
        _, after = apply(variables, jnp.asarray(WS).at[:, row].add(1.0))
        changed = {name for name in before if not np.allclose(before[name], after[name], atol=1e-5)}
        convs = [stylegan2.conv_name(i) for i in range(stylegan2.num_convs(32))]
        unchanged = {f"b{r}.{name}" for r, name in convs[:row]}
        own = {f"b{r}.{name}" for r, name in convs[row : row + 1]}
        assert own <= changed and not unchanged & changed
        rgb = {f"b{r}.torgb" for i, (r, name) in enumerate(convs) if name == "conv1" and i + 1 >= row}
        assert {name for name in changed if name.endswith("torgb")} == rgb


def test_feature_replaces_the_input_of_its_layer(variables, apply):
    _, features = apply(variables, WS)
    plain, _ = apply(variables, WS)
    feature = features["b16.conv1"]
    same, _ = apply(variables, WS, feature)
    np.testing.assert_allclose(same, plain, atol=1e-5)
    other = jnp.asarray(feature)[::-1]
    full, after = apply(variables, WS, other)
    assert np.abs(full - plain).max() > 0.1
    np.testing.assert_allclose(after["b16.img"], features["b16.img"], atol=1e-5)  # nothing before the layer moves
    # A blend of 1 and of 0 are the two ends; between them the layer sees the mixture.
    blend = jax.jit(lambda s: NETWORK.apply(variables, WS, other, blend=s)[0], compiler_options=QUICK)
    ends = [blend(0.0), blend(1.0)]
    np.testing.assert_allclose(ends[0], plain, atol=1e-4)
    np.testing.assert_allclose(ends[1], full, atol=1e-4)
    mixed, _ = apply(variables, WS, 0.75 * feature + 0.25 * other)
    np.testing.assert_allclose(blend(0.25), mixed, atol=1e-4)
    with pytest.raises(ValueError, match="the layer's input is"):
        NETWORK.apply(variables, WS, other[:, :8])


def test_conv_by_conv_is_the_whole_network(variables, apply):
    """Networks with layers of their own in between rely on this."""
    _, features = apply(variables, WS)

    def walk(network, ws):
        x, outputs = network.const(len(ws)), {}
        for i in range(stylegan2.num_convs(32)):
            x = network.conv(i, x, ws[:, i])
            resolution, name = stylegan2.conv_name(i)
            outputs[f"b{resolution}.{name}"] = x
        return outputs

    outputs = NETWORK.apply(variables, WS, method=walk)
    for name, output in outputs.items():
        np.testing.assert_allclose(output, features[name], atol=1e-5)
    assert outputs["b32.conv1"].shape == (2, 32, 32, stylegan2.channels(32, 256, 16))


def test_noise_modes(variables, apply):
    const, _ = apply(variables, WS, noise_mode="const")
    none, _ = apply(variables, WS, noise_mode="none")
    first, second, again = (
        apply(variables, WS, noise_mode="random", rngs={"noise": jax.random.key(seed)})[0] for seed in (1, 2, 1)
    )
    np.testing.assert_array_equal(first, again)
    for a, b in ((const, none), (first, second), (first, none)):
        assert np.abs(a - b).mean() > 0.01
    twins, _ = apply(variables, WS[[0, 0]], noise_mode="random", rngs={"noise": jax.random.key(1)})
    assert np.abs(twins[0] - twins[1]).mean() > 0.01  # every sample has a map of its own
    with pytest.raises(ValueError, match="noise_mode"):
        NETWORK.apply(variables, WS, noise_mode="maybe")


def test_bfloat16_keeps_a_float32_image(variables, apply):
    exact, _ = apply(variables, WS)
    rough = NETWORK.clone(dtype=jnp.bfloat16)
    image, features = jax.jit(rough.apply, compiler_options=QUICK)(variables, WS)
    assert (image.dtype, features["b32.img"].dtype) == (jnp.float32, jnp.float32)
    assert features["b32.conv1"].dtype == jnp.bfloat16
    # 7 convolutions of inputs and outputs rounded to 2^-9 relative
    assert 0 < np.abs(image - exact).mean() < 0.05 * np.std(exact)


def test_modulated_conv_is_one_convolution_per_sample():
    """Against the definition with the kernel modulated and demodulated for each sample (StyleGAN2, Eq. 1 and 3)."""
    random = np.random.default_rng(1)
    x, kernel, style = (random.normal(size=s).astype(np.float32) for s in ((3, 5, 6, 4), (3, 3, 4, 7), (3, 4)))
    ours = modulated_conv(x, kernel, style)
    for i in range(len(x)):
        weights = kernel * style[i][None, None, :, None]
        weights = weights / np.sqrt(np.square(weights).sum((0, 1, 2), keepdims=True) + 1e-8)
        plain = jax.lax.conv_general_dilated(
            x[i : i + 1], weights, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        np.testing.assert_allclose(ours[i], plain[0], atol=1e-5)


def test_path_length_gradient(monkeypatch):
    """Gradients of gradients through the whole synthesis, with the gradients of `conv` and with XLA's own."""
    network = NETWORK.clone(resolution=16)
    ws, noise = jnp.asarray(WS[:, :6]), jax.random.normal(KEY, (2, 16, 16, 3)) / 16

    def gradient():
        def path_length(variables):
            slopes = jax.grad(lambda ws: jnp.vdot(network.apply(variables, ws)[0], noise))(ws)
            return jnp.square(slopes).sum()

        return jax.jit(jax.grad(path_length), compiler_options=QUICK)(variables)["params"]

    variables = jax.jit(network.init, compiler_options=QUICK)(KEY, ws)
    ours = gradient()
    for module in (stylegan2_layers, conv_scaled):
        monkeypatch.setattr(module, "conv2d", xla_conv2d)
    theirs = gradient()
    # float32 with sums of up to 16 * 16 * 16 * 9 terms in other orders, through 5 layers twice
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max() + 1e-6), ours, theirs)
    assert np.abs(ours["b4"]["conv1"]["kernel"]).max() > 1e-3


def xla_conv2d(x, kernel, padding="SAME"):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def test_initial_state():
    """Unit-variance weights (100 times larger in the mapping), styles 1, strengths 0 and normal features."""
    generator = Generator(32, z_dim=64, num_layers=2, **SMALL | {"w_dim": 64, "channel_max": 64, "channel_base": 2048})
    z = jax.random.normal(KEY, (8, 64))
    variables = jax.jit(generator.init, compiler_options=QUICK)(KEY, z)
    params = variables["params"]
    assert math.isclose(params["mapping"]["fc1"]["kernel"].std(), 100, rel_tol=0.05)
    conv = params["synthesis"]["b16"]["conv0"]
    assert math.isclose(conv["kernel"].std(), 1, rel_tol=0.05)
    np.testing.assert_array_equal(conv["affine"]["bias"], 1.0)
    assert conv["noise_strength"] == 0
    np.testing.assert_array_equal(variables["stats"]["mapping"]["w_avg"], 0.0)
    _, features = jax.jit(generator.apply, compiler_options=QUICK)(variables, z)
    # Demodulation and the gain of sqrt(2) keep the scale, but for the border: 10 of 12 taps see the image on each axis.
    assert math.isclose(np.sqrt(np.square(features["b4.conv1"]).mean()), 10 / 12, rel_tol=0.15)


def test_conditional_mapping():
    mapping = MappingNetwork(8, c_dim=3, w_dim=16, num_ws=4, num_layers=2)
    z, c = jnp.ones((2, 8)), jnp.eye(3)[:2]
    variables = mapping.init(KEY, z, c)
    ws, features = mapping.apply(variables, z, c)
    assert ws.shape == (2, 4, 16) and set(features) == {"fc0", "fc1"}
    assert np.abs(ws[0] - ws[1]).max() > 0.1  # the label matters
    with pytest.raises(ValueError, match="needs c"):
        mapping.apply(variables, z)


def test_mean_w_is_tracked_without_gradient():
    mapping = MappingNetwork(8, w_dim=16, num_ws=4, num_layers=2)
    z = jax.random.normal(KEY, (5, 8))
    variables = mapping.init(KEY, z)
    ws, _ = mapping.apply(variables, z)
    _, updated = mapping.apply(variables, z, update_w_avg=True, mutable=["stats"])
    np.testing.assert_allclose(updated["stats"]["w_avg"], 0.005 * ws[:, 0].mean(0), rtol=1e-3)

    def mean(params):
        _, new = mapping.apply(variables | {"params": params}, z, update_w_avg=True, mutable=["stats"])
        return new["stats"]["w_avg"].sum()

    assert all((g == 0).all() for g in jax.tree.leaves(jax.grad(mean)(variables["params"])))


def test_truncation():
    ws, w_avg = jnp.asarray(WS), jnp.arange(16.0)
    np.testing.assert_array_equal(stylegan2.truncate(ws, w_avg, 1.0), ws)
    everywhere = stylegan2.truncate(ws, w_avg, 0.0)
    np.testing.assert_array_equal(everywhere, jnp.broadcast_to(w_avg[None, None], ws.shape))
    half = stylegan2.truncate(ws, w_avg, jnp.float32(0.5), 3)
    np.testing.assert_allclose(half[:, :3], (ws[:, :3] + w_avg[None, None]) / 2, atol=1e-6)
    np.testing.assert_array_equal(half[:, 3:], ws[:, 3:])


def test_wrong_number_of_rows_is_loud(variables):
    with pytest.raises(ValueError, match=r"must be \[B, 8, 16\]"):
        NETWORK.apply(variables, WS[:, :5])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_low_precision_stays_near_float32_and_within_its_clamp(dtype):
    """Weights are so large that their plain products overflow float16; the lower resolutions stay float32."""
    sizes = {"resolution": 32, "z_dim": 8, "w_dim": 8, "num_layers": 1, "channel_base": 256, "channel_max": 16}
    exact, low = Generator(**sizes), Generator(**sizes, dtype=dtype, low_precision_resolutions=2, conv_clamp=256.0)
    z = jax.random.normal(jax.random.key(1), (2, 8))
    variables = exact.init(jax.random.key(0), z)
    kernel = variables["params"]["synthesis"]["b16"]["conv1"]["kernel"]
    variables["params"]["synthesis"]["b16"]["conv1"]["kernel"] = kernel * 1e4
    image, features = jax.jit(exact.apply)(variables, z)
    low_image, low_features = jax.jit(low.apply)(variables, z)
    assert low_features["b8.conv1"].dtype == low_image.dtype == jnp.float32
    assert low_features["b16.conv1"].dtype == low_features["b32.conv0"].dtype == dtype
    # Five layers of rounding to 10 (float16) or 7 bits.
    np.testing.assert_allclose(low_image, image, atol={jnp.float16: 0.01, jnp.bfloat16: 0.08}[dtype] * image.std())
    variables["params"]["synthesis"]["b32"]["torgb"]["bias"] += 1e6
    assert jax.jit(low.apply)(variables, z)[1]["b32.torgb"].max() == 256
