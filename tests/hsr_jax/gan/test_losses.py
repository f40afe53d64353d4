"""Tests `hsr_jax.gan.losses`, `hsr_jax.gan.gan` and `hsr_jax.gan.optimizer` against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from hsr_jax.gan import losses
from hsr_jax.gan.gan import draw_cutoff, mix_styles
from hsr_jax.gan.optimizer import adam, clean_gradients, ema_beta

KEY = jax.random.key(0)
LOGITS = jnp.array([-200.0, -3.0, 0.0, 0.5, 200.0])


def test_losses_are_logarithms_of_probabilities():
    d = 1 / (1 + np.exp(-np.float64([-3.0, 0.0, 0.5])))
    middle = LOGITS[1:4]
    np.testing.assert_allclose(losses.generator_loss(middle), -np.log(d), rtol=1e-6)
    np.testing.assert_allclose(losses.discriminator_loss_real(middle), -np.log(d), rtol=1e-6)
    np.testing.assert_allclose(losses.discriminator_loss_fake(middle), -np.log(1 - d), rtol=1e-6)
    # For large logits the loss is the absolute logit, or 0.
    np.testing.assert_array_equal(losses.generator_loss(LOGITS)[jnp.array([0, 4])], [200, 0])
    slope = jax.grad(lambda x: losses.generator_loss(x).sum())(LOGITS)
    np.testing.assert_allclose(slope[jnp.array([0, 2, 4])], [-1, -0.5, 0], atol=1e-7)


def test_r1_penalty_of_a_quadratic_score():
    images = jax.random.normal(KEY, (3, 4, 5, 2))
    augment = lambda x: 2 * x[:, :, ::-1]
    score = lambda x: jnp.square(augment(x)).sum((1, 2, 3))
    penalty, logits = losses.r1_penalty(score, images)
    # D(2 x) = 4 ||x||^2 has the gradient 8 x, which includes the factor 2 of the augmentation.
    np.testing.assert_allclose(penalty, 64 * np.square(images).sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(logits, 4 * np.square(images).sum((1, 2, 3)), rtol=1e-5)
    with pytest.raises(AssertionError):  # more than one logit per image
        losses.r1_penalty(lambda x: x.sum((1, 2)), jnp.ones((3, 4, 4, 2)))


def test_path_lengths_of_a_linear_generator():
    """G(w) = sum of A_n w_n has the gradient A_n^T y in row n."""
    maps = jax.random.normal(KEY, (3, 5, 4 * 6 * 2))  # [rows, w_dim, pixels]
    synthesize = lambda ws: jnp.einsum("bnd,ndp->bp", ws, maps).reshape(-1, 4, 6, 2)
    ws, noise = jnp.ones((2, 3, 5)), jax.random.normal(jax.random.key(1), (2, 4, 6, 2))
    gradients = losses.path_gradients(synthesize, ws, noise)
    expected = np.einsum("ndp,bp->bnd", maps, np.reshape(noise, (2, -1)) / np.sqrt(24))
    np.testing.assert_allclose(gradients, expected, rtol=1e-4, atol=1e-5)
    lengths = [np.sqrt(sum(np.linalg.norm(row) ** 2 for row in one) / 3) for one in expected]
    np.testing.assert_allclose(losses.path_lengths(gradients), lengths, rtol=1e-5)


def test_path_length_penalty_is_against_the_new_mean():
    lengths, mean = jnp.array([1.0, 3.0]), jnp.float32(1.0)
    penalty, new = losses.path_length_penalty(lengths, mean, decay=0.5)
    np.testing.assert_allclose(new, 1.5)
    np.testing.assert_allclose(penalty, [0.25, 2.25])
    slope = jax.grad(lambda x: losses.path_length_penalty(x, mean, decay=0.5)[0].sum())(lengths)
    # d/dl_i sum_j (l_j - a)^2 with da/dl_i = decay / B
    np.testing.assert_allclose(slope, 2 * (lengths - 1.5) - 2 * (-0.5 + 1.5) * 0.25, rtol=1e-6)


def test_mixed_styles():
    ws, others = jnp.zeros((2, 6, 3)), jnp.ones((2, 6, 3))
    np.testing.assert_array_equal(mix_styles(ws, others, 4)[:, :, 0], [[0, 0, 0, 0, 1, 1]] * 2)
    np.testing.assert_array_equal(mix_styles(ws, others, 6), ws)


def test_cutoffs():
    draw = lambda p: jax.vmap(lambda key: draw_cutoff(key, 6, p))(jax.random.split(KEY, 4000))
    counts = np.bincount(draw(0.9), minlength=7)
    # Five cutoffs share the probability 0.9; the tolerance is five standard deviations of a binomial count of 4000.
    for count, share in zip(counts, [0, *[0.18] * 5, 0.1], strict=True):
        assert abs(count - 4000 * share) <= 5 * np.sqrt(4000 * share * (1 - share))
    assert set(np.asarray(draw(0.0))) == {6} and set(np.asarray(draw(1.0))) == {1, 2, 3, 4, 5}


def test_clean_gradients():
    dirty = {"a": jnp.array([1.0, np.nan]), "b": [jnp.array([np.inf, -np.inf, 2e6])]}
    clean = clean_gradients(dirty)
    np.testing.assert_array_equal(clean["a"], [1, 0])
    np.testing.assert_array_equal(clean["b"][0], [1e5, -1e5, 2e6])


def test_the_weight_of_an_image_in_the_average_halves():
    # The weight halves after 2000 images, for any batch size.
    for batch in (16, 64):
        np.testing.assert_allclose(ema_beta(batch, 10**6, 2.0) ** (2000 / batch), 0.5, rtol=1e-5)
    # Early in a run the half-life is 5 % of the images seen, which is 0 at first; later the limit has no effect.
    np.testing.assert_array_equal(ema_beta(64, 0, 2.0, 0.05), 0)
    np.testing.assert_allclose(ema_beta(64, 12800, 2.0, 0.05), 0.5 ** (64 / 640), rtol=1e-6)
    np.testing.assert_allclose(ema_beta(64, 10**6, 2.0, 0.05), ema_beta(64, 0, 2.0), rtol=1e-6)


def test_five_steps_of_lazy_adam_do_what_four_steps_of_adam_do():
    """Learning rates add up, decays multiply."""
    lazy, plain = adam(0.002, 4, 0.9, 0.99), optax.adam(0.002, 0.9, 0.99)
    moments = []
    for optimizer, count in ((lazy, 5), (plain, 4)):
        state, moved = optimizer.init(jnp.zeros(())), 0.0
        for _ in range(count):
            update, state = optimizer.update(jnp.ones(()), state)
            moved += update
        np.testing.assert_allclose(moved, -4 * 0.002, rtol=1e-5)
        moments.append((state[0].mu, state[0].nu))
    np.testing.assert_allclose(*moments, rtol=1e-5)
