"""Output for people: tables on the terminal or as Markdown, and progress bars with rate and time left."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import rich.console
import rich.progress
import rich.table

T = TypeVar("T")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints a table on standard output, with the first column aligned to the left and the others to the right."""
    result = rich.table.Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for i, column in enumerate(columns):
        result.add_column(column, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        result.add_row(*map(cell, row))
    # At least 160 characters wide, so that rich cuts nothing off: a narrow terminal wraps the rows.
    width = max(rich.console.Console().width, 160)
    rich.console.Console(width=width).print(result)


def markdown_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Table as a section of a Markdown document, aligned as by `print_table`."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join([f"# {title}", "", *(f"| {' | '.join(map(cell, line))} |" for line in lines)]) + "\n"


def cell(value: Any, form: str = "") -> str:
    """Text of a table cell: empty for None, otherwise formatted by `form`, whose default is two decimals for floats.

    >>> cell(1.234), cell(1.234, ".3g"), cell(12), cell("a"), cell(None)
    ('1.23', '1.23', '12', 'a', '')
    """
    if value is None:
        return ""
    return f"{value:{form or ('.2f' if isinstance(value, float) else '')}}"


def duration(seconds: float) -> str:
    """Text of a duration, such as `3:07` or `1:02:45`."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def progress_bar() -> rich.progress.Progress:
    """Progress bar on standard error whose tasks have the fields `rate`, `left` and `note`."""
    return rich.progress.Progress(
        rich.progress.MofNCompleteColumn(),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.fields[rate]}"),
        rich.progress.TextColumn("{task.fields[left]}"),
        rich.progress.TextColumn("{task.fields[note]}"),
        console=rich.console.Console(stderr=True),
    )


class Progress:
    """Progress bar with rate and time left for work other than training; shown on a terminal only."""

    def __init__(self, name: str, total: int, unit: str = "images"):
        self._total, self._unit, self._start = total, unit, time.monotonic()
        self._bar = progress_bar() if sys.stderr.isatty() and jax.process_index() == 0 else None
        self._name = name

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._task = self._bar.add_task("", total=self._total, rate="", left="", note=self._name)
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, note: str = "") -> None:
        """Moves the bar to `done` and shows `note` after the bar's name."""
        if self._bar is None or not done:
            return
        rate = done / max(time.monotonic() - self._start, 1e-9)
        left = f"{duration((self._total - done) / rate)} left"
        note = f"{self._name}  {note}".rstrip()
        self._bar.update(self._task, completed=done, rate=f"{rate:.3g} {self._unit}/s", left=left, note=note)


def track(items: Iterable[T], what: str, count: int) -> Iterator[T]:
    """Yields the items while a progress bar with the name `what` counts to `count`."""
    with Progress(what, count, "items") as progress:
        for done, item in enumerate(items, start=1):
            yield item
            progress.update(done)
