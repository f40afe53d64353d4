"""Tests `common.train.checkpoint`: exact restoring, and a clear error for every wrong or damaged checkpoint."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grain
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.errors import InputError
from common.train import sharding
from common.train.checkpoint import Checkpoints
from common.train.state import create_state, local_value

MESH = sharding.make_mesh()
OPTIMIZER = optax.adam(1e-3)


def make_state(landmarks=5, seed=0, mesh=MESH, keep_ema=False, extra=()):
    draw = np.random.default_rng(seed).standard_normal
    params = {
        "encoder": {"kernel": jnp.asarray(draw((64, 64)), jnp.float32)},
        "heads/out": {"kernel": jnp.asarray(draw((3, landmarks)), jnp.bfloat16)},
        **{name: jnp.zeros(2) for name in extra},
    }
    state = create_state(params, {"batch_stats": {"mean": jnp.ones(4)}}, OPTIMIZER, jax.random.key(seed), keep_ema)
    return sharding.put_replicated(state, mesh)


def make_iterator(rows=10):
    return iter(grain.MapDataset.range(rows).shuffle(seed=3).repeat().to_iter_dataset().batch(2))


def assert_equal(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == y.dtype and x.sharding == y.sharding
        np.testing.assert_array_equal(local_value(x), local_value(y))


def save(directory, state=None, steps=(1,)):
    checkpoints = Checkpoints(directory)
    for step in steps:
        checkpoints.save(step, make_state() if state is None else state)
    checkpoints.close()


def test_everything_comes_back(tmp_path):
    state, iterator = make_state(keep_ema=True), make_iterator()
    next(iterator)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(7, state, iterator, meta={"window": [[7, 0.1]]})
    expected = [next(iterator) for _ in range(8)]
    checkpoints.close()

    again = make_iterator()
    restored, meta = Checkpoints(tmp_path).restore(make_state(seed=1, keep_ema=True), again)
    assert_equal(restored, state)
    assert meta == {"window": [[7, 0.1]]}
    np.testing.assert_array_equal([next(again) for _ in range(8)], expected)
    assert jax.random.normal(restored.key) == jax.random.normal(state.key)


def test_another_number_of_devices(tmp_path):
    save(tmp_path)
    one = sharding.make_mesh(jax.devices()[:1])
    restored, _ = Checkpoints(tmp_path).restore(make_state(seed=1, mesh=one))
    assert_equal(restored, make_state(mesh=one))


def test_a_state_may_be_donated_right_after_the_call(tmp_path):
    step = jax.jit(lambda x: x + 1, donate_argnums=0)
    state = sharding.put_replicated({"x": jnp.zeros(1_000_000)}, MESH)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(0, state)
    for _ in range(10):
        state = {"x": step(state["x"])}
    checkpoints.wait()
    assert not checkpoints.restore(state)[0]["x"].any()


def test_the_last_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step, metric in enumerate([5.0, 3.0, float("nan"), 4.0, 3.0]):
        checkpoints.save_best(step, {"x": jnp.full(2, step)}, metric)
        checkpoints.save(step, {"x": jnp.full(2, step)})
    checkpoints.close()
    again = Checkpoints(tmp_path)
    assert again.steps() == [3, 4] and again.best() == (1, 3.0)
    np.testing.assert_array_equal(again.restore_part({"x": jnp.zeros(2, int)})[0]["x"], [1, 1])
    assert not again.save_best(5, {"x": jnp.zeros(2, int)}, 3.0)  # a run that is repeated finds its own best
    assert again.save_best(5, {"x": jnp.zeros(2, int)}, 2.5)
    again.close()
    assert again.best() == (5, 2.5)


def test_part_of_a_state(tmp_path):
    state = make_state()
    save(tmp_path, state)
    like = make_state(seed=1)
    part, step = Checkpoints(tmp_path).restore_part({"params": like.params, "model_state": like.model_state}, "last")
    assert step == 1
    assert_equal(part, {"params": state.params, "model_state": state.model_state})


def test_shapes_are_known_without_reading(tmp_path):
    state = make_state()
    save(tmp_path, state)
    shapes = Checkpoints(tmp_path).shapes()
    assert shapes["step"] == () and sum(name.startswith("params/") for name in shapes) == len(
        jax.tree.leaves(state.params)
    )


def test_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run")
    assert checkpoints.latest() is None and checkpoints.best() is None
    with pytest.raises(InputError, match="run/last: no checkpoint; name the work directory of a run"):
        checkpoints.restore(make_state())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "other, message",
    [
        ({"landmarks": 6}, r"params/heads/out/kernel is bfloat16\[3, 5\] there, bfloat16\[3, 6\] here"),
        ({"extra": ["neck"]}, r"params/neck is missing there; .*/neck is missing there"),
        ({"keep_ema": True}, r"ema/encoder/kernel is missing there"),
    ],
)
def test_another_model(tmp_path, other, message):
    save(tmp_path)
    with pytest.raises(InputError, match="last/1: checkpoint of another model: .*" + message):
        Checkpoints(tmp_path).restore(make_state(**other))


def test_a_smaller_model(tmp_path):
    save(tmp_path, make_state(extra=["neck"], keep_ema=True))
    with pytest.raises(InputError, match=r"params/neck is not expected here.*; and \d+ more; use the config"):
        Checkpoints(tmp_path).restore(make_state())
    with pytest.raises(InputError, match="params/neck is not expected here"):
        Checkpoints(tmp_path).restore_part({"params": make_state().params}, "last")


def test_other_data(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, make_state(), make_iterator())
    checkpoints.close()
    with pytest.raises(InputError, match="1/data: does not hold a position in this data"):
        checkpoints.restore(make_state(), OtherIterator())
    save(tmp_path / "none")
    with pytest.raises(InputError, match="1/data: does not hold a position in this data"):
        Checkpoints(tmp_path / "none").restore(make_state(), make_iterator())


class OtherIterator:
    """An iterator whose position has another form."""

    def get_state(self):
        return {"row": 0}

    def set_state(self, state):
        self.row = state["row"]


def data_files(directory: Path) -> list[Path]:
    return sorted((p for p in directory.rglob("*") if p.is_file()), key=lambda p: -p.stat().st_size)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), flip, lambda p: p.unlink()],
    ids=["truncated", "flipped", "deleted"],
)
@pytest.mark.parametrize("part", ["state", "meta"])
def test_damage_is_found(tmp_path, part, damage):
    save(tmp_path, steps=(1, 2))
    damage(data_files(tmp_path / "last" / "2" / part)[0])
    with pytest.raises(InputError, match="last/2: .*damaged .*; delete it to continue from step 1") as error:
        Checkpoints(tmp_path).restore(make_state())
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    shutil.rmtree(tmp_path / "last" / "2")
    assert_equal(Checkpoints(tmp_path).restore(make_state(seed=1))[0], make_state())


FULL = """
import resource, sys
import jax, jax.numpy as jnp
from common import errors
from common.train.checkpoint import Checkpoints
state = lambda i: {"x": jax.random.normal(jax.random.key(i), (200_000,))}
checkpoints = Checkpoints(sys.argv[1])
checkpoints.save(1, state(1))
checkpoints.wait()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # writing more fails as on a full disk
def main():
    checkpoints.save(2, state(2))
    checkpoints.wait()
