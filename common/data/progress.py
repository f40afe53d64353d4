"""A progress bar for what walks through a data set once."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import rich.console
import rich.progress

T = TypeVar("T")


def track(items: Iterable[T], what: str, count: int) -> Iterator[T]:
    """The items, with a bar on stderr where that is a terminal: `what`, how many of `count`, time left."""
    console = rich.console.Console(stderr=True)
    return rich.progress.track(items, what, count, console=console, disable=not console.is_terminal)
