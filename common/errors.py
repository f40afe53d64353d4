"""One exception for everything that a user can put right: bad files, rows, fields, directories."""

import difflib
import sys
from collections.abc import Callable, Iterable


class InputError(ValueError):
    """A fault of the input. The message is one line: the file, row or field, what is wrong, and the remedy."""


def run(main: Callable[[], None]) -> None:
    """Runs a command; an `InputError` becomes one line on stderr and exit status 2, without a traceback."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def nearest(name: str, names: Iterable[str]) -> str:
    """Text `; the nearest is x` with the known name closest to `name`, or an empty text if no name is known.

    The part after the last dot is compared, too: `itl_lr` is nearest to `optimizer.itl_lr`.
    """
    names = sorted(names)
    last = {known: known.rpartition(".")[2] for known in names}
    similarity = {
        known: max(difflib.SequenceMatcher(None, name, other).ratio() for other in (known, last[known]))
        for known in names
    }
    return f"; the nearest is {max(names, key=similarity.get)}" if names else ""
