"""`fit`, which runs a trainer from start to end: claim the directory, restore, log, loop, report, close."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from common.config import config_diff
from common.terminal import print_table
from common.train import loop, sharding, workdir
from common.train.checkpoint import Checkpoints
from common.train.clock import Speed
from common.train.logs import Logger
from common.train.state import State, count_parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(loop.Loop):
    """Training in a work directory: its loop, its first state, and further files for its directory."""

    config: Any
    """Resolved configuration of the run; its field `workdir` names the directory."""
    may_change: Sequence[str]
    """Fields of the configuration that a continued run may have changed, see `workdir.claim`."""
    new_state: Callable[[bool], State]
    """(fresh) -> state before the first step. If `fresh` is False, a checkpoint will replace its values, so a prior
    need not be read."""
    after_claim: Callable[[], None] = lambda: None
    """Writer of further files; it is called when the directory belongs to the run."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Result of a training."""

    state: Any
    """State after the last step, on the mesh."""
    speed: Speed
    checkpoints: Checkpoints


def fit(job: Job) -> Outcome:
    """Runs a training. If its work directory holds a checkpoint, continues from it, to the same numbers.

    Raises:
      InputError: the new state cannot be made, the directory holds another run, or an error of `loop.run`.
    """
    checkpoints = Checkpoints(job.config.workdir)
    fresh = checkpoints.latest() is None
    # The state is made before the claim, so that a run with a wrong field claims no directory.
    state, resume = sharding.put_replicated(job.new_state(fresh), job.mesh), None
    directory = workdir.claim(job.config.workdir, job.config, job.may_change)
    job.after_claim()
    if not fresh:
        state, resume = checkpoints.restore(state, job.iterator)
    with Logger(directory, job.steps, resume_step=int(state.step)) as logger:
        state, speed = loop.run(job, state, logger, checkpoints, resume)
        if np.isfinite(speed.images_per_second):  # a run that had already finished has no speed
            logger.say(str(speed))
    checkpoints.close()
    return Outcome(state, speed, checkpoints)


def print_summary(config: Any, parts: Mapping[str, Any], flow: str, frozen: Collection[str] = ()) -> None:
    """Prints what `--dry-run` shows: the resolved configuration, the number of parameters per part, and the shapes.

    Args:
      parts: pytree of the parameters, or of their shapes, of each part of the model by name.
      flow: inputs and outputs of the model with their shapes.
      frozen: names of the parts that are not trained.
    """
    for name, (value, _) in config_diff(config, {}).items():
        print(f"{name} = {value}")
    rows = [
        (name, f"{count_parameters(tree):,}", "frozen" if name in frozen else "trained") for name, tree in parts.items()
    ]
    print_table("parameters", ("part", "values", ""), rows)
    print(flow)
