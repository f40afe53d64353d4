"""Checkpoints: state, position in the data and a small JSON value, together or not at all.

Orbax writes a checkpoint into a temporary directory in the background and renames it when it is complete, so a process
killed at any moment leaves whole checkpoints only. Beside the arrays lie their shapes and check sums: a checkpoint of
another model is told from a damaged one, and damage that still decodes is seen too.
"""

import json
import logging
import shutil
import zlib
from pathlib import Path
from typing import Any

import grain
import numpy as np
import orbax.checkpoint as ocp

from common.errors import InputError
from common.train import leaves as tree

# A failed background write becomes one InputError here; Orbax would log its traceback once a thread besides.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname or record.levelno < logging.WARNING)


class Position:
    """Position of an iterator at one moment, in the form that Grain's checkpoint handler writes and reads.

    The loop fetches a batch ahead of the step that uses it; the position to save is the one before that fetch.
    """

    def __init__(self, iterator: Any):
        self.iterator = iterator
        self.state = json.dumps(iterator.get_state()).encode()

    def get_state(self) -> bytes:
        return self.state

    def set_state(self, state: bytes) -> None:
        self.iterator.set_state(json.loads(state))

    def start_prefetch(self) -> None:
        """Grain calls this after `set_state`; the iterator starts by itself at its first batch."""


