"""Speed of a training loop, and the time that its devices wait for input."""

import concurrent.futures
import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

_compilations: list[float] = []
"""Seconds of each XLA compilation of this process. One list for all clocks: JAX cannot unregister a listener."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """Speed of a run, without its evaluations and checkpoints; NaN if fewer than two steps were done."""

    images_per_second: float
    """Number of training images per second after the first step."""
    seconds_to_first_step: float
    """Time until the first step was done, in seconds: input, compilation and the step itself."""
    input_wait_share: float
    """Share of the time after the first step in which the device was idle because a batch was still being made."""
    compilations_after_first: int
    """Number of compilations in later steps. If a step is one program, later steps compile only if the shapes, types or
    placement of the state or of the batches change."""

    def __str__(self) -> str:
        return (
            f"{self.images_per_second:.1f} images/s ({1000 / self.images_per_second:.1f} s/kimg), "
            f"first step after {self.seconds_to_first_step:.1f} s, "
            f"{100 * self.input_wait_share:.1f} % of the time waiting for input, "
            f"{self.compilations_after_first} compilations after step 1"
        )


class Clock:
    """Stopwatch for a loop that dispatches steps asynchronously; a context manager.

    A step is finished when its metrics are ready. A thread waits for the metrics and notes the time, because the host
    is busy with the next batch meanwhile; comparing both times shows whether the device waited for the batch.
    """

    def __init__(self, batch_size: int):
        self._batch_size = batch_size
        self._start = time.perf_counter()
        self._first: float | None = None
        self._end: float | None = None
        self._steps, self._waited, self._paused, self._compilations = 0, 0.0, 0.0, 0

    def __enter__(self) -> "Clock":
        self._watcher = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="steps")
        self._running = self._watcher.submit(_finished, ())
        return self

    def __exit__(self, *_: Any) -> None:
        self._watcher.shutdown()

    @contextlib.contextmanager
    def dispatching(self) -> Iterator[None]:
        """Context for the call of a step; counts its compilations."""
        before = len(_compilations)
        yield
        if self._first is not None:
            self._compilations += len(_compilations) - before

    def step_dispatched(self, metrics: Any) -> None:
        """Watches the step that returns `metrics`, and waits for the step before it, so that batches do not pile up."""
        before, self._running = self._running, self._watcher.submit(_finished, metrics)
        self._steps += 1
        before.result()

    @contextlib.contextmanager
    def fetching(self) -> Iterator[None]:
        """Context for making a batch; the part of its time after the end of the running step counts as waiting."""
        begin = time.perf_counter()
        yield
        if self._running.done():
            self._waited += max(0.0, time.perf_counter() - max(begin, self._running.result()))

    def first_step_done(self) -> None:
        """Starts measuring the speed."""
        self._first = time.perf_counter()
        self._steps, self._waited, self._paused = 0, 0.0, 0.0

    @contextlib.contextmanager
    def paused(self, finish: Callable[[], Any]) -> Iterator[None]:
        """Context for work that is not training; `finish` waits for the training that was dispatched before it."""
        finish()
        begin = time.perf_counter()
        yield
        self._paused += time.perf_counter() - begin

    def done(self) -> None:
        """Stops measuring the speed, when the last step has finished."""
        self._end = time.perf_counter()

    def rate(self) -> tuple[float, float]:
        """Images per second without the pauses and seconds per step with them; NaN before the second step."""
        elapsed = self._elapsed()
        if math.isnan(elapsed):
            return math.nan, math.nan
        return self._steps * self._batch_size / max(elapsed - self._paused, 1e-9), elapsed / self._steps

    def speed(self) -> Speed:
        """Measured speed up to now, or up to `done`."""
        to_first = math.nan if self._first is None else self._first - self._start
        wait_share = self._waited / max(self._elapsed() - self._paused, 1e-9)
        return Speed(self.rate()[0], to_first, wait_share, self._compilations)

    def _elapsed(self) -> float:
        """Seconds from the end of the first step until now or `done`; NaN before the second step."""
        if self._first is None or not self._steps:
            return math.nan
        return (self._end or time.perf_counter()) - self._first


def _note_compilation(event: str, duration: float, **_: Any) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compilations.append(duration)


def _finished(metrics: Any) -> float:
    """Time at which the metrics are ready."""
    jax.block_until_ready(metrics)
    return time.perf_counter()


jax.monitoring.register_event_duration_secs_listener(_note_compilation)
