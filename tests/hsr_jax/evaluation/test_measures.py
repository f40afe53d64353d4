"""Tests measures with small networks: numbered images, streamed moments, path lengths, scores, cached features."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common.data.images.folder import open_folder
from common.metrics import frechet, moments, path_length
from common.nn.stylegan2 import Generator
from common.pretrained.metric_networks import Distance, Embedding
from common.train import sharding
from hsr_jax.evaluation import feature_sets, measures
from hsr_jax.evaluation.sampler import Sampler
from hsr_jax.gan.gan import synthesis

SIDE = 16
GENERATOR = Generator(SIDE, z_dim=6, w_dim=6, num_layers=1, channel_base=64, channel_max=8)


@functools.cache
def variables() -> dict:
    return jax.jit(GENERATOR.init)(jax.random.key(0), jnp.zeros((1, 6)))


def sampler(devices: int = 8, batch_size: int = 8, **options) -> Sampler:
    return Sampler(
        GENERATOR, variables(), sharding.make_mesh(jax.devices()[:devices]), batch_size=batch_size, **options
    )


def pooled(variables, images):
    """Network with 12 features, the means over squares of 8 px."""
    assert images.dtype == jnp.uint8
    return path_length.box_downsample(images.astype(jnp.float32), 8).reshape(len(images), -1) * variables


def embedding(on_trace=lambda: None) -> Embedding:
    def embed(variables, images):
        on_trace()
        return pooled(variables, images)

    return Embedding("pooled", False, embed, np.float32(0.5), "digest")


@pytest.fixture
def folder(tmp_path):
    """Folder with ten images of 16 px."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, SIDE, SIDE, 3), np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    return tmp_path


def test_numbered_images_do_not_depend_on_batch_and_devices():
    index, t = np.array([5, 0, 3, 17, 3]), np.array([0.0, 0.5, 1.0, 0.0, 0.0])
    one, eight = sampler(1, 2).frames(index, t), sampler(8, 16).frames(index, t)
    assert list(one) == list(eight) == [4, 8, 16] and one[SIDE].shape == (5, SIDE, SIDE, 3)
    for side in one:  # 8-bit values may differ by one, because sums have another order
        assert np.abs(one[side].astype(int) - eight[side]).max() <= 1
    assert (one[SIDE][2] != one[SIDE][4]).any() and (one[SIDE][0] != one[SIDE][3]).any()
    other = sampler(1, 2, seed=1).frames(index, t)
    assert (other[SIDE] != one[SIDE]).any()


def test_a_conditional_generator_has_labels():
    with pytest.raises(ValueError, match="labels"):
        Sampler(GENERATOR.clone(c_dim=3), variables(), sharding.make_mesh())
    with pytest.raises(ValueError, match="labels"):
        sampler(labels=np.eye(3, dtype=np.float32))
    conditional = Sampler(GENERATOR.clone(c_dim=3), {}, sharding.make_mesh(), labels=np.eye(3, dtype=np.float32))
    rows, longer = conditional.rows(np.arange(5)), conditional.rows(np.arange(50))
    np.testing.assert_array_equal(rows[1], longer[1][:5])  # the number of an image decides its label
    assert set(longer[1].argmax(1)) == {0, 1, 2}


def test_generated_features_are_streamed_in_one_program():
    traces = []
    e = embedding(lambda: traces.append(1))
    counts = []
    found = measures.generated_features(sampler(), {"a": e}, 21, {"a": 13}, counts.append)["a"]
    assert len(traces) == 1 and counts == [8, 16, 21]
    assert found.features.shape == (13, 12) and found.moments.count == 21
    again = measures.generated_features(sampler(1), {"a": embedding()}, 21, {"a": 21})["a"]
    # Features are means of 64 values of 8 bits, one of which may differ by one.
    np.testing.assert_array_equal(again.features * 128, np.round(again.features * 128))
    np.testing.assert_allclose(again.features[:13], found.features, atol=0.5 / 64)
    expected = moments.feature_moments(again.features)
    np.testing.assert_allclose(found.moments.mean, expected.mean, rtol=1e-4)
    np.testing.assert_allclose(again.moments.scatter, expected.scatter, rtol=1e-4, atol=1e-2)


