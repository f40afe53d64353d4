"""Training loop of all trainers: steps, logs, evaluations and checkpoints, and what may interrupt them.

The device does not wait for the host: the next batch is fetched while a step runs, and numbers are read from the device
one step late, at log steps only. The host waits for the device only at checkpoints and evaluations.
"""

import dataclasses
import math
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from common.data.batches import Position
from common.errors import InputError
from common.train import sharding
from common.train.checkpoint import Checkpoints
from common.train.clock import Clock, Speed
from common.train.logs import Logger
from common.train.state import State, first_not_finite


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loop:
    """Step of a training, its batches and devices, and the steps at which it logs, evaluates and saves."""

    step: Callable[[Any, Any], tuple[Any, dict[str, jax.Array]]]
    """(state, batch) -> (state, dict of scalars). The run stops if a scalar "loss" or "loss/..." is not finite.
    A scalar that only some steps return is logged as its mean over these steps."""
    compiled: bool = False
    """Whether `step` consists of compiled programs, which donate the state and return it replicated. If False, `step`
    is one pure function, and the loop compiles it by `sharding.jit_step`."""
    iterator: Any
    """Iterator over this process's batches, dicts of numpy arrays; with `get_state()` if checkpoints are kept."""
    keys: tuple[str, ...]
    """Names of the arrays of a batch that go to the devices."""
    mesh: Mesh
    steps: int
    """Total number of steps of the run, including those before it was resumed."""
    batch_size: int
    """Global batch size, used for the speed only."""
    log_every: int
    """Number of steps between log lines."""
    save_every: int
    """Number of steps between checkpoints."""
    eval_every: int = 0
    """Number of steps between evaluations; 0 evaluates after the last step only."""
    evaluate: Callable[[Any], Mapping[str, float]] | None = None
    """(state) -> scalars by name, possibly none."""
    best_metric: str | None = None
    """Name of the scalar of `evaluate` whose lowest value marks the best state, which is saved; None saves none."""


def run(
    loop: Loop, state: State, logger: Logger, checkpoints: Checkpoints | None = None, resume: Any = None
) -> tuple[Any, Speed]:
    """Runs a loop until `loop.steps` steps are done.

    Args:
      state: new or restored state, which is donated. Its `step` is the number of steps already done.
      checkpoints: checkpoints to save to; None saves nothing.
      resume: value `meta` that `Checkpoints.restore` returned with the state; None for a new run.

    Returns:
      The last state and the speed of the run.

    Raises:
      InputError: the loss or the state is not finite, the data end, or a checkpoint cannot be written. Older
        checkpoints stay.
      SystemExit: a SIGTERM or SIGINT arrived, and a checkpoint has been saved.
    """
    return _Run(loop, state, logger, checkpoints, resume).run()