class Checkpoints:
    """The newest checkpoints of a run in `directory/last`, those with the lowest metric in `directory/best`."""

    def __init__(self, directory: str | Path, *, keep: int = 2, keep_best: int = 1):
        """Touches no file before the first save."""
        self.directory = Path(directory).absolute()
        self._keep = {"last": keep, "best": keep_best}
        self._managers: dict[str, ocp.CheckpointManager] = {}
        self._saving: tuple[str, int] | None = None

    def steps(self, which: str = "last") -> list[int]:
        """Steps of the complete checkpoints, ascending."""
        folder = self.directory / which
        return sorted(ocp.utils.checkpoint_steps(folder)) if folder.is_dir() else []

    def latest(self, which: str = "last") -> int | None:
        """Step of the newest complete checkpoint, None if there is none."""
        return max(self.steps(which), default=None)

    def save(self, step: int, state: Any, iterator: Any = None, meta: Any = None, metric: float | None = None) -> None:
        """Saves to `last` and, with a `metric` lower than all before, to `best`. Returns before the files are written.

        Args:
          state: pytree of arrays; it may be donated as soon as this returns.
          iterator: has `get_state()` -> JSON value, or is a `Position` taken earlier.
          meta: JSON value that `restore` gives back.

        Raises:
          InputError: this or the previous checkpoint cannot be written; the complete ones before it stay.
        """
        self.wait()
        if metric is not None:
            self.save_best(step, state, metric, meta)
        self._save("last", step, state, {"meta": meta}, iterator)

    def save_best(self, step: int, state: Any, metric: float, meta: Any = None) -> bool:
        """Saves to `best` if `metric` is lower than that of the best so far; says whether it was."""
        self.wait()
        best = self.best()
        if not np.isfinite(metric) or (best is not None and metric >= best[1]):
            return False
        self._save("best", step, state, {"meta": meta, "metric": float(metric)}, None)
        return True

    def best(self) -> tuple[int, float] | None:
        """Step and metric of the best checkpoint."""
        step = self.latest("best")
        return None if step is None else (step, self._header("best", step)["metric"])

    def restore(self, like: Any, iterator: Any = None, which: str = "last", step: int | None = None) -> tuple[Any, Any]:
        """State and `meta` of a checkpoint, the newest if no step is given; sets `iterator` to its position.

        Args:
          like: the state of a new run, on the devices that the restored one shall be on; it is not changed.

        Raises:
          InputError: there is no checkpoint, it is damaged, or it is of another model.
        """
        step = self._find(which, step)
        state, header = self._read(like, which, step, whole=True)
        if iterator is not None:
            self._set_position(which, step, iterator)
        return state, header["meta"]

    def restore_part(self, like: dict[str, Any], which: str = "best", step: int | None = None) -> tuple[Any, int]:
        """Some fields of a saved state, `{"params": ..., "stats": ...}`, and the step; reads nothing else."""
        step = self._find(which, step)
        return self._read(like, which, step, whole=False)[0], step

    def shapes(self, which: str = "last") -> dict[str, tuple[int, ...]]:
        """Shape of every leaf of the newest checkpoint by its path, `params/encoder/kernel`; reads no array."""
        header = self._header(which, self._find(which, None))
        return {path: tuple(shape) for path, (shape, *_) in header["leaves"].items()}

    def wait(self) -> None:
        """Returns when the checkpoint being written is complete; `InputError` if it cannot be written."""
        try:
            for manager in self._managers.values():
                manager.wait_until_finished()
        except Exception as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Waits, then stops the background threads."""
        self.wait()
        for manager in self._managers.values():
            manager.close()
        self._managers = {}

    def _save(self, which: str, step: int, state: Any, header: dict[str, Any], iterator: Any) -> None:
        leaves = tree.flatten(state)
        header = header | {"leaves": {path: tree.describe(leaf) for path, leaf in leaves.items()}}
        header["check_sum"] = _check_sum(header)
        items = {"state": ocp.args.StandardSave(leaves), "meta": ocp.args.JsonSave(header)}
        if iterator is not None:
            position = iterator if isinstance(iterator, Position) else Position(iterator)
            items["data"] = grain.checkpoint.CheckpointSave(position)
        self._saving = which, step
        try:
            manager = self._manager(which)
            for later in [s for s in manager.all_steps() if s >= step]:  # of a run that went on from an older one
                manager.delete(later)
            manager.save(step, args=ocp.args.Composite(**items), force=True)
        except Exception as error:
            raise self._failed(error) from error

    def _manager(self, which: str) -> ocp.CheckpointManager:
        if which not in self._managers:
            options = ocp.CheckpointManagerOptions(max_to_keep=self._keep[which], cleanup_tmp_directories=True)
            self._managers[which] = ocp.CheckpointManager(self.directory / which, options=options)
        return self._managers[which]

    def _failed(self, error: Exception) -> InputError:
        which, step = self._saving
        self._managers.pop(which, None)  # it would raise the same error again
        for unfinished in (self.directory / which).glob(f"{step}.*tmp*"):
            shutil.rmtree(unfinished, ignore_errors=True)  # gives the space back
        newest = self.latest(which)
        kept = "there is no older one" if newest is None else f"that of step {newest} is whole"
        remedy = "free disk space or name another directory, then run again"
        return InputError(
            f"{self.directory / which}: the checkpoint of step {step} cannot be written ({_reason(error)}); "
            f"{kept}; {remedy}"
        )

    def _find(self, which: str, step: int | None) -> int:
        steps = self.steps(which)
        if not steps:
            raise InputError(f"{self.directory / which}: no checkpoint; name the work directory of a run")
        if step is not None and step not in steps:
            raise InputError(f"{self.directory / which}: no checkpoint of step {step}; there are {steps}")
        return steps[-1] if step is None else step

    def _header(self, which: str, step: int) -> dict[str, Any]:
        try:
            header = ocp.Checkpointer(ocp.JsonCheckpointHandler()).restore(self._path(which, step) / "meta")
            check_sum = header.pop("check_sum")
        except Exception as error:
            raise self._damaged(which, step, error) from error
        if check_sum != _check_sum(header):
            raise self._damaged(which, step, "check sum of meta")
        return header

    def _read(self, like: Any, which: str, step: int, whole: bool) -> tuple[Any, dict[str, Any]]:
        header = self._header(which, step)
        wanted = tree.flatten(like)
        tree.check_same_model(self._path(which, step), header["leaves"], wanted, whole)
        abstract = {path: tree.abstract(leaf) for path, leaf in wanted.items()}
        arguments = ocp.args.PyTreeRestore(
            abstract, restore_args=ocp.checkpoint_utils.construct_restore_args(abstract), partial_restore=True
        )
        try:
            reader = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
            leaves = reader.restore(self._path(which, step) / "state", args=arguments)
        except Exception as error:
            raise self._damaged(which, step, error) from error
        for path, leaf in leaves.items():
            if tree.describe(leaf) != header["leaves"][path]:
                raise self._damaged(which, step, f"check sum of {path}")
        return tree.unflatten(like, leaves), header

    def _set_position(self, which: str, step: int, iterator: Any) -> None:
        path = self._path(which, step) / "data"
        try:
            handler = ocp.Checkpointer(grain.checkpoint.CheckpointHandler())
            handler.restore(path, args=grain.checkpoint.CheckpointRestore(Position(iterator)))
        except Exception as error:
            raise InputError(
                f"{path}: does not hold a position in this data ({_reason(error)}); use the data, the fields and the "
                "number of processes of the saved run"
            ) from error

    def _path(self, which: str, step: int) -> Path:
        return self.directory / which / str(step)

    def _damaged(self, which: str, step: int, error: Any) -> InputError:
        older = [s for s in self.steps(which) if s < step]
        remedy = f"delete it to go on from step {older[-1]}" if older else "delete it; there is no older one"
        return InputError(f"{self._path(which, step)}: the checkpoint is damaged ({_reason(error)}); {remedy}")


def _check_sum(header: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(header, sort_keys=True).encode())


def _reason(error: Any) -> str:
    """One short line of an exception that may quote a long path or a traceback."""
    text = " ".join(str(error).split()) or type(error).__name__
    for known in ("No space left on device", "File too large", "Disk quota exceeded", "Permission denied"):
        if known in text:
            return known
    return text if len(text) <= 120 else f"{text[:60]} ... {text[-55:]}"
