"""Tests `fase_jax.step`: trained and frozen parts, several devices, accumulated gradients, decoders."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.augment.landmarks import LandmarkAugmentation
from common.data.faces.schemes import FIVE
from common.ops.heatmaps import render_gaussian, rescale
from common.train import sharding
from common.train.state import create_state
from fase_jax import step

RNG = np.random.default_rng(0)
BATCH = {
    "image": RNG.integers(0, 256, (8, 44, 44, 3), np.uint8),
    "landmarks": RNG.uniform(10, 34, (8, 5, 2)).astype(np.float32),
    "visible": np.ones((8, 5), np.float32),
}


def _train(config, optimizer=None, devices=1, steps=2):
    """Variables before and after some steps, and the metrics of the last step."""
    model = step.build_model(config, FIVE)
    optimizer = optimizer or step.build_optimizer(config, 10)
    before = step.initialize(model, config)
    mesh = sharding.make_mesh(jax.devices()[:devices])
    rest = {name: value for name, value in before.items() if name != "params"}
    state = sharding.put_replicated(create_state(before["params"], rest, optimizer, jax.random.key(1), True), mesh)
    run = jax.jit(step.make_train_step(model, optimizer, config, FIVE))
    for _ in range(steps):
        state, metrics = run(state, sharding.put_batch(BATCH, mesh))
    return before, {"params": state.params, **state.model_state}, metrics


def _changed(before, after):
    """Paths of the leaves that differ in any bit."""
    pairs = zip(jax.tree_util.tree_leaves_with_path(before), jax.tree.leaves(after), strict=True)
    name = lambda path: jax.tree_util.keystr(path, simple=True, separator="/")
    return {name(path) for (path, a), b in pairs if not np.array_equal(a, b)}


def test_a_frozen_encoder_and_generator_do_not_change(config):
    before, after, _ = _train(dataclasses.replace(config, prior="given", finetune_encoder=False))
    changed = _changed(before, after)
    assert changed == {f"params/itl{i}/conv/{leaf}" for i in (3, 4) for leaf in ("kernel", "bias")}


def test_a_prior_freezes_the_generator_only(config):
    before, after, _ = _train(dataclasses.replace(config, prior="given"))
    parts = {name.split("/")[1] for name in _changed(before, after) if name.startswith("params/")}
    assert parts == {"encoder", "itl3", "itl4"}
    assert any(name.startswith("batch_stats/encoder") for name in _changed(before, after))


def test_frozen_batch_norm_keeps_its_statistics(config):
    before, after, _ = _train(dataclasses.replace(config, prior="given", frozen_batch_norm=True))
    changed = _changed(before, after)
    assert "params/encoder/trunk/stem_conv/kernel" in changed
    assert not any(name.startswith("batch_stats") for name in changed)


def test_eight_devices_train_as_one(config):
    """SGD shows a gradient that is n times too large, which Adam would hide."""
    sgd = optax.sgd(0.01)
    before, one, _ = _train(config, sgd, devices=1)
    _, eight, _ = _train(config, sgd, devices=8)
    for (path, a), b, start in zip(
        jax.tree_util.tree_leaves_with_path(one["params"]),
        jax.tree.leaves(eight["params"]),
        jax.tree.leaves(before["params"]),
        strict=True,
    ):
        moved = float(jnp.abs(a - start).max())
        # Sums over 8 x 44 x 44 pixels in another order differ by about 1e-6, which batch normalisation amplifies.
        np.testing.assert_allclose(a, b, atol=1e-6 + 1e-2 * moved, err_msg=jax.tree_util.keystr(path))


def test_accumulation_is_the_mean_gradient(config):
    """Two passes give the gradient of one, if there is no augmentation and no batch statistics."""
    still = LandmarkAugmentation(
        mirror=0, rotation=0, translation=0, scaling=0, occlusion=0, blur=0, brightness=0, contrast=0
    )
    one = dataclasses.replace(config, augmentation=still, frozen_batch_norm=True)
    _, whole, _ = _train(one, optax.sgd(0.1), steps=1)
    _, halves, _ = _train(dataclasses.replace(one, accumulate=2), optax.sgd(0.1), steps=1)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), whole["params"], halves["params"])


DECODERS = ("argmax", "smoothed_argmax", "quarter", "local_soft_argmax")
PAIRS = [(kind, decoder) for kind in ("mse", "softmax") for decoder in DECODERS] + [("softmax", "soft_argmax")]


@pytest.mark.parametrize(("kind", "decoder"), PAIRS)
def test_every_decoder_finds_a_perfect_heatmap(config, kind, decoder):
    # A mean over 9 x 9 pixels is flat over a narrower peak, and moves inwards at the border.
    wide = decoder == "smoothed_argmax"
    sigma, middle = (3.0, 0.25) if wide else (1.0, 1.0)
    loss = dataclasses.replace(config.loss, kind=kind, sigma=sigma)
    run = dataclasses.replace(config, decoder=decoder, loss=loss)
    points = 15.5 + middle * (jnp.asarray(BATCH["landmarks"]) - 22)  # within the 32 px image, away from its border
    maps = render_gaussian(rescale(points, 32, 16), 16, sigma)
    found = step.decode(jnp.log(maps + 1e-9) if kind == "softmax" else maps, run)
    # A heatmap pixel has two image pixels: decoders to whole pixels are within 1 px, others much closer.
    tolerance = {"argmax": 1.01, "smoothed_argmax": 1.01, "quarter": 0.51}.get(decoder, 0.15)
    assert float(jnp.abs(found - points).max()) <= tolerance


def test_a_bfloat16_model_keeps_float32_parameters_and_heatmaps(config):
    half = dataclasses.replace(config, dtype="bfloat16")
    model = step.build_model(half, FIVE)
    variables = step.initialize(model, half)
    heatmaps, _ = model.apply(variables, jnp.zeros((1, 32, 32, 3)))
    assert heatmaps.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(variables["params"])} == {np.dtype("float32")}


def test_flip_test_is_symmetric(config):
    """With the mean over a face and its mirror image, the prediction for the mirror image is the mirrored one."""
    flip = dataclasses.replace(config, flip_test=True)
    model = step.build_model(flip, FIVE)
    variables = step.initialize(model, flip)
    predict = step.make_predict(model, flip, FIVE)
    images = jnp.asarray(BATCH["image"][:, :32, :32])
    points, _, _ = predict(variables, images)
    mirrored, _, _ = predict(variables, images[:, :, ::-1])
    back = mirrored[:, jnp.array(FIVE.mirror)] * jnp.array([-1.0, 1.0])[None, None] + jnp.array([31.0, 0.0])[None, None]
    np.testing.assert_allclose(points, back, atol=1e-3)