class _Run:
    """One call of `run`: the state, the numbers that are not logged yet, the clock and the signals."""

    def __init__(self, loop: Loop, state: State, logger: Logger, checkpoints: Checkpoints | None, resume: Any):
        self.loop, self.state, self.logger, self.checkpoints = loop, state, logger, checkpoints
        self.window = (
            [] if resume is None else list(resume["window"])
        )  # [step, {name: value}] of steps that are not logged yet
        self.unread: list[tuple[int, dict[str, jax.Array]]] = []
        self.to_log: int | None = None
        self.position: Position | None = None
        self.clock = Clock(loop.batch_size)
        self.signal = _Signal()

    def run(self) -> tuple[State, Speed]:
        loop, clock = self.loop, self.clock
        done = first = int(self.state.step)
        if done >= loop.steps:
            return self.state, clock.speed()
        self.state, batch = sharding.put_replicated(self.state, loop.mesh), self._fetch()
        step = loop.step if loop.compiled else sharding.jit_step(loop.step, loop.mesh)
        with self.signal, clock:
            while done < loop.steps:
                with clock.dispatching():
                    self.state, metrics = step(self.state, batch)
                done += 1
                self.unread.append((done, metrics))
                clock.step_dispatched(metrics)
                position = self.position
                if done < loop.steps:
                    with clock.fetching():
                        batch = self._fetch()
                if done == first + 1:
                    jax.block_until_ready(metrics)
                    clock.first_step_done()
                self._after_step(done, position)
            self._read(done)
            jax.block_until_ready(self.state)
            clock.done()
        if self.checkpoints is not None:
            self.checkpoints.wait()
        return self.state, clock.speed()

    def _fetch(self) -> Any:
        """Starts copying the next batch to the devices and returns it; `position` becomes the position after it."""
        try:
            batch = next(self.loop.iterator)
        except StopIteration:
            raise InputError("the training data ended before the last step; it must repeat forever") from None
        self.position = None if self.checkpoints is None else Position(self.loop.iterator)
        return sharding.put_batch({name: batch[name] for name in self.loop.keys}, self.loop.mesh)

    def _after_step(self, done: int, position: Position | None) -> None:
        loop, checkpoints = self.loop, self.checkpoints
        last = done == loop.steps
        stop = self.signal.received(done)
        evaluates = loop.evaluate is not None and (last or (loop.eval_every and done % loop.eval_every == 0))
        saves = checkpoints is not None and (last or stop or done % loop.save_every == 0)
        if self.to_log is not None:  # the next step is already running, so the device does not wait for the reading
            self._read(self.to_log)
        if done % loop.log_every == 0 or last:
            self.to_log = done
        self.logger.progress(done, *self.clock.rate())
        if not (evaluates or saves or stop):
            return
        with self.clock.paused(lambda: jax.block_until_ready(self.state)):
            self._read(done)
            if evaluates or saves:
                self._check_state(done)
            if loop.evaluate is not None and evaluates:
                self._evaluate(done, loop.evaluate(self.state))
            if checkpoints is not None and saves:
                checkpoints.save(done, self.state, position, {"window": self.window})
            if stop:
                self._stop(done)

    def _evaluate(self, done: int, scalars: Mapping[str, float]) -> None:
        if scalars:
            self.logger.write(done, {f"validation/{name}": value for name, value in scalars.items()})
        if self.checkpoints is not None and self.loop.best_metric is not None:
            self.checkpoints.save_best(done, self.state, float(scalars[self.loop.best_metric]))

    def _read(self, until: int) -> None:
        """Reads the scalars of the steps up to `until` from the device, checks them, and writes the due log line."""
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
        bad = first_not_finite(self.state.watched())
        if bad is not None:
            self._not_finite(done, f"{bad} is not finite though the loss is")

    def _not_finite(self, step: int, what: str) -> None:
        kept = "no checkpoint had been saved"
        if self.checkpoints is not None:
            self.checkpoints.wait()
            newest = self.checkpoints.latest()
            if newest is not None:
                kept = f"{self.checkpoints.directory / 'last'} holds the good state of step {newest}"
        raise InputError(
            f"step {step}: {what}; {kept}; try a lower learning rate, float32 for bfloat16, and check the labels"
        )

    def _stop(self, done: int) -> None:
        saved = ""
        if self.checkpoints is not None:
            self.checkpoints.wait()
            saved = "; saved, the same command continues from here"
        self.logger.say(f"stopped by {signal.Signals(self.signal.number).name} after step {done}{saved}")
        raise SystemExit(128 + self.signal.number)


class _Signal:
    """Handler that notes the first SIGTERM or SIGINT. The second one has the effect that it had before the loop."""

    def __init__(self):
        self.number, self._before = 0, {}

    def __enter__(self) -> "_Signal":
        # With several processes, JAX's own handler finds a step at which all of them stop.
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
        """Whether a signal has arrived; with several processes all of them agree on the step."""
        if jax.process_count() > 1 and not self.number and multihost_utils.reached_preemption_sync_point(step):
            self.number = int(signal.SIGTERM)
        return self.number != 0
