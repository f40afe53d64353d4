"""What the readers raise; `common.weights.read` puts the file's name before it."""


class Unreadable(ValueError):
    """A file cannot be read, or must not be. The message says why and what to do, without the file's name."""


def damaged(reason: object) -> Unreadable:
    """The file is not what its publisher wrote."""
    return Unreadable(f"damaged ({_line(reason)}); download it again")


def refused(reason: object, remedy: str = "take the file from its publisher") -> Unreadable:
    """The file is whole, but asks for something that no checkpoint needs."""
    return Unreadable(f"refused, it {_line(reason)}; {remedy}")


def _line(reason: object) -> str:
    """One short printable line: parts of it may come from the file."""
    text = " ".join(str(reason).split())
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 200 else f"{text[:200]} ..."
