"""Log of a run: JSON lines and TensorBoard on the disk, progress with rate and time left on the terminal.

`metrics.jsonl` holds only numbers of the computation and no times, so that a run that was killed and resumed leaves the
same file as an uninterrupted run. Rates go to TensorBoard and to the terminal.
"""

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import tensorboardX

from common import files
from common.errors import InputError
from common.terminal import duration, progress_bar

METRICS = "metrics.jsonl"


class Logger:
    """Log of one run in its work directory. Only the first process writes; in the others every method does nothing."""

    def __init__(self, directory: str | Path, total_steps: int, *, resume_step: int = 0, plain_seconds: float = 10.0):
        """Opens the log and deletes the lines of steps after `resume_step`, which will be computed again.

        Args:
          plain_seconds: shortest time between two lines of progress if standard error is not a terminal.

        Raises:
          InputError: the directory cannot be written, or its log is damaged.
        """
        self._active = jax.process_index() == 0
        self._total, self._plain_seconds = total_steps, plain_seconds
        self._last_line = -math.inf
        self._shown: dict[str, str] = {}
        self._bar = None
        if not self._active:
            return
        path = Path(directory) / METRICS
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _truncate(path, resume_step)
            self._file = path.open("a")
            self._tensorboard = tensorboardX.SummaryWriter(str(directory), purge_step=resume_step + 1, flush_secs=10)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); name another directory") from error
        if sys.stderr.isatty():
            self._bar = progress_bar()
            self._task = self._bar.add_task("", total=total_steps, completed=resume_step, rate="", left="", note="")
            self._bar.start()

    def write(self, step: int, scalars: Mapping[str, Any], images_per_second: float | None = None) -> None:
        """Writes a JSON line `{"step": step, ...}`, and the same numbers (with the rate, if given) for TensorBoard."""
        if not self._active:
            return
        values = {name: float(value) for name, value in scalars.items()}
        try:
            self._file.write(json.dumps({"step": step} | values) + "\n")
            self._file.flush()
        except OSError as error:
            raise InputError(f"{self._file.name}: cannot be written ({error.strerror}); free disk space") from error
        for name, value in values.items():
            self._tensorboard.add_scalar(name, value, step)
        if images_per_second is not None and math.isfinite(images_per_second):
            self._tensorboard.add_scalar("speed/images_per_second", images_per_second, step)
        for name in list(values)[:2]:
            self._shown[name] = f"{name.removeprefix('train/')} {values[name]:.4g}"

    def progress(self, step: int, images_per_second: float, seconds_per_step: float) -> None:
        """Moves the bar; without a bar, prints a line if the last line is old enough or the run has ended."""
        if not self._active:
            return
        due = time.monotonic() - self._last_line >= self._plain_seconds or step == self._total
        if self._bar is None and not due:
            return
        known = math.isfinite(seconds_per_step)
        rate = f"{images_per_second:.3g} images/s" if known else ""
        left = f"{duration((self._total - step) * seconds_per_step)} left" if known else ""
        note = "  ".join(self._shown.values())
        if self._bar is not None:
            self._bar.update(self._task, completed=step, rate=rate, left=left, note=note)
            return
        self._last_line = time.monotonic()
        print("  ".join(filter(None, (f"step {step}/{self._total}", rate, left, note))), file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Prints a line on standard error, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        elif self._active:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Removes the bar and closes the files."""
        if self._active:
            if self._bar is not None:
                self._bar.stop()
            self._tensorboard.close()
            self._file.close()
            self._active, self._bar = False, None

    def __enter__(self) -> "Logger":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def read(directory: str | Path) -> list[dict[str, Any]]:
    """Lines of a run's `metrics.jsonl`, in order."""
    lines = (Path(directory) / METRICS).read_text().splitlines()
    return [json.loads(line) for line in lines]


def _truncate(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    lines = path.read_text().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):  # the process was killed while writing it
                break
            raise InputError(f"{path}: line {number} is not a log line; delete the file to start a new log") from error
    if len(kept) != len(lines):
        files.write_text(path, "".join(kept))
