"""Checkpoints: a state, the position in the data and a small JSON value, saved together or not at all.

Orbax writes each checkpoint into a temporary directory in the background and renames it when it is complete, so a
process that is killed at any moment leaves only whole checkpoints. A header stores the shape and the check sum of every
array. It distinguishes a checkpoint of another model from a damaged one and reveals damage that still decodes.
"""

import json
import logging
import shutil
import zlib
from pathlib import Path
from typing import Any

import grain
import jax
import numpy as np
import orbax.checkpoint as ocp

from common.data.batches import Position
from common.errors import InputError, one_line
from common.train.state import fingerprint, flatten, unflatten

# A failed background write becomes one InputError here; Orbax would also log its traceback once per thread.
logging.getLogger("absl").addFilter(lambda record: "orbax" not in record.pathname or record.levelno < logging.WARNING)

KEEP = {"last": 2, "best": 1}
"""Number of checkpoints kept of each kind."""


class Checkpoints:
    """Checkpoints of a run: the newest in `directory/last`, the one with the lowest metric in `directory/best`."""

    def __init__(self, directory: str | Path):
        """Takes the run's directory; no file is created before the first save."""
        self.directory = Path(directory).absolute()
        self._managers: dict[str, ocp.CheckpointManager] = {}
        self._saving = ("last", 0)  # kind and step of the latest save

    def steps(self, which: str = "last") -> list[int]:
        """Steps of the complete checkpoints of a kind ("last" or "best"), ascending."""
        folder = self.directory / which
        return sorted(ocp.utils.checkpoint_steps(folder)) if folder.is_dir() else []

    def latest(self, which: str = "last") -> int | None:
        """Step of the newest complete checkpoint of a kind; None if there is none."""
        return max(self.steps(which), default=None)

    def save(self, step: int, state: Any, iterator: Any = None, meta: Any = None) -> None:
        """Saves a checkpoint to `last`.

        The call waits until the previous checkpoint is complete and until `state` has been copied to the host, where
        its check sums are computed. Only the writing of the files continues in the background after it returns.

        Args:
          state: pytree of arrays; it may be donated as soon as the call returns.
          iterator: object whose `get_state()` returns a JSON value, or a `Position` that was taken earlier.
          meta: JSON value that `restore` returns.

        Raises:
          InputError: this or the previous checkpoint cannot be written; older complete checkpoints stay.
        """
        self.wait()
        self._save("last", step, state, {"meta": meta}, iterator)

    def save_best(self, step: int, state: Any, metric: float) -> bool:
        """Saves to `best` if `metric` is lower than the best metric so far, and returns whether it is.

        The call waits as `save` does.
        """
        self.wait()
        best = self.best()
        if not np.isfinite(metric) or (best is not None and metric >= best[1]):
            return False
        self._save("best", step, state, {"meta": None, "metric": float(metric)}, None)
        return True

    def best(self) -> tuple[int, float] | None:
        """Step and metric of the best checkpoint; None if there is none."""
        step = self.latest("best")
        return None if step is None else (step, self._header("best", step)["metric"])

    def restore(self, like: Any, iterator: Any = None) -> tuple[Any, Any]:
        """State and `meta` of the newest checkpoint in `last`. An `iterator` is set to the saved position.

        Args:
          like: state of a new run on the devices that the restored state shall lie on; it is not changed.

        Raises:
          InputError: there is no checkpoint, it is damaged, or it belongs to another model.
        """
        step = self._newest("last")
        state, header = self._read(like, "last", step, whole=True)
        if iterator is not None:
            self._set_position(self._path("last", step) / "data", iterator)
        return state, header["meta"]

    def restore_part(self, like: dict[str, Any], which: str = "best") -> tuple[Any, int]:
        """Some fields of the newest saved state, such as `{"params": ...}`, and its step; no other field is read.

        `like` holds the wanted fields by name, as arrays or shapes. Errors as `restore`.
        """
        step = self._newest(which)
        return self._read(like, which, step, whole=False)[0], step

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array in the newest checkpoint by path, `params/encoder/kernel`; no array is read."""
        header = self._header("last", self._newest("last"))
        return {path: tuple(shape) for path, (shape, *_) in header["leaves"].items()}

    def wait(self) -> None:
        """Waits until the latest checkpoint is complete; raises `InputError` if it cannot be written."""
        try:
            for manager in self._managers.values():
                manager.wait_until_finished()
        except Exception as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Waits as `wait` does and stops the background threads."""
        self.wait()
        for manager in self._managers.values():
            manager.close()
        self._managers = {}

    def _save(self, which: str, step: int, state: Any, header: dict[str, Any], iterator: Any) -> None:
        leaves = flatten(state)
        header = header | {"leaves": {path: fingerprint(leaf) for path, leaf in leaves.items()}}
        header["check_sum"] = _check_sum(header)
        items: dict[str, Any] = {"state": ocp.args.StandardSave(leaves), "meta": ocp.args.JsonSave(header)}
        if iterator is not None:
            position = iterator if isinstance(iterator, Position) else Position(iterator)
            items["data"] = grain.checkpoint.CheckpointSave(position)
        self._saving = which, step
        try:
            manager = self._manager(which)
            for later in [
                s for s in manager.all_steps() if s >= step
            ]:  # left by a run that continued from an older one
                manager.delete(later)
            manager.save(step, args=ocp.args.Composite(**items), force=True)
        except Exception as error:
            raise self._failed(error) from error

    def _manager(self, which: str) -> ocp.CheckpointManager:
        if which not in self._managers:
            options = ocp.CheckpointManagerOptions(max_to_keep=KEEP[which], cleanup_tmp_directories=True)
            self._managers[which] = ocp.CheckpointManager(self.directory / which, options=options)
        return self._managers[which]

    def _failed(self, error: Exception) -> InputError:
        which, step = self._saving
        self._managers.pop(which, None)  # it would raise the same error again
        for unfinished in (self.directory / which).glob(f"{step}.*tmp*"):
            shutil.rmtree(unfinished, ignore_errors=True)  # to free the space
        newest = self.latest(which)
        kept = "there is no older one" if newest is None else f"the checkpoint of step {newest} is whole"
        remedy = "free disk space or name another directory, then run again"
        return InputError(
            f"{self.directory / which}: the checkpoint of step {step} cannot be written ({_reason(error)}); "
            f"{kept}; {remedy}"
        )

    def _newest(self, which: str) -> int:
        step = self.latest(which)
        if step is None:
            raise InputError(f"{self.directory / which}: no checkpoint; name the work directory of a run")
        return step

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
        wanted = flatten(like)
        _check_same_model(self._path(which, step), header["leaves"], wanted, whole)
        place = lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None))
        abstract = {path: place(leaf) for path, leaf in wanted.items()}
        arguments = ocp.args.PyTreeRestore(
            abstract, restore_args=ocp.checkpoint_utils.construct_restore_args(abstract), partial_restore=True
        )
        try:
            reader = ocp.Checkpointer(ocp.PyTreeCheckpointHandler())
            leaves = reader.restore(self._path(which, step) / "state", args=arguments)
        except Exception as error:
            raise self._damaged(which, step, error) from error
        for path, leaf in leaves.items():
            if fingerprint(leaf) != header["leaves"][path]:
                raise self._damaged(which, step, f"check sum of {path}")
        return unflatten(like, leaves), header

    def _set_position(self, path: Path, iterator: Any) -> None:
        try:
            reader = ocp.Checkpointer(grain.checkpoint.CheckpointHandler())
            reader.restore(path, args=grain.checkpoint.CheckpointRestore(Position(iterator)))
        except Exception as error:
            raise InputError(
                f"{path}: does not hold a position in this data ({_reason(error)}); use the data, the fields and the "
                "number of processes of the saved run"
            ) from error

    def _path(self, which: str, step: int) -> Path:
        return self.directory / which / str(step)

    def _damaged(self, which: str, step: int, error: Any) -> InputError:
        older = [s for s in self.steps(which) if s < step]
        remedy = f"delete it to continue from step {older[-1]}" if older else "delete it; there is no older one"
        return InputError(f"{self._path(which, step)}: the checkpoint is damaged ({_reason(error)}); {remedy}")


