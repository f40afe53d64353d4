"""The generic training loop: steps, logs, evaluations, checkpoints, and everything that may interrupt them.

The device is never left waiting: the next batch is on its way while a step runs, and numbers are read from the device
one step late, at log steps only. The host stops to wait at checkpoints and evaluations.
"""

import dataclasses
import math
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from common.errors import InputError
from common.train import sharding
from common.train.checkpoint import Checkpoints, Position
from common.train.clock import Clock
from common.train.logs import Logger
from common.train.state import TrainState, first_not_finite

StepFn = Callable[[TrainState, Any], tuple[TrainState, dict[str, jax.Array]]]


@dataclasses.dataclass(frozen=True)
class LoopStats:
    """How fast a run was; evaluations and checkpoints are not counted."""

    images_per_second: float
    """Training images over the time after the first step; NaN with fewer than two steps."""
    seconds_to_first_step: float
    """Input, compilation and the first step itself."""
    input_wait_share: float
    """Share of the time after the first step in which the device had nothing to do because a batch was being made."""
    compilations_after_first: int
    """0 unless the shapes, types or placement of state or batches changed."""


def run(
    step_fn: StepFn,
    state: TrainState,
    iterator: Any,
    *,
    steps: int,
    mesh: Mesh,
    batch_size: int,
    logger: Logger,
    checkpoints: Checkpoints | None,
    log_every: int,
    save_every: int,
    eval_every: int = 0,
    evaluate: Callable[[TrainState], Mapping[str, float]] | None = None,
    best_metric: str | None = None,
    prepare: Callable[[Any], Any] = lambda batch: batch,
    resume: Any = None,
    compiled: bool = False,
) -> tuple[TrainState, LoopStats]:
    """Runs `step_fn` until `steps` steps are done.

    Args:
      step_fn: (state, batch) -> (state, dict of scalars); compiled here by `mesh.jit_step`. A run stops where a scalar
        "loss" or "loss/..." is not finite. One that only some steps give is logged as the mean over these.
      state: as created or restored; it is donated. Its `step` says how many steps are done already.
      iterator: yields this process's batches, pytrees of numpy arrays; has `get_state()` if checkpoints are kept.
      batch_size: global, for the rate only.
      evaluate: state -> scalars, called every `eval_every` steps and after the last one.
      best_metric: the scalar of `evaluate`, lower is better, whose best state is kept.
      prepare: batch -> what goes to the device.
      resume: the `meta` that `Checkpoints.restore` gave back; None for a new run.
      compiled: `step_fn` is called as it is: it consists of compiled parts, which donate the state and replicate it.

    Returns:
      the last state and the speed.

    Raises:
      InputError: the loss or the state is not finite, or a checkpoint cannot be written; the checkpoints before stay.
      SystemExit: after SIGTERM or SIGINT, when a checkpoint has been saved.
    """
    return _Run(**locals()).run()