errors.run(main)
"""


def test_a_full_disk(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        f"error: {tmp_path}/last: the checkpoint of step 2 cannot be written (File too large); the checkpoint of "
        "step 1 is whole; free disk space or name another directory, then run again\n"
    )
    assert [p.name for p in (tmp_path / "last").iterdir()] == ["1"]  # nothing half-written is left
    restored, _ = Checkpoints(tmp_path).restore({"x": jnp.zeros(200_000)})
    np.testing.assert_array_equal(restored["x"], jax.random.normal(jax.random.key(1), (200_000,)))


ENDLESS = """
import itertools, sys
import jax.numpy as jnp
from common.train.checkpoint import Checkpoints
checkpoints = Checkpoints(sys.argv[1])
for step in itertools.count((checkpoints.latest() or 0) + 1):
    state = {"x": jnp.full(300_000, step), "y": jnp.full(3, step)}
    checkpoints.save_best(step, state, -step)
    checkpoints.save(step, state)
    print(step, flush=True)
"""


def test_kill_at_any_moment(tmp_path):
    like = {"x": jnp.zeros(300_000, int), "y": jnp.zeros(3, int)}
    before = 0
    for delay in (0.003, 0.02, 0.045):  # one save takes about 0.05 s
        process = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, env=os.environ | {"XLA_FLAGS": ""}
        )
        for _ in range(3):
            process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        checkpoints = Checkpoints(tmp_path)
        for which in ("last", "best"):
            restored, step = checkpoints.restore_part(like, which)
            assert (restored["x"] == step).all() and (restored["y"] == step).all()
        assert checkpoints.latest() >= before + 2  # a save returns when the one before is complete
        before = checkpoints.latest()
    assert all(name.isdigit() for name in os.listdir(tmp_path / "last") if "tmp" not in name)
    assert sum("tmp" in name for name in os.listdir(tmp_path / "last")) <= 1  # older leftovers are cleaned
