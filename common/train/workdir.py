"""The work directory of a run: its `config.json` says whose checkpoints and logs lie there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from common import files
from common.config import Config, config_diff, config_to_dict, read_config_file
from common.errors import InputError

CONFIG = "config.json"


def claim(directory: str | Path, config: Any, may_change: Sequence[str] = ("steps",)) -> Path:
    """Makes `directory` the work directory of a run with `config`, new or continued, and returns it.

    Args:
      config: the resolved config; it is stored as `config.json`.
      may_change: dotted fields (or groups of them, `data`) that a continued run may have changed.

    Raises:
      InputError: the directory holds another run (names the changed fields), or something that is not a run.
    """
    directory = Path(directory)
    path = directory / CONFIG
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: not a directory; name another work directory")
    started = any((directory / name).exists() for name in ("last", "best"))
    if path.exists() and started:  # a run that never came to a checkpoint leaves nothing to continue
        changed = {
            name: pair
            for name, pair in config_diff(files.read_json(path), config).items()
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
        files.write_json(path, config_to_dict(config))
    return directory


def read_config(cls: type[Config], directory: str | Path) -> Config:
    """The config of the run in `directory`; `InputError` if there is none."""
    path = Path(directory) / CONFIG
    if not path.is_file():
        raise InputError(f"{directory}: no {CONFIG}, so not the work directory of a run")
    return read_config_file(cls, path)


def _show(value: Any) -> str:
    return "absent" if value is ... else repr(value)
