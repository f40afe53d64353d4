"""Conversion of frozen dataclasses to JSON values and back, which checks the type of every field.

A field is a boolean, a number, a text, a literal, a tuple of these, another dataclass, or a union of such types.
"""

import dataclasses
import math
import types
import typing
from typing import Any

from common.errors import nearest


class FieldError(ValueError):
    """Error for a field (dotted name `path`) that is missing, unknown, or holds a value of another type."""

    def __init__(self, path: str, problem: str):
        super().__init__(f"field {path}: {problem}" if path else problem)


def type_name(hint: Any) -> str:
    """Text of a type for error messages: `int`, `tuple[int, ...]`, `'a' | 'b'`."""
    if hint is type(None):
        return "None"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(repr(value) for value in typing.get_args(hint))
    if _is_union(hint):
        return " | ".join(type_name(member) for member in typing.get_args(hint))
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__
    return str(hint).replace("typing.", "")


def hints(cls: type) -> dict[str, Any]:
    """Type of each field that `cls(...)` accepts, by name and in order."""
    resolved = typing.get_type_hints(cls)
    return {field.name: resolved[field.name] for field in dataclasses.fields(cls) if field.init}


def encode(value: Any, hint: Any, path: str = "") -> Any:
    """JSON value of `value`, which must be of type `hint`; raises `FieldError` otherwise."""
    if _is_union(hint):
        return _first(encode, value, hint, path)
    if dataclasses.is_dataclass(hint):
        if type(value) is not hint:
            raise _mistyped(path, value, hint)
        return {name: encode(getattr(value, name), kind, _join(path, name)) for name, kind in hints(hint).items()}
    if typing.get_origin(hint) is tuple and isinstance(value, tuple):
        return list(_elements(encode, value, hint, path))
    if not _is_scalar(value, hint):
        raise _mistyped(path, value, hint)
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value  # JSON has no infinity


def decode(value: Any, hint: Any, path: str = "") -> Any:
    """Inverse of `encode`. Raises `FieldError` if a field is missing, unknown or of another type."""
    if _is_union(hint):
        return _first(decode, value, hint, path)
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(value, hint, path)
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return _elements(decode, value, hint, path)
    if hint is float and value in ("inf", "-inf", "nan"):
        return float(value)
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


def _first(convert: Any, value: Any, hint: Any, path: str) -> Any:
    """Converts the value as the first member of a union that accepts it."""
    for member in typing.get_args(hint):
        try:
            return convert(value, member, path)
        except FieldError:
            continue
    raise _mistyped(path, value, hint)


def _elements(convert: Any, value: Any, hint: Any, path: str) -> tuple:
    args = typing.get_args(hint)
    kinds = [args[0]] * len(value) if len(args) == 2 and args[1] is Ellipsis else args
    if len(kinds) != len(value):
        raise _mistyped(path, value, hint)
    return tuple(convert(v, kind, _join(path, i)) for i, (v, kind) in enumerate(zip(value, kinds, strict=True)))


def _is_scalar(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return any(value == known and type(value) is type(known) for known in typing.get_args(hint))
    if hint is float:
        return type(value) in (float, int)
    return hint in (type(None), bool, int, str) and type(value) is hint  # True must not pass as an int


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _join(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)


def _mistyped(path: str, value: Any, hint: Any) -> FieldError:
    shown = value if not dataclasses.is_dataclass(value) else type(value).__name__
    return FieldError(path, f"{shown!r} is not of type {type_name(hint)}")
