"""Tests `common.train.loop`: neither the devices nor a kill change a run, and a run stops when it must.

Run as a program, this file is the training that is killed.
"""

import functools
import os
import signal
import subprocess
import sys
import time

import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.errors import InputError
from common.train import logs, loop, sharding
from common.train.checkpoint import Checkpoints
from common.train.optimizer import accumulated_gradients
from common.train.state import apply_gradients, create_state, local_value

ROWS = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
BATCH = 16
ADAM = optax.adam(1e-2)


class Data:
    """A Grain iterator that runs `event(n)` before batch n of this process (n from 1) and cuts it to `rows(n)`."""

    def __init__(self, event=lambda n: None, rows=lambda n: BATCH):
        examples = grain.MapDataset.source([{"x": x, "y": np.abs(x[:1])} for x in ROWS])
        self.iterator = iter(examples.shuffle(seed=1).repeat().to_iter_dataset().batch(BATCH))
        self.event, self.rows, self.count = event, rows, 0

    def __next__(self):
        self.count += 1
        self.event(self.count)
        return {name: array[: self.rows(self.count)] for name, array in next(self.iterator).items()}

    def get_state(self):
        return self.iterator.get_state()

    def set_state(self, state):
        self.iterator.set_state(state)


def loss_fn(params, model_state, batch, key):
    x = batch["x"] + 0.1 * jax.random.uniform(key, batch["x"].shape)
    hidden = jnp.tanh(x @ params["first"])
    mean = 0.9 * model_state["mean"] + 0.1 * hidden.mean(0)  # over the whole batch, on all devices
    return (((hidden - mean[None]) @ params["second"] - batch["y"]) ** 2).mean(), ({"mean": mean}, {})


@functools.cache  # the same function is compiled once for all tests
def make_step(transform, poison=None):
    def step(state, batch):
        grads, model_state, metrics = accumulated_gradients(
            loss_fn, state.params, state.model_state, batch, state.step_key()
        )
        if poison == "loss":  # from the step that starts at 12
            metrics = metrics | {"loss": jnp.where(state.step >= 12, jnp.nan, metrics["loss"])}
        if poison == "gradient":
            grads = jax.tree.map(lambda g: jnp.where(state.step == 18, jnp.inf, g), grads)
        return apply_gradients(state, grads, transform, model_state), metrics

    return step


def train(directory, steps, *, transform=ADAM, data=None, devices=None, poison=None, **settings):
    """A whole training, new or continued: (last state, speed)."""
    mesh, data, checkpoints = sharding.make_mesh(devices or jax.devices()[:2]), data or Data(), Checkpoints(directory)
    rng = np.random.default_rng(1)
    params = {name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in (("first", (5, 8)), ("second", (8, 1)))}
    state = create_state(params, {"mean": jnp.zeros(8)}, transform, jax.random.key(0))
    state, resume = sharding.put_replicated(state, mesh), None
    if checkpoints.latest() is not None:
        state, resume = checkpoints.restore(state, data)
    evaluate = lambda state: {"size": jnp.abs(state.params["first"]).sum(), "step": state.step}  # noqa: E731
    defaults = {"log_every": 4, "save_every": 5, "eval_every": 6, "best_metric": "size", "evaluate": evaluate}
    training = loop.Loop(
        step=make_step(transform, poison),
        iterator=data,
        keys=("x", "y"),
        mesh=mesh,
        steps=steps,
        batch_size=BATCH,
        **defaults | settings,
    )
    with logs.Logger(directory, steps, resume_step=int(state.step)) as logger:
        return loop.run(training, state, logger, checkpoints, resume)


