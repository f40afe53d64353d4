"""Work directory of a run, whose `config.json` holds the run's configuration and the name of its class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from common import files
from common.config import CLASS, CONFIG, Config, config_diff, config_from_dict, config_to_dict
from common.errors import InputError


def claim(directory: str | Path, config: Any, may_change: Sequence[str] = ("steps",)) -> Path:
    """Makes `directory` the work directory of a run with `config`, new or continued, and returns it.

    Args:
      directory: created if it does not exist.
      config: resolved configuration, which is stored as `config.json`.
      may_change: dotted names of fields, or of groups such as `data`, that a continued run may have changed.

    Raises:
      InputError: the directory holds another run (names the changed fields), or is not the work directory of a run.
    """
    directory = Path(directory)
    path = directory / CONFIG
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: not a directory; name another work directory")
    started = any((directory / name).exists() for name in ("last", "best"))
    if path.exists() and started:  # a run without a checkpoint leaves nothing to continue
        changed = {
            name: pair
            for name, pair in config_diff(read_values(type(config), directory), config).items()
            if not any(name == allowed or name.startswith(f"{allowed}.") for allowed in may_change)
        }
        if changed:
            fields = ", ".join(f"{name} {_show(old)} -> {_show(new)}" for name, (old, new) in list(changed.items())[:5])
            more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
            raise InputError(
                f"{directory}: work directory of another run, its config differs: {fields}{more}; "
                "restore these fields or name another work directory"
            )
    elif started:
        raise InputError(f"{directory}: holds checkpoints but no {CONFIG}; name another work directory")
    if jax.process_index() == 0:
        name = f"{type(config).__module__}.{type(config).__name__}"
        files.write_json(path, {CLASS: name} | config_to_dict(config))
    return directory


def read_config(cls: type[Config], directory: str | Path) -> Config:
    """Configuration of the run in `directory`.

    Raises:
      InputError: there is no run, or its class is another (says what is there and which command takes it).
    """
    return config_from_dict(cls, read_values(cls, directory), f"{directory}/{CONFIG}")


def read_values(cls: type, directory: str | Path) -> dict[str, Any]:
    """JSON values of `config.json`. Raises `InputError` if the file names another class than `cls`."""
    path = Path(directory) / CONFIG
    if not path.is_file():
        hint = ""
        if (path.parent / "weights.json").is_file():
            hint = "; it holds an imported network, which another field of the command takes"
        elif repeated := sorted(path.parent.glob(f"run*/{CONFIG}")):
            hint = f"; it holds several runs, name one of them, such as {repeated[0].parent}"
        raise InputError(f"{directory}: no {CONFIG}, so not the work directory of a run{hint}")
    values = files.read_json(path)
    name = values.pop(CLASS, None) if isinstance(values, dict) else None
    if name is None:  # an older file without a class: its fields are checked instead
        return values
    package, kind = str(name).split(".")[0], str(name).split(".")[-1]
    # A class may move inside its package.
    if (package, kind) == (cls.__module__.split(".")[0], cls.__name__):
        return values
    remedy = f"`python -m {package}.evaluate` takes it" if package != cls.__module__.split(".")[0] else "name another"
    raise InputError(
        f"{directory}: a run of {package} with a {kind}, where one with a {cls.__name__} is needed; {remedy}"
    )


def _show(value: Any) -> str:
    return "absent" if value is ... else repr(value)
