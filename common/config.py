"""Configurations: a Python file that exposes `config`, a frozen dataclass, and a command line that overrides fields.

    python -m fase_jax.train --config configs/fase/demo.py --optimizer.itl_lr 1e-5 --dry_run

The file is the user's own program and is executed. What a run stores beside its checkpoints is JSON: `config_to_dict`,
`config_from_dict` and `config_diff` convert and compare, and never execute anything.
"""

import contextlib
import dataclasses
import importlib.util
import io
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro

from common import files, typed
from common.errors import InputError, nearest

Config = TypeVar("Config")
FLAGS = ("config", "dry_run", "help")
# A boolean takes True or False, so that every field can be overridden the same way; a union of dataclasses keeps the
# class that the file chose instead of becoming a subcommand.
MARKERS = (tyro.conf.FlagConversionOff, tyro.conf.AvoidSubcommands)
EPILOG = """--config FILE.py   a Python file that exposes `config`; every field below overrides it
--dry_run          print the resolved config, the parameter count and the shapes, then stop"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line says beside the config."""

    file: Path | None = None
    """The config file, None if the command's default was taken."""
    dry_run: bool = False


def parse_command(argv: Sequence[str] | None = None, default: Config | None = None) -> tuple[Config, Options]:
    """The config of a command and its options.

    Args:
      argv: arguments without the program's name; those of the process when absent.
      default: the config taken without `--config`; a file must then expose the same class.

    Raises:
      InputError: no file, a broken file, an unknown field (names the nearest), a value of another type.
      SystemExit: after `--help`.
    """
    arguments = _split(list(sys.argv[1:] if argv is None else argv))
    flags = dict(argument for argument in arguments if argument[0] in FLAGS)
    overrides = [argument for argument in arguments if argument[0] not in FLAGS]
    options = Options(_one_path(flags["config"]) if "config" in flags else None, _switch(flags, "dry_run"))
    if options.file is None and default is None:
        raise InputError("--config is missing; name a Python file that exposes `config`, such as those in configs/")
    config = default if options.file is None else load_config(options.file, None if default is None else type(default))
    if "help" in flags:
        tyro.cli(type(config), default=config, args=["--help"], description=_about(config), **_parser())
    known = _fields(config)
    for name, _ in overrides:
        if name not in known:
            raise InputError(f"--{name}: no such field in {type(config).__name__}{nearest(name, known)}")
    return _override(config, overrides), options


