"""Exceptions for errors that the user can correct: bad input (fields, rows, directories) and unreadable files."""

import difflib
import sys
from collections.abc import Callable, Iterable


class InputError(ValueError):
    """Error in the user's input. The message is one line: the file, row or field, what is wrong, and the remedy."""


class Unreadable(ValueError):
    """Error for a file that cannot be read, or that must not be read.

    The message gives reason and remedy without the file's name, which the caller that opened the file puts in front.
    """


def damaged(reason: object) -> Unreadable:
    """Error for a file that differs from what its publisher wrote."""
    return Unreadable(f"damaged ({one_line(reason)}); download it again")


def refused(reason: object, remedy: str = "take the file from its publisher") -> Unreadable:
    """Error for a file that is intact but asks for something that no honest file needs."""
    return Unreadable(f"refused, it {one_line(reason)}; {remedy}")


def one_line(reason: object, limit: int = 200) -> str:
    """Reason of an error as one printable line. A text of more than `limit` characters loses its middle."""
    text = " ".join(str(reason).split()) or type(reason).__name__
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-(limit // 2) :]}"


def run(main: Callable[[], None]) -> None:
    """Runs a command. An `InputError` becomes one line on standard error and exit status 2, without a traceback."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def nearest(name: str, names: Iterable[str]) -> str:
    """Hint for an error message, `; the nearest is x`: the name most similar to `name`; empty if none is similar.

    The last part of a dotted name is compared as well: `itl_lr` is nearest to `optimizer.itl_lr`.
    """
    similarity = {
        known: max(difflib.SequenceMatcher(None, name, other).ratio() for other in {known, known.rpartition(".")[2]})
        for known in sorted(names)
    }
    best = max(similarity, key=similarity.__getitem__, default=None)
    return f"; the nearest is {best}" if best is not None and similarity[best] >= 0.5 else ""
