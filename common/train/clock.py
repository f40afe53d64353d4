"""How fast a loop runs, and how long the device waits for input."""

import concurrent.futures
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax

_compilations: list[
    float
] = []  # seconds of each XLA compilation of this process; JAX has no way to unregister a listener


class Clock:
    """Measures a loop that dispatches steps asynchronously; as a context manager it owns the thread that watches them.

    A step is finished when its metrics are ready. Only a thread that waits for them knows when that was: the host is
    busy fetching the next batch meanwhile, and whether the device idled for it is the question.
    """

    def __init__(self, batch_size: int):
        self._batch_size = batch_size
        self._start = time.perf_counter()
        self._first: float | None = None
        self._end: float | None = None
        self._running: concurrent.futures.Future | None = None
        self._steps, self._waited, self._paused = 0, 0.0, 0.0
        self.compilations = 0
        """XLA compilations of the step after the first one."""

    def __enter__(self) -> "Clock":
        self._watcher = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="steps")
        return self

    def __exit__(self, *_: Any) -> None:
        self._watcher.shutdown()

    @contextlib.contextmanager
    def dispatching(self) -> Iterator[None]:
        """Around the call of a step: counts compilations."""
        before = len(_compilations)
        yield
        if self._first is not None:
            self.compilations += len(_compilations) - before

    def step_dispatched(self, metrics: Any) -> None:
        """Watches the step that gives `metrics`, and waits for the one before it, so that batches do not pile up."""
        before, self._running = self._running, self._watcher.submit(_finished, metrics)
        self._steps += 1
        if before is not None:
            before.result()

    @contextlib.contextmanager
    def fetching(self) -> Iterator[None]:
        """Around the making of a batch: the part of it after the running step had finished is waiting."""
        begin = time.perf_counter()
        yield
        if self._running.done():
            self._waited += max(0.0, time.perf_counter() - max(begin, self._running.result()))

    def first_step_done(self) -> None:
        """From here on speed is measured."""
        self._first = time.perf_counter()
        self._steps, self._waited, self._paused = 0, 0.0, 0.0

    @contextlib.contextmanager
    def paused(self, finish: Callable[[], Any]) -> Iterator[None]:
        """Around what is not training; `finish` waits for the training before it."""
        finish()
        begin = time.perf_counter()
        yield
        self._paused += time.perf_counter() - begin

    def done(self) -> None:
        """The last step has finished."""
        self._end = time.perf_counter()

    def rate(self) -> tuple[float, float]:
        """Images per second without the pauses, seconds per step with them; NaN before there is a second step."""
        if self._first is None or not self._steps:
            return float("nan"), float("nan")
        elapsed = (self._end or time.perf_counter()) - self._first
        return self._steps * self._batch_size / max(elapsed - self._paused, 1e-9), elapsed / self._steps

    def first_step(self) -> float:
        """Seconds from the start to the end of the first step; NaN if there was none."""
        return float("nan") if self._first is None else self._first - self._start

    def wait_share(self) -> float:
        """Share of the time after the first step in which the device waited for input."""
        if self._first is None or not self._steps:
            return float("nan")
        elapsed = (self._end or time.perf_counter()) - self._first
        return self._waited / max(elapsed - self._paused, 1e-9)


def _note_compilation(event: str, seconds: float, **_: Any) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compilations.append(seconds)


def _finished(metrics: Any) -> float:
    jax.block_until_ready(metrics)
    return time.perf_counter()


jax.monitoring.register_event_duration_secs_listener(_note_compilation)
