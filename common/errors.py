"""The one exception for what a user can put right: bad files, rows, fields, directories."""

import sys
from collections.abc import Callable


class InputError(ValueError):
    """Something in the input is wrong. The message is one line: file, row or field, what is wrong, and the remedy."""


def run(main: Callable[[], None]) -> None:
    """Runs a command; an `InputError` becomes one line on stderr and exit status 2, without a traceback."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
