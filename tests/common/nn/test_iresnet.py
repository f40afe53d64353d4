"""Tests of `common.nn.iresnet`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from common.nn.iresnet import ArcFace, IResNet

QUICK = {"xla_backend_optimization_level": 0}
SMALL = ArcFace(features=6, widths=(3, 4, 5, 6), depths=(1, 1, 2, 1), image_size=32)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)


@functools.cache
def variables():
    return jax.jit(SMALL.init, compiler_options=QUICK)(jax.random.key(0), IMAGES)


def test_the_default_is_iresnet_50():
    """43.59 million parameters at 112 px, as InsightFace says of its "r50"."""
    shapes = jax.eval_shape(ArcFace().init, jax.random.key(0), jax.ShapeDtypeStruct((1, 112, 112, 3), jnp.float32))
    assert sum(x.size for x in jax.tree.leaves(shapes["params"])) == 43_590_848
    assert shapes["params"]["fc"]["kernel"].shape == (512 * 7 * 7, 512)


def test_the_trunk_is_the_encoders():
    """Its variables fit `IResNet`, and the features are the same."""
    part = {name: tree["trunk"] for name, tree in variables().items()}
    x, features = jax.jit(IResNet(SMALL.widths, SMALL.depths).apply, compiler_options=QUICK)(part, IMAGES)
    _, own = jax.jit(SMALL.apply, compiler_options=QUICK)(variables(), IMAGES)
    assert x.shape == (3, 2, 2, 6) and features.keys() == own.keys()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), own, features)


def test_the_embedding_reads_channels_before_positions():
    """A linear layer that picks input 4 c + 2 y + x gives channel c at (y, x)."""
    embedding = SMALL.clone(features=24)
    params = variables()["params"] | {
        "fc": {"kernel": jnp.eye(24), "bias": jnp.arange(24.0)},
        "embedding_bn": {"scale": jnp.ones(24), "bias": jnp.zeros(24)},
    }
    stats = variables()["batch_stats"] | {"embedding_bn": {"mean": jnp.arange(24.0), "var": jnp.ones(24)}}
    values, features = embedding.apply({"params": params, "batch_stats": stats}, IMAGES)
    last = np.asarray(features["stage4"]) / (1 + 1e-5)  # two normalisations whose statistics are 0 and 1
    np.testing.assert_allclose(values, last.transpose(0, 3, 1, 2).reshape(3, 24), rtol=1e-4, atol=1e-5)


def test_training_normalises_the_embedding_over_the_batch():
    run = functools.partial(SMALL.apply, train=True, mutable=["batch_stats"])
    (embedding, _), updated = jax.jit(run, compiler_options=QUICK)(variables(), IMAGES)
    np.testing.assert_allclose(np.asarray(embedding).mean(0), np.zeros(6), atol=1e-4)
    np.testing.assert_allclose(np.asarray(embedding).std(0), np.ones(6), rtol=1e-2)
    assert np.abs(updated["batch_stats"]["embedding_bn"]["mean"]).max() > 0
