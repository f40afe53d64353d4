"""Inert constructors, for which names in a pickle may stand: they turn the file's arguments into data."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from common.errors import refused

MAX_ITEMS = 2_000_000
MAX_DEPTH = 100


class Inert:
    """An object of the file as data. Its `value` is an array or a plain container, which may hold inert objects."""

    def build(self, state: Any) -> None:
        """Takes the state that the file gives the object."""
        raise refused(f"sets attributes of {type(self).__name__}")

    def value(self) -> Any:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Constructor:
    """Meaning of a name that the file calls: `make`, called with the file's arguments."""

    name: str
    make: Callable[..., Any]

    def __str__(self) -> str:
        return self.name


def plain(value: Any) -> Any:
    """`value` without inert objects: arrays, numbers, strings and None in dicts; sequences become dicts by index."""
    left = iter(range(MAX_ITEMS))

    def convert(value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH or next(left, None) is None:
            raise refused("nests or repeats its entries without end")
        if isinstance(value, Inert):
            return convert(value.value(), depth + 1)
        if isinstance(value, dict):
            return {str(key): convert(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return {str(i): convert(item, depth + 1) for i, item in enumerate(value)}
        return value if isinstance(value, np.ndarray | int | float | str | bytes | bytearray | None) else str(value)

    return convert(value, 0)


def mapping(items: Any = ()) -> dict:
    """A dict of pairs or of another dict, with keys that `_key` allows."""
    return {_key(key): value for key, value in (items.items() if type(items) is dict else items)}


def members(items: Any = ()) -> set:
    """A set of values that `_key` allows."""
    return {_key(item) for item in items}


def latin1(text: str, encoding: str) -> bytes:
    """`_codecs.encode`, with which old protocols write bytes; codecs other than Latin-1 are refused."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise refused(f"encodes by {encoding!r}")
    return text.encode("latin1")


class Namespace(Inert):
    """Attributes without a class, such as the options of a command line."""

    def build(self, state: Any) -> None:
        self.attributes = mapping(state)

    def value(self) -> Any:
        return getattr(self, "attributes", {})


CALLS = {
    ("collections", "OrderedDict"): mapping,
    ("collections", "defaultdict"): lambda factory=None, items=(): mapping(items),
    ("collections", "Counter"): mapping,
    ("_codecs", "encode"): latin1,
    ("argparse", "Namespace"): Namespace,
    **{(builtins, "set"): members for builtins in ("builtins", "__builtin__")},
    **{(builtins, "frozenset"): members for builtins in ("builtins", "__builtin__")},
}


def constructors(calls: Mapping[tuple[str, str], Callable[..., Any]]) -> dict[tuple[str, str], Constructor]:
    """A table of names, (module, name), each of which stands for a call."""
    return {name: Constructor(".".join(name), call) for name, call in calls.items()}


PLAIN_NAMES = constructors(CALLS)


def _key(key: Any) -> Any:
    """A key of a dict or member of a set: scalars only, since hashing a deeply nested tuple overflows the C stack."""
    if not isinstance(key, str | int | float | None) or (isinstance(key, int) and abs(key) >= 1 << 64):
        raise refused(f"has a {type(key).__name__} as a key")
    return key
