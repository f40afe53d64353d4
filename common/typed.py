"""Frozen dataclasses as plain JSON values and back, with every type checked on the way.

A field whose type is a union of several dataclasses is stored with its class name under `CLASS`; everything else is
stored as JSON stores it: tuples as lists, paths as strings, members of an enumeration by name.
"""

import dataclasses
import enum
import math
import types
import typing
from pathlib import Path
from typing import Any

from common.errors import nearest

CLASS = "__class__"


class FieldError(ValueError):
    """A field does not hold what its type says. `path` is its dotted name, `problem` a phrase."""

    def __init__(self, path: str, problem: str):
        super().__init__(f"field {path}: {problem}" if path else problem)
        self.path, self.problem = path, problem


def type_name(hint: Any) -> str:
    """`int`, `tuple[int, ...]`, `'a' | 'b'` and the like, as one would write them."""
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(repr(value) for value in typing.get_args(hint))
    if _is_union(hint):
        return " | ".join(type_name(member) for member in typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " | ".join(member.name for member in hint)
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "")


def hints(cls: type) -> dict[str, Any]:
    """Type of each field that `cls(...)` accepts, in order."""
    resolved = typing.get_type_hints(cls)
    return {field.name: resolved[field.name] for field in dataclasses.fields(cls) if field.init}


def encode(value: Any, hint: Any, path: str = "") -> Any:
    """`value` of type `hint` -> JSON value. Raises FieldError when it has another type."""
    if _is_union(hint):
        member = _member(value, hint, path)
        tag = {CLASS: member.__name__} if dataclasses.is_dataclass(member) and len(_classes(hint)) > 1 else {}
        encoded = encode(value, member, path)
        return tag | encoded if tag else encoded
    if dataclasses.is_dataclass(hint):
        if type(value) is not hint:
            raise _mistyped(path, value, hint)
        return {name: encode(getattr(value, name), kind, _join(path, name)) for name, kind in hints(hint).items()}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, list) and isinstance(value, origin):
        kinds = _element_types(hint, len(value))
        if kinds is None:
            raise _mistyped(path, value, hint)
        return [encode(v, kind, _join(path, i)) for i, (v, kind) in enumerate(zip(value, kinds, strict=True))]
    if origin is dict and isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: encode(item, args[1], _join(path, key)) for key, item in value.items()}
    if not _is_scalar(value, hint):
        raise _mistyped(path, value, hint)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no infinity
    return str(value) if isinstance(value, Path) else value


def decode(value: Any, hint: Any, path: str = "") -> Any:
    """The inverse of `encode`. Raises FieldError for a missing, unknown or mistyped field."""
    if _is_union(hint):
        return _decode_union(value, hint, path)
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(value, hint, path)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, list) and isinstance(value, list):
        kinds = _element_types(hint, len(value))
        if kinds is None:
            raise _mistyped(path, value, hint)
        return origin(decode(v, kind, _join(path, i)) for i, (v, kind) in enumerate(zip(value, kinds, strict=True)))
    if origin is dict and isinstance(value, dict):
        return {key: decode(item, args[1], _join(path, key)) for key, item in value.items()}
    if hint is float and isinstance(value, str) and value in ("inf", "-inf", "nan"):
        return float(value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum) and value in hint.__members__:
        return hint[value]
    if hint is Path and isinstance(value, str):
        return Path(value)
    if not _is_scalar(value, hint):
        raise _mistyped(path, value, hint)
    return float(value) if hint is float else value


def _decode_dataclass(value: Any, cls: type, path: str) -> Any:
    if not isinstance(value, dict):
        raise _mistyped(path, value, cls)
    kinds = hints(cls)
    for name in value:
        if name not in kinds:
            raise FieldError(_join(path, name), f"unknown in {cls.__name__}{nearest(name, kinds)}")
    for name in kinds:
        if name not in value:
            raise FieldError(_join(path, name), "missing")
    return cls(**{name: decode(value[name], kind, _join(path, name)) for name, kind in kinds.items()})


def _decode_union(value: Any, hint: Any, path: str) -> Any:
    classes = _classes(hint)
    if isinstance(value, dict) and len(classes) > 1:
        named = {cls.__name__: cls for cls in classes}
        if value.get(CLASS) not in named:
            raise FieldError(path, f"its {CLASS} is {value.get(CLASS)!r}, expected one of {', '.join(named)}")
        return decode({k: v for k, v in value.items() if k != CLASS}, named[value[CLASS]], path)
    if isinstance(value, dict) and classes:
        return decode(value, classes[0], path)
    for member in sorted(typing.get_args(hint), key=lambda member: member in (str, Path)):  # text fits anything: last
        try:
            return decode(value, member, path)
        except FieldError:
            continue
    raise _mistyped(path, value, hint)


def _member(value: Any, hint: Any, path: str) -> Any:
    for member in typing.get_args(hint):
        try:
            encode(value, member, path)
            return member
        except FieldError:
            if type(value) is member:  # the fault is inside: name the inner field
                raise
    raise _mistyped(path, value, hint)


def _is_scalar(value: Any, hint: Any) -> bool:
    if hint is Any:
        return value is None or isinstance(value, bool | int | float | str)
    if typing.get_origin(hint) is typing.Literal:
        return any(value == known and type(value) is type(known) for known in typing.get_args(hint))
    if hint in (type(None), bool, str):
        return type(value) is hint
    if hint is int:
        return type(value) is int  # True is not a number of steps
    if hint is float:
        return type(value) in (float, int)
    return isinstance(hint, type) and issubclass(hint, Path | enum.Enum) and isinstance(value, hint)


def _element_types(hint: Any, count: int) -> list[Any] | None:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list or (len(args) == 2 and args[1] is Ellipsis):
        return [args[0]] * count
    return list(args) if len(args) == count else None


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _classes(hint: Any) -> list[type]:
    return [member for member in typing.get_args(hint) if dataclasses.is_dataclass(member)]


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _mistyped(path: str, value: Any, hint: Any) -> FieldError:
    shown = value if not dataclasses.is_dataclass(value) else type(value).__name__
    return FieldError(path, f"{shown!r} is not of type {type_name(hint)}")