def test_moments_of_several_chunks_are_those_of_all(monkeypatch):
    monkeypatch.setattr(feature_sets, "CHUNK", 16)
    features = np.random.default_rng(1).normal(3, 1, (45, 4)).astype(np.float32)
    mesh = sharding.make_mesh()

    def batches():
        for start in range(0, 48, 8):
            rows = np.arange(start, start + 8)
            index = np.where(rows < 45, rows, -1)
            yield sharding.put_batch(({"a": features[np.minimum(rows, 44)]}, index), mesh)

    found = feature_sets.collect(batches(), mesh, {"a": 100})["a"]
    expected = moments.feature_moments(features)
    np.testing.assert_array_equal(found.features, features)
    np.testing.assert_allclose(found.moments.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(found.moments.scatter, expected.scatter, rtol=1e-5, atol=1e-4)
    assert abs(frechet.fid(found.moments, expected)) < 1e-6


def test_real_features_contain_every_image_once(folder):
    source, traces = open_folder(folder), []
    e = embedding(lambda: traces.append(1))
    found = measures.real_features(sampler(), {"a": e}, source, {"a": 10})["a"]
    images = np.stack([np.asarray(Image.open(folder / name)) for name in source.files])
    np.testing.assert_allclose(found.features, np.asarray(pooled(0.5, jnp.asarray(images))), rtol=1e-6)
    assert found.moments.count == 10 and len(traces) == 1


def test_the_cache_gives_what_was_computed_and_notices_changes(folder, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    made = feature_sets.FeatureSet(moments.feature_moments(np.eye(3)), np.eye(3, dtype=np.float32)[:2])
    calls = []

    def compute(missing):
        calls.append(missing)
        return {name: made for name in missing}

    ask = lambda keep: feature_sets.cached(cache, {"a": "x"}, {"a": keep}, compute)["a"]
    first, second = ask(2), ask(1)
    assert calls == [{"a": 2}]
    np.testing.assert_array_equal(second.features, first.features)
    np.testing.assert_array_equal(second.moments.scatter, made.moments.scatter)
    ask(3)  # more vectors than are there
    (cache / "x.npz").write_bytes(b"cut short")
    ask(2)
    assert calls[1:] == [{"a": 3}, {"a": 2}]

    before = feature_sets.source_digest(open_folder(folder))
    assert before == feature_sets.source_digest(open_folder(folder))
    Image.new("RGB", (SIDE, SIDE)).save(folder / "3.png")
    assert before != feature_sets.source_digest(open_folder(folder))


def test_path_lengths_are_those_of_the_metric(monkeypatch):
    # With the real EPSILON, float32 is too coarse to compare two orders of summation.
    monkeypatch.setattr(measures, "EPSILON", 0.1)
    squares = lambda a, b: jnp.square(a - b).mean((1, 2, 3))
    distance = Distance("d", lambda scale, a, b: scale * squares(a, b), np.float32(2), "digest")
    s = sampler()
    found = measures.path_lengths(s, distance, 11)
    z0, z1 = s.latents(jnp.arange(11))
    expected = path_length.path_lengths(
        z0,
        z1,
        jnp.zeros(11),
        lambda z: s.map(variables(), z, None),
        lambda ws: synthesis(GENERATOR, variables(), ws)[0],  # the noise of an untrained generator has strength 0
        lambda a, b: 2 * squares(a, b),
        epsilon=0.1,
    )
    # Pixels of about 1 differ by about 0.05, and float32 has an error of 1e-6 in each.
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_both_images_of_a_pair_have_the_same_noise():
    loud = jax.tree_util.tree_map_with_path(lambda p, x: x + 1 if "noise_strength" in str(p) else x, variables())
    distance = Distance("d", lambda _, a, b: jnp.abs(a - b).max((1, 2, 3)), {}, "digest")
    found = measures.path_lengths(Sampler(GENERATOR, loud, sharding.make_mesh(), batch_size=8), distance, 8)
    # A step of 1e-4 changes no pixel by more than 0.01; different noise would change pixels by about 1.
    assert (found * measures.EPSILON**2 < 0.01).all()


def test_attribute_scores_follow_the_lines():
    s = sampler()
    found = measures.attribute_scores(s, lambda images: jnp.clip(images, -1, 127 / 127.5).mean((1, 2)), 3)
    assert found.shape == (3, measures.POSITIONS, 3)
    index, t = np.repeat(np.arange(3), measures.POSITIONS), np.tile(np.linspace(0, 1, measures.POSITIONS), 3)
    images = (s.frames(index, t)[SIDE] - 128.0) / 127.5
    lost = found.reshape(33, 3) - images.mean((1, 2))  # truncation to 8 bits lowers a value by at most one step
    assert (lost >= 0).all() and (lost <= 1 / 127.5).all() and lost.max() > 0
