"""The exceptions for what a user can put right: bad input (fields, rows, directories) and files that cannot be read."""

import difflib
import sys
from collections.abc import Callable, Iterable


class InputError(ValueError):
    """Something in the input is wrong. The message is one line: file, row or field, what is wrong, and the remedy."""


class Unreadable(ValueError):
    """A file cannot be read, or must not be.

    The message says why and what to do, without the file's name: whoever opened the file puts it before the message.
    """


def damaged(reason: object) -> Unreadable:
    """The error for a file that is not what its publisher wrote."""
    return Unreadable(f"damaged ({_one_line(reason)}); download it again")


def refused(reason: object, remedy: str = "take the file from its publisher") -> Unreadable:
    """The error for a file that is whole, but asks for something that no honest file needs."""
    return Unreadable(f"refused, it {_one_line(reason)}; {remedy}")


def _one_line(reason: object) -> str:
    """One short printable line: parts of `reason` may come from the file."""
    text = " ".join(str(reason).split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def run(main: Callable[[], None]) -> None:
    """Runs a command; an `InputError` becomes one line on stderr and exit status 2, without a traceback."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def nearest(name: str, names: Iterable[str]) -> str:
    """`; the nearest is x` for the known name closest to `name`, empty if there is none at all.

    The last part counts too: `itl_lr` is nearest to `optimizer.itl_lr`.
    """
    names = sorted(names)
    last = {known: known.rpartition(".")[2] for known in names}
    similarity = {
        known: max(difflib.SequenceMatcher(None, name, other).ratio() for other in (known, last[known]))
        for known in names
    }
    return f"; the nearest is {max(names, key=similarity.get)}" if names else ""