def assert_identical(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(local_value(x), local_value(y))


def test_one_device_and_eight_train_the_same(tmp_path):
    # SGD, for Adam hides a gradient that is n times too large. Three steps of rate 0.1 on gradients of size below 10,
    # each a sum of 16 rows in another order: errors of some 16 roundings of 2^-24 per step.
    train_ = lambda name, devices: train(tmp_path / name, 3, transform=optax.sgd(0.1), devices=devices)[0]  # noqa: E731
    one, eight = train_("one", jax.devices()[:1]), train_("eight", jax.devices())
    assert len(eight.params["first"].sharding.device_set) == 8
    tolerance = 3 * 16 * 2**-24 * 10
    for name in ("first", "second"):
        np.testing.assert_allclose(one.params[name], eight.params[name], rtol=0, atol=tolerance)
    np.testing.assert_allclose(one.model_state["mean"], eight.model_state["mean"], rtol=0, atol=tolerance)


def test_a_killed_run_ends_like_one_that_was_not(tmp_path):
    expected, _ = train(tmp_path / "whole", 25)
    for kill_at in ("13", "9"):
        done = subprocess.run([sys.executable, __file__, str(tmp_path / "killed"), kill_at], capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert train(tmp_path / "killed", 25)[0].step == 25
    lines = [(tmp_path / name / logs.METRICS).read_text() for name in ("whole", "killed")]
    assert lines[0] == lines[1] and lines[0].count("train/loss") == 7 and lines[0].count("validation/size") == 5
    checkpoints = Checkpoints(tmp_path / "killed")
    assert checkpoints.steps() == [20, 25] and checkpoints.best() == Checkpoints(tmp_path / "whole").best()
    assert_identical(checkpoints.restore(expected)[0], expected)


def test_log_lines_are_means(tmp_path):
    train(tmp_path / "single", 4, log_every=1, evaluate=None)
    losses = [line["train/loss"] for line in logs.read(tmp_path / "single")]
    assert len(set(losses)) == 4
    train(tmp_path / "mean", 4, evaluate=None)
    assert logs.read(tmp_path / "mean") == [{"step": 4, "train/loss": pytest.approx(np.mean(losses), rel=1e-12)}]


def test_not_a_number_in_the_loss(tmp_path):
    with pytest.raises(InputError) as error:
        train(tmp_path, 40, poison="loss", save_every=10, log_every=100, eval_every=0)
    assert "step 13: the loss is nan; " in str(error.value) and "the good state of step 10; " in str(error.value)
    assert "try a lower learning rate" in str(error.value) and "\n" not in str(error.value)
    assert Checkpoints(tmp_path).steps() == [10]
    with pytest.raises(InputError, match="no checkpoint had been saved"):
        train(tmp_path / "early", 40, poison="loss", save_every=100, log_every=3, eval_every=0)


def test_a_gradient_that_overflows_while_the_loss_is_finite(tmp_path):
    with pytest.raises(InputError, match="step 19: params/first is not finite though the loss is"):
        train(tmp_path, 40, poison="gradient", save_every=19)
    assert Checkpoints(tmp_path).latest() is None


def test_sigterm_saves_and_the_run_goes_on(tmp_path, capsys):
    expected, _ = train(tmp_path / "whole", 12)
    stop = Data(lambda n: os.kill(os.getpid(), signal.SIGTERM) if n == 8 else None)
    with pytest.raises(SystemExit) as exit_:
        train(tmp_path / "stopped", 12, data=stop)
    assert exit_.value.code == 128 + signal.SIGTERM
    assert "stopped by SIGTERM after step 7; saved" in capsys.readouterr().err
    assert Checkpoints(tmp_path / "stopped").latest() == 7  # though batch 8 had been fetched already
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert_identical(train(tmp_path / "stopped", 12)[0], expected)
    assert logs.read(tmp_path / "stopped") == logs.read(tmp_path / "whole")


def test_speed(tmp_path):
    _, speed = train(tmp_path / "slow", 12, data=Data(lambda n: time.sleep(0.05)), save_every=100, eval_every=0)
    assert speed.input_wait_share > 0.6 and 0 < speed.images_per_second < BATCH / 0.05
    assert speed.compilations_after_first == 0 and speed.seconds_to_first_step > 0.05


def test_a_changed_shape_is_counted_as_a_compilation(tmp_path):
    data = Data(rows=lambda n: BATCH if n < 5 else BATCH // 2)
    assert train(tmp_path, 8, data=data)[1].compilations_after_first == 1


def test_nothing_is_left_to_do(tmp_path):
    state, _ = train(tmp_path, 5)
    before = (tmp_path / logs.METRICS).read_text()
    again, speed = train(tmp_path, 5)
    assert_identical(state, again)
    assert np.isnan(speed.images_per_second) and (tmp_path / logs.METRICS).read_text() == before


def test_data_that_ends(tmp_path):
    def end(n):
        if n == 4:
            raise StopIteration

    with pytest.raises(InputError, match="the training data ended"):
        train(tmp_path, 9, data=Data(end))


if __name__ == "__main__":
    directory, kill_at = sys.argv[1], int(sys.argv[2])
    train(directory, 25, data=Data(lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == kill_at else None))
