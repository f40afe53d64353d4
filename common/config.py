"""Configurations: Python files that hold frozen dataclasses, and a command line that overrides their fields.

    python -m fase_jax.train --config configs/fase/table7.py:w300_50_itl3 --optimizer.itl_lr 1e-5 --dry_run

`FILE.py` names the variable `config` of the file; `FILE.py:NAME` names a row of its `TABLE` (`common.tables`) or
another variable. The file is the user's own program and is executed. A run stores its configuration as JSON, which
`config_to_dict`, `config_from_dict` and `config_diff` convert and compare without executing anything.
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
from types import ModuleType
from typing import Any, TypeVar

import tyro

from common import files, typed
from common.errors import InputError, nearest, one_line

Config = TypeVar("Config")
CONFIG = "config.json"
"""Name of the file in a run's directory that holds its configuration."""
CLASS = "__class__"
"""Key of `config.json` for the module and name of the configuration's class."""
ROOT = Path(__file__).resolve().parents[1]
"""Directory that holds the packages and `configs/`."""
# A boolean takes True or False, so that every field is overridden in the same way.
_TYRO = {"config": (tyro.conf.FlagConversionOff,), "use_underscores": True}
_EPILOG = "--config FILE.py[:NAME]   a Python file that holds the configuration; every field below overrides it"


@dataclasses.dataclass(frozen=True)
class DryRun:
    """--dry_run   print the resolved configuration, the parameter counts and the shapes, then stop"""

    dry_run: bool = False


def parse_command(argv: Sequence[str] | None, default: Config, options: Any = None) -> tuple[Config, Any]:
    """Parses a command line; `--a-b 1`, `--a_b 1` and `--a_b=1` are the same.

    Args:
      argv: arguments without the program's name; None takes the arguments of the process.
      default: configuration that is used without `--config`; the configuration in a file must be of the same class.
      options: the command's own options besides the configuration, a dataclass of scalars such as `DryRun`, or None.
        `--help` shows its docstring. A boolean may be given without a value.

    Returns:
      The configuration and the command's own options.

    Raises:
      InputError: no such file, a broken file, an unknown field (names the nearest), or a value of another type.
      SystemExit: after `--help`.
    """
    arguments = _split(list(sys.argv[1:] if argv is None else argv))
    own = {} if options is None else typed.hints(type(options))
    config = default
    for values in (values for name, values in arguments if name == "config"):
        if len(values) != 1:
            raise InputError(f"--config takes one file, got {' '.join(values) or 'none'}")
        config = load_config(values[0], type(default))
    if any(name == "help" for name, _ in arguments):
        about = "\n".join([(type(config).__doc__ or "").strip(), "", _EPILOG, options.__doc__ or ""])
        tyro.cli(type(config), default=config, args=["--help"], description=about, **_TYRO)
    known = [*_fields(config), *own, "config"]
    for name, _ in arguments:
        if name not in known:
            raise InputError(f"--{name}: no such field in {type(config).__name__}{nearest(name, known)}")
    config = _override(config, [pair for pair in arguments if pair[0] not in own and pair[0] != "config"])
    if own:
        given = [(name, values or ["True"] * (own[name] is bool)) for name, values in arguments if name in own]
        options = _override(options, given)
    return config, options


def load_config(file: str | Path, cls: type | None = None) -> Any:
    """Configuration that `FILE.py` or `FILE.py:NAME` names, with every field checked against its type.

    Args:
      file: a path relative to the working directory or, if there is no such file, to the directory of the packages,
        so that `configs/fase/demo.py` works from any directory.
      cls: class that the configuration must have; None accepts any dataclass.

    Raises:
      InputError: no such file or name (lists the existing names), a broken file, another class, or a mistyped field.
    """
    file, named, name = str(file).partition(".py:")
    file, name = (f"{file}.py", name) if named else (file, "config")
    module = run_file(file)
    rows = {row: found.config for row, found in module.TABLE.rows.items()} if hasattr(module, "TABLE") else {}
    found = {name: value for name, value in vars(module).items() if cls is None or isinstance(value, cls)} | rows
    names = [name for name, value in found.items() if _is_instance(value) and not name.startswith("_")]
    config = rows.get(name, getattr(module, name, None))
    if not _is_instance(config):
        remedy = f"; it has {', '.join(names)}, name one by {file}:NAME" if names else "; end it with `config = ...`"
        raise InputError(f"{file}: defines no `{name}`{nearest(name, names) if named else ''}{remedy}")
    if cls is not None and not isinstance(config, cls):
        wanted, given = (f"{c.__module__}.{c.__qualname__}" for c in (cls, type(config)))
        raise InputError(f"{file}: `{name}` is a {given}, this command takes a {wanted}")
    try:
        config_to_dict(config)
    except typed.FieldError as error:
        raise InputError(f"{file}: {error}") from error
    return config


