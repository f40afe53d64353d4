"""What every trainer does around its steps: claim the directory, restore, log, loop, report, close."""

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
    """A training in a work directory: its loop, what it starts from, and what its directory holds besides."""

    config: Any
    """Resolved config of the run; its field `workdir` names the directory."""
    may_change: Sequence[str]
    """Fields of the config that a continued run may have changed, see `workdir.claim`."""
    new_state: Callable[[bool], State]
    """(fresh) -> state before the first step. `fresh` is False if a checkpoint will replace its values, so that nothing
    needs to be read to start from, such as a prior."""
    after_claim: Callable[[], None] = lambda: None
    """Called when the directory belongs to the run, to write what else it keeps there."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a training ended with."""

    state: Any
    """State after the last step, on the mesh."""
    speed: Speed
    checkpoints: Checkpoints


def fit(job: Job) -> Outcome:
    """Runs a training, or continues it from the newest checkpoint in its work directory to the same numbers.

    Raises:
      InputError: what is wrong with the new state; the directory holds another run; what `loop.run` raises.
    """
    checkpoints = Checkpoints(job.config.workdir)
    fresh = checkpoints.latest() is None
    # Before the claim, so that a run with a wrong field claims no directory.
    state, resume = sharding.put_replicated(job.new_state(fresh), job.mesh), None
    directory = workdir.claim(job.config.workdir, job.config, job.may_change)
    job.after_claim()
    if not fresh:
        state, resume = checkpoints.restore(state, job.iterator)
    with Logger(directory, job.steps, resume_step=int(state.step)) as logger:
        state, speed = loop.run(job, state, logger, checkpoints, resume)
        if np.isfinite(speed.images_per_second):  # a run that was finished already has no speed
            logger.say(str(speed))
    checkpoints.close()
    return Outcome(state, speed, checkpoints)


def print_summary(config: Any, parts: Mapping[str, Any], flow: str, frozen: Collection[str] = ()) -> None:
    """Prints what `--dry-run` shows: the resolved config, the number of parameters per part, and the shapes.

    Args:
      parts: pytree of parameters, or of their shapes, by the name of each part of the model.
      flow: what goes in and what comes out, with shapes.
      frozen: names of the parts that are not trained.
    """
    for name, (value, _) in config_diff(config, {}).items():
        print(f"{name} = {value}")
    rows = [
        (name, f"{count_parameters(tree):,}", "frozen" if name in frozen else "trained") for name, tree in parts.items()
    ]
    print_table("parameters", ("part", "values", ""), rows)
    print(flow)