def _check_sum(header: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(header, sort_keys=True).encode())


def _check_same_model(path: Path, saved: dict[str, Any], wanted: dict[str, Any], whole: bool) -> None:
    """Raises `InputError` unless the saved arrays (path -> `fingerprint`) have the paths, shapes and types of `wanted`.

    If `whole` is False, the checkpoint may hold further fields besides those of `wanted`.
    """
    fields = {name.split("/")[0] for name in wanted}
    found = {name: kind for name, kind in saved.items() if whole or name.split("/")[0] in fields}
    problems = [
        f"{name} is {found[name][1]}{found[name][0]} there, {leaf.dtype}{list(leaf.shape)} here"
        for name, leaf in wanted.items()
        if name in found and found[name][:2] != [list(leaf.shape), str(leaf.dtype)]
    ]
    problems += [f"{name} is missing there" for name in wanted if name not in found]
    problems += [f"{name} is not expected here" for name in found if name not in wanted]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"{path}: checkpoint of another model: {'; '.join(problems[:3])}{more}; use the config it was saved with"
        )


def _reason(error: Any) -> str:
    """Short reason of an exception, whose text may quote a long path or a traceback."""
    known = ("No space left on device", "File too large", "Disk quota exceeded", "Permission denied")
    return next((reason for reason in known if reason in str(error)), one_line(error, 120))
