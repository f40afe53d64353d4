"""Tests `common.train.optimizer`, `common.train.state` and `common.ops.trees`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from common.ops.trees import moving_average
from common.train.optimizer import accumulated_gradients, by_label, decay_by_epoch, label_tree
from common.train.state import apply_gradients, count_parameters, create_state, first_not_finite

KEY = jax.random.key(0)
PARAMS = {"encoder": {"kernel": jnp.ones((3, 2))}, "head": {"kernel": jnp.ones((2, 1)), "bias": jnp.zeros(1)}}


def test_labels_see_paths():
    labels = label_tree(lambda path: path, PARAMS)
    assert labels == {"encoder": {"kernel": "encoder/kernel"}, "head": {"kernel": "head/kernel", "bias": "head/bias"}}


def test_each_part_has_its_rate_and_frozen_parts_no_state():
    optimizer = by_label(
        lambda path: path.split("/")[0], {"encoder": optax.set_to_zero(), "head": optax.sgd(0.5, momentum=0.9)}
    )
    state = create_state(PARAMS, {}, optimizer, KEY)
    grads = jax.tree.map(jnp.ones_like, PARAMS)
    after = apply_gradients(state, grads, optimizer, {})
    np.testing.assert_array_equal(after.params["encoder"]["kernel"], PARAMS["encoder"]["kernel"])
    np.testing.assert_array_equal(after.params["head"]["kernel"], PARAMS["head"]["kernel"] - 0.5)
    assert sum(leaf.size for leaf in jax.tree.leaves(state.opt_state)) == 3  # the momentum of the head
    assert int(after.step) == 1


def test_decay_by_epoch():
    schedule = decay_by_epoch(1e-4, 0.5, epochs=10, steps_per_epoch=7)
    steps = np.array([0, 69, 70, 139, 140])
    np.testing.assert_allclose(jax.vmap(schedule)(steps), 1e-4 * np.array([1, 1, 0.5, 0.5, 0.25]), rtol=1e-6)


def loss_fn(params, model_state, batch, key):
    hidden = jnp.tanh(batch["x"] @ params["encoder"]["kernel"])
    loss = ((hidden @ params["head"]["kernel"] - batch["y"]) ** 2).mean()
    return loss, ({"count": model_state["count"] + 1}, {"first": batch["x"][0, 0]})


def test_microbatches_add_up_to_the_batch():
    x = jax.random.normal(KEY, (24, 3))
    batch, counter = {"x": x, "y": x[:, :1]}, {"count": jnp.zeros(())}
    whole, counter_whole, metrics_whole = accumulated_gradients(loss_fn, PARAMS, counter, batch, KEY)
    parts, counter_parts, metrics_parts = accumulated_gradients(loss_fn, PARAMS, counter, batch, KEY, microbatches=4)
    # Sums of 24 numbers of size 1 in another order: 24 roundings of 2^-24 each.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=24 * 2**-24, atol=24 * 2**-24), whole, parts)
    np.testing.assert_allclose(metrics_whole["loss"], metrics_parts["loss"], rtol=24 * 2**-24)
    assert (counter_whole["count"], counter_parts["count"]) == (1, 4)
    # Pass i sees the rows i, i + 4, ...
    np.testing.assert_allclose(metrics_parts["first"], x[:4, 0].mean(), rtol=1e-6)


def test_moving_average():
    optimizer = optax.sgd(1.0)
    state = create_state(PARAMS, {}, optimizer, KEY, keep_ema=True)
    after = apply_gradients(state, jax.tree.map(jnp.ones_like, PARAMS), optimizer, {}, ema_decay=0.75)
    np.testing.assert_allclose(after.ema["head"]["bias"], [-0.25])
    np.testing.assert_array_equal(moving_average({"a": jnp.ones(2)}, {"a": jnp.zeros(2)}, 0.5)["a"], [0.5, 0.5])


def test_step_keys_differ_and_repeat():
    state = create_state(PARAMS, {}, optax.sgd(1.0), KEY)
    later = state.replace(step=state.step + 1)
    first, again, other = (jax.random.key_data(s.step_key()) for s in (state, state, later))
    assert (first != other).any()
    np.testing.assert_array_equal(first, again)


def test_first_not_finite_and_count():
    broken = jax.tree.map(lambda x: x, PARAMS) | {
        "head": {"kernel": jnp.array([[1.0], [jnp.nan]]), "bias": jnp.zeros(1)}
    }
    assert first_not_finite({"params": PARAMS, "n": jnp.arange(3)}) is None
    assert first_not_finite({"params": broken}) == "params/head/kernel"
    assert first_not_finite({"x": jnp.array([jnp.inf], jnp.bfloat16)}) == "x"
    assert count_parameters(PARAMS) == 9