class _Run:
    def __init__(self, **arguments: Any):
        self.__dict__.update(arguments)
        self.window = [] if self.resume is None else list(self.resume["window"])  # [step, {name: value}] not logged yet
        self.unread: list[tuple[int, dict[str, jax.Array]]] = []
        self.to_log: int | None = None
        self.clock = Clock(self.batch_size)
        self.signal = _Signal()

    def run(self) -> tuple[TrainState, LoopStats]:
        done = first = int(self.state.step)
        if done < self.steps:
            self.state = sharding.put_replicated(self.state, self.mesh)
            batch = self._fetch()
        step_fn = self.step_fn if self.compiled else sharding.jit_step(self.step_fn, self.mesh)
        with self.signal, self.clock:
            while done < self.steps:
                with self.clock.dispatching():
                    self.state, metrics = step_fn(self.state, batch)
                done += 1
                self.unread.append((done, metrics))
                self.clock.step_dispatched(metrics)
                position = self.position
                if done < self.steps:
                    with self.clock.fetching():
                        batch = self._fetch()
                if done == first + 1:
                    jax.block_until_ready(metrics)
                    self.clock.first_step_done()
                self._after_step(done, position)
            self._read(done)
            jax.block_until_ready(self.state)
            self.clock.done()
        if self.checkpoints is not None:
            self.checkpoints.wait()
        clock = self.clock
        stats = LoopStats(clock.rate()[0], clock.first_step(), clock.wait_share(), clock.compilations)
        return self.state, stats

    def _fetch(self) -> Any:
        """The next batch, on its way to the devices; `position` is that after it."""
        try:
            batch = next(self.iterator)
        except StopIteration:
            raise InputError("the training data ended before the last step; it must repeat forever") from None
        self.position = None if self.checkpoints is None else Position(self.iterator)
        return sharding.put_batch(self.prepare(batch), self.mesh)

    def _after_step(self, done: int, position: Position | None) -> None:
        last = done == self.steps
        stop = self.signal.received(done)
        evaluates = self.evaluate is not None and (last or (self.eval_every and done % self.eval_every == 0))
        saves = self.checkpoints is not None and (last or stop or done % self.save_every == 0)
        if self.to_log is not None:  # the step after it is running by now: reading costs the device nothing
            self._read(self.to_log)
        if done % self.log_every == 0 or last:
            self.to_log = done
        self.logger.progress(done, *self.clock.rate())
        if not (evaluates or saves or stop):
            return
        with self.clock.paused(lambda: jax.block_until_ready(self.state)):
            self._read(done)
            if evaluates or saves:
                self._check_state(done)
            if evaluates:
                self._evaluate(done)
            if saves:
                self.checkpoints.save(done, self.state, position, {"window": self.window})
            if stop:
                self._stop(done)

    def _evaluate(self, done: int) -> None:
        scalars = self.evaluate(self.state)
        if scalars:
            self.logger.write(done, {f"validation/{name}": value for name, value in scalars.items()})
        if self.checkpoints is not None and self.best_metric is not None:
            self.checkpoints.save_best(done, self.state, float(scalars[self.best_metric]))

    def _read(self, until: int) -> None:
        """Fetches the numbers of the steps up to `until`, checks them, and logs what is due."""
        ready = [entry for entry in self.unread if entry[0] <= until]
        self.unread = self.unread[len(ready) :]
        values = jax.device_get([metrics for _, metrics in ready])
        for (step, _), metrics in zip(ready, values, strict=True):
            for name in metrics:
                if name.split("/")[0] == "loss" and not np.isfinite(metrics[name]):
                    self._not_finite(step, f"the {name} is {float(metrics[name])}")
            self.window.append([step, {name: float(value) for name, value in metrics.items()}])
        if self.to_log is not None:
            columns: dict[str, list[float]] = {}
            for name, value in (item for _, metrics in self.window for item in metrics.items()):
                columns.setdefault(name, []).append(value)
            means = {f"train/{name}": math.fsum(values) / len(values) for name, values in columns.items()}
            self.logger.write(self.to_log, means, images_per_second=self.clock.rate()[0])
            self.window, self.to_log = [], None

    def _check_state(self, done: int) -> None:
        bad = first_not_finite({"params": self.state.params, "stats": self.state.stats})
        if bad is not None:
            self._not_finite(done, f"{bad} is not finite though the loss is")

    def _not_finite(self, step: int, what: str) -> None:
        kept = "no checkpoint had been saved"
        if self.checkpoints is not None:
            self.checkpoints.wait()
            newest = self.checkpoints.latest()
            if newest is not None:
                kept = f"the last good state is that of step {newest} in {self.checkpoints.directory / 'last'}"
        raise InputError(
            f"step {step}: {what}; {kept}; try a lower learning rate, float32 for bfloat16, and check the labels"
        )

    def _stop(self, done: int) -> None:
        saved = ""
        if self.checkpoints is not None:
            self.checkpoints.wait()
            saved = "; saved, the same command goes on from here"
        self.logger.say(f"stopped by {self.signal.name} after step {done}{saved}")
        raise SystemExit(128 + self.signal.number)


class _Signal:
    """Notes the first SIGTERM or SIGINT; a second one acts as it did before."""

    def __init__(self):
        self.number, self._before = None, {}

    @property
    def name(self) -> str:
        return signal.Signals(self.number).name

    def __enter__(self) -> "_Signal":
        # With several processes JAX's own handler agrees on a step at which all stop.
        if threading.current_thread() is threading.main_thread() and jax.process_count() == 1:
            self._before = {n: signal.signal(n, self._note) for n in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, _: Any) -> None:
        self.__exit__()
        self.number = number

    def received(self, step: int) -> bool:
        if jax.process_count() > 1 and self.number is None:
            from jax.experimental import multihost_utils

            if multihost_utils.reached_preemption_sync_point(step):
                self.number = signal.SIGTERM
        return self.number is not None