def load_config(file: str | Path, cls: type | None = None) -> Any:
    """`config` of a Python file, checked against the types of its fields and, if given, to be a `cls`."""
    file = Path(file)
    if not file.is_file():
        raise InputError(f"{file}: no such config file")
    spec = importlib.util.spec_from_file_location(f"_config_{abs(hash(file.resolve()))}", file)
    if spec is None:
        raise InputError(f"{file}: a config file is a Python file, its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and --help look their module up
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(f"{error.filename}: line {error.lineno}: {error.msg}") from error
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        where = f"line {lines[-1]}: " if lines else ""
        raise InputError(f"{file}: {where}{_explain(error)}") from error
    config = getattr(module, "config", None)
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise InputError(f"{file}: exposes no `config`; end it with `config = ...`, a dataclass")
    if cls is not None and not isinstance(config, cls):
        here, there = (f"{c.__module__}.{c.__qualname__}" for c in (cls, type(config)))
        raise InputError(f"{file}: `config` is a {there}, this command takes a {here}")
    try:
        config_to_dict(config)
    except typed.FieldError as error:
        raise InputError(f"{file}: {error}") from error
    return config


def config_to_dict(config: Any) -> dict[str, Any]:
    """The config as JSON values; `config_from_dict` is the inverse. Raises `typed.FieldError` for a mistyped field."""
    return typed.encode(config, type(config))


def config_from_dict(cls: type[Config], values: dict[str, Any], file: str = "config") -> Config:
    """The inverse of `config_to_dict`. `InputError` names `file` and the missing, unknown or mistyped field."""
    try:
        return typed.decode(values, cls)
    except typed.FieldError as error:
        raise InputError(f"{file}: {error}; it was written by another version or edited") from error


def read_config_file(cls: type[Config], file: str | Path) -> Config:
    """The config of a JSON file, such as `config.json` of a work directory."""
    return config_from_dict(cls, files.read_json(file), str(file))


def config_diff(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """Fields in which two configs (or their `config_to_dict`) differ: dotted name -> (value in a, value in b).

    A field that one of them lacks has the value `...` there.
    """
    a, b = (_flatten(config_to_dict(c) if dataclasses.is_dataclass(c) else c) for c in (a, b))
    pairs = {name: (a.get(name, ...), b.get(name, ...)) for name in [*a, *(name for name in b if name not in a)]}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        return {path: value} if path else {}
    return {k: v for name, item in value.items() for k, v in _flatten(item, f"{path}.{name}".strip(".")).items()}


def _split(argv: list[str]) -> list[tuple[str, list[str]]]:
    """`--a-b 1 2 --c=3` -> [("a_b", ["1", "2"]), ("c", ["3"])]."""
    arguments: list[tuple[str, list[str]]] = []
    for word in ["--help" if word == "-h" else word for word in argv]:
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            arguments.append((name.replace("-", "_"), [value] if equals else []))
        elif arguments:
            arguments[-1][1].append(word)
        else:
            raise InputError(f"{word}: a field is overridden by `--name value`; a config file is named by --config")
    return arguments


def _one_path(values: list[str]) -> Path:
    if len(values) != 1:
        raise InputError(f"--config takes one file, got {' '.join(values) or 'none'}")
    return Path(values[0])


def _switch(flags: dict[str, list[str]], name: str) -> bool:
    if name in flags and [value.lower() for value in flags[name]] not in ([], ["true"], ["false"]):
        raise InputError(f"--{name} takes no value, got {' '.join(flags[name])}")
    return name in flags and flags[name] != ["False"] and flags[name] != ["false"]


def _fields(value: Any, path: str = "") -> dict[str, Any]:
    """Dotted name -> type of every field that can be overridden; dataclasses in a tuple are counted: `a.0.b`."""
    found = {}
    for name, hint in typed.hints(type(value)).items():
        item, name = getattr(value, name), f"{path}{name}"
        if dataclasses.is_dataclass(item):
            found |= _fields(item, f"{name}.")
        elif isinstance(item, tuple) and item and all(dataclasses.is_dataclass(element) for element in item):
            for i, element in enumerate(item):
                found |= _fields(element, f"{name}.{i}.")
        else:
            found[name] = hint
    return found


def _override(config: Config, overrides: list[tuple[str, list[str]]]) -> Config:
    try:
        return _parse(config, overrides)
    except (SystemExit, typed.FieldError) as error:
        together = error
    known = _fields(config)
    for name, values in overrides:  # one at a time, so that the one at fault can be named
        try:
            _parse(config, [(name, values)])
        except (SystemExit, typed.FieldError) as error:
            reason = _rejection(error)
            if not values:
                raise InputError(f"--{name} needs a value of type {typed.type_name(known[name])}") from error
            wrong = reason or f"not of type {typed.type_name(known[name])}"
            raise InputError(f"--{name}: {' '.join(values)!r}: {wrong}") from error
    raise InputError(f"these overrides do not go together: {_rejection(together)}") from together


def _parse(config: Config, overrides: list[tuple[str, list[str]]]) -> Config:
    args = [word for name, values in overrides for word in (f"--{name}", *values)]
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        config = tyro.cli(type(config), default=config, args=args, **_parser())
    config_to_dict(config)
    return config


def _rejection(error: BaseException) -> str:
    """What a dataclass's `__post_init__` said, if it was that which refused; else empty."""
    cause = error.__context__
    return "" if cause is None or type(cause) is not ValueError else _explain(cause)


def _parser() -> dict[str, Any]:
    return {"config": MARKERS, "use_underscores": True}


def _about(config: Any) -> str:
    return f"{(type(config).__doc__ or type(config).__name__).strip()}\n\n{EPILOG}"


def _explain(error: Exception) -> str:
    """One line; for an argument that a dataclass does not have, with the nearest that it has."""
    text = " ".join(str(error).split()) or type(error).__name__
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text)
    if not unknown:
        return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
    candidates = (getattr(module, unknown[1], None) for module in list(sys.modules.values()))
    names = [name for cls in candidates if dataclasses.is_dataclass(cls) for name in typed.hints(cls)]
    return f"no field {unknown[2]} in {unknown[1]}{nearest(unknown[2], names)}"
