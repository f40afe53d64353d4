"""Tests `common.train.fit`: checks before a directory is claimed, fresh runs and continued runs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.errors import InputError
from common.train import logs, sharding
from common.train.fit import Job, fit, print_summary
from common.train.state import apply_gradients, create_state

SGD = optax.sgd(0.5)


@dataclasses.dataclass(frozen=True)
class Config:
    """A run that adds its batches up."""

    workdir: str
    rate: float = 1.0
    steps: int = 4


class Numbers:
    """Batches [8, 1] of 1, 2, 3, ..."""

    def __init__(self):
        self.count = 0

    def __next__(self):
        self.count += 1
        return {"x": np.full((8, 1), self.count, np.float32), "name": np.array(["unused"] * 8)}

    def get_state(self):
        return self.count

    def set_state(self, state):
        self.count = state


def step(state, batch):
    return apply_gradients(state, {"w": batch["x"].mean()[None]}, SGD, {}), {"loss": batch["x"].mean()}


def job(config: Config, *, start: float = 0.0, on_new=lambda fresh: None, after_claim=lambda: None) -> Job:
    def new_state(fresh):
        on_new(fresh)
        return create_state({"w": jnp.full(1, start)}, {}, SGD, jax.random.key(0))

    return Job(
        config=config,
        may_change=("steps", "workdir"),
        new_state=new_state,
        after_claim=after_claim,
        step=step,
        iterator=Numbers(),
        keys=("x",),
        mesh=sharding.make_mesh(),
        steps=config.steps,
        batch_size=8,
        log_every=1,
        save_every=2,
        evaluate=lambda state: {"distance": jnp.abs(state.params["w"] + 100)[0]},
        best_metric="distance",
    )


def test_a_continued_run_ends_like_an_uninterrupted_one(tmp_path):
    whole = fit(job(Config(str(tmp_path / "whole"), steps=6)))
    assert whole.state.params["w"][0] == -sum(range(1, 7)) / 2 and np.isfinite(whole.speed.images_per_second)
    fresh = []
    fit(job(Config(str(tmp_path / "parts"), steps=3), on_new=fresh.append))
    parts = fit(job(Config(str(tmp_path / "parts"), steps=6), start=7.0, on_new=fresh.append))
    assert fresh == [True, False]
    assert parts.state.params["w"][0] == whole.state.params["w"][0] and parts.state.step == 6
    lines = [[line for line in logs.read(tmp_path / name) if "train/loss" in line] for name in ("whole", "parts")]
    assert lines[0] == lines[1] and len(lines[0]) == 6
    assert parts.checkpoints.best() == whole.checkpoints.best() == (6, 89.5)
    again = fit(job(Config(str(tmp_path / "parts"), steps=6)))
    assert np.isnan(again.speed.images_per_second)  # nothing was left to do


def test_a_wrong_start_claims_no_directory(tmp_path):
    def refuse(fresh):
        raise InputError("field prior: no such file")

    with pytest.raises(InputError, match="field prior"):
        fit(job(Config(str(tmp_path / "run")), on_new=refuse))
    assert not (tmp_path / "run").exists()


def test_the_directory_of_another_run_stays_as_it_is(tmp_path):
    config = Config(str(tmp_path / "run"))
    fit(job(config, after_claim=lambda: (tmp_path / "run" / "extra").write_text("1")))
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    other = dataclasses.replace(config, rate=2.0, steps=9)
    with pytest.raises(InputError, match="rate"):
        fit(job(other, after_claim=lambda: (tmp_path / "run" / "extra").write_text("2")))
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def test_the_summary_of_a_dry_run(capsys):
    parts = {"body": {"kernel": jnp.zeros((30, 50))}, "head": [jax.ShapeDtypeStruct((7,), jnp.float32)]}
    print_summary(Config("runs/x", rate=0.25), parts, "x [8] -> y [8]", frozen={"body"})
    printed = capsys.readouterr().out
    assert "rate = 0.25" in printed and "x [8] -> y [8]" in printed
    rows = [line.replace("│", " ").split() for line in printed.splitlines()]
    assert ["body", "1,500", "frozen"] in rows and ["head", "7", "trained"] in rows
