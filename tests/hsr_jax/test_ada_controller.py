"""Tests of the controller of the augmentation's strength."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hsr_jax.ada_controller import report, start, update

TELLS, FOOLED = jnp.full((8, 1), 2.0), jnp.full((8, 1), -0.5)


def run(state, logits, batches, **options):
    for _ in range(batches):
        state = update(report(state, logits), 8, **options)
    return state


def test_p_moves_after_every_fourth_batch():
    state = start()
    # batch * 4 / (500 * 1000) a change
    for batch, expected in enumerate([0, 0, 0, 1, 1, 1, 1, 2], start=1):
        state = run(state, TELLS, 1)
        np.testing.assert_allclose(state.p, expected * 8 * 4 / 500_000, rtol=1e-6, err_msg=f"batch {batch}")


def test_it_falls_and_stays_at_zero():
    step = 8 * 4 / 500_000
    np.testing.assert_allclose(run(start(1.5 * step), FOOLED, 4).p, 0.5 * step, rtol=1e-5)
    assert run(start(1.5 * step), FOOLED, 8).p == 0


def test_there_is_no_upper_bound():
    assert run(start(1.0), TELLS, 4).p > 1


@pytest.mark.parametrize(("target", "sign"), [(0.4, 1), (0.5, 0), (0.6, -1)])
def test_the_sign_of_logits_counts_not_their_size(target, sign):
    """Three quarters of the logits are positive: r = 0.5. Zeros count as neither."""
    logits = jnp.array([9.0, 0.1, 3.0, -100.0])
    state = run(start(0.5), logits, 4, target=target)
    np.testing.assert_allclose(state.p - 0.5, sign * 8 * 4 / 500_000, atol=1e-7)
    assert report(start(), jnp.zeros(5)).signs == 0


def test_all_reports_since_the_last_change_count():
    state = start()
    for logits in (TELLS, TELLS, TELLS, FOOLED):  # r = 0.5
        state = update(report(report(state, logits[:4]), logits[4:]), 8, target=0.49)
    assert state.p > 0
    assert (state.signs, state.count, state.batches) == (0, 0, 0)


def test_without_reports_nothing_moves():
    state = start(0.3)
    for _ in range(6):
        state = update(state, 8)
    np.testing.assert_allclose(state.p, 0.3)
    assert update(report(state, TELLS), 8).p > 0.3


def test_options_and_jit():
    state = report(start(0.5), TELLS)
    compiled = jax.jit(lambda state: update(state, 64, kimg=100, interval=1))
    for function in (compiled, lambda state: update(state, 64, kimg=100, interval=1)):
        np.testing.assert_allclose(function(state).p, 0.5 + 64 / 100_000, rtol=1e-6)
    assert jax.tree.map(jnp.shape, compiled(state)) == jax.tree.map(jnp.shape, state)