def run_file(file: str | Path) -> ModuleType:
    """Executes a config file and returns it as a module. An error in it is an `InputError` that names the line."""
    path = next((path for path in (Path(file), ROOT / file) if path.is_file()), None)
    if path is None:
        raise InputError(f"{file}: no such config file, neither here nor in {ROOT}; configs/ holds the project's files")
    spec = importlib.util.spec_from_file_location(f"_config_{abs(hash(path.resolve()))}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{file}: not a Python file; give it a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and --help look their module up
    try:
        spec.loader.exec_module(module)
    except InputError:
        raise
    except SyntaxError as error:
        raise InputError(f"{error.filename}: line {error.lineno}: {error.msg}") from error
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"line {lines[-1]}: " if lines else ""
        raise InputError(f"{file}: {where}{_explain(error)}") from error
    return module


def config_to_dict(config: Any) -> dict[str, Any]:
    """Configuration as JSON values. Raises `typed.FieldError` for a field whose value has not the declared type."""
    return typed.encode(config, type(config))


def config_from_dict(cls: type[Config], values: dict[str, Any], file: str = "config") -> Config:
    """Inverse of `config_to_dict`. `InputError` names `file` and the missing, unknown or mistyped field."""
    try:
        return typed.decode(values, cls)
    except typed.FieldError as error:
        raise InputError(f"{file}: {error}; it was written by another version or edited") from error


def config_diff(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """Fields in which two configurations (or their JSON values) differ.

    Returns:
      Dotted name of each field -> (value in a, value in b); `...` stands for a field that a configuration lacks.
    """
    a, b = (_flatten(config_to_dict(c) if dataclasses.is_dataclass(c) else c) for c in (a, b))
    pairs = {name: (a.get(name, ...), b.get(name, ...)) for name in [*a, *(name for name in b if name not in a)]}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def stored_class(directory: str | Path) -> str:
    """Module and name of the configuration's class in a run's directory, or '' if `config.json` names none."""
    path = Path(directory) / CONFIG
    values = files.read_json(path) if path.is_file() else None
    return str(values.get(CLASS, "")) if isinstance(values, dict) else ""


def _flatten(value: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        return {path: value} if path else {}
    return {k: v for name, item in value.items() for k, v in _flatten(item, f"{path}.{name}".strip(".")).items()}


def _split(argv: list[str]) -> list[tuple[str, list[str]]]:
    """Splits `--a-b 1 2 --c=3` into [("a_b", ["1", "2"]), ("c", ["3"])]."""
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


def _fields(value: Any, path: str = "") -> dict[str, Any]:
    """Type of every field that can be overridden, by its dotted name."""
    found = {}
    for name, hint in typed.hints(type(value)).items():
        item = getattr(value, name)
        found |= _fields(item, f"{path}{name}.") if dataclasses.is_dataclass(item) else {f"{path}{name}": hint}
    return found


def _override(config: Config, overrides: list[tuple[str, list[str]]]) -> Config:
    try:
        return _parse(config, overrides)
    except (SystemExit, typed.FieldError):
        pass
    for name, values in overrides:  # one field at a time, to name the wrong one
        try:
            _parse(config, [(name, values)])
        except (SystemExit, typed.FieldError) as error:
            kind = typed.type_name(_fields(config)[name])
            if not values:
                raise InputError(f"--{name} needs a value of type {kind}") from error
            raise InputError(f"--{name}: {' '.join(values)!r}: not of type {kind}") from error
    raise InputError("these overrides do not go together; give each field once")


def _parse(config: Config, overrides: list[tuple[str, list[str]]]) -> Config:
    args = [word for name, values in overrides for word in (f"--{name}", *values)]
    # tyro prints a box and exits; here an error is one line.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        config = tyro.cli(type(config), default=config, args=args, **_TYRO)
    config_to_dict(config)
    return config


def _is_instance(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _explain(error: Exception) -> str:
    """Error as one line. For an unknown argument of a dataclass, the line names the most similar field."""
    text = one_line(error, 500)
    unknown = re.search(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", text)
    if not unknown:
        return text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
    candidates = (getattr(module, unknown[1], None) for module in list(sys.modules.values()))
    names = [name for cls in candidates if dataclasses.is_dataclass(cls) for name in typed.hints(cls)]
    return f"no field {unknown[2]} in {unknown[1]}{nearest(unknown[2], names)}"
