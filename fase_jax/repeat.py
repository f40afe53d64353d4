"""Trains and evaluates one configuration with several seeds: mean and standard deviation (FASE, Sec. 4.3).

    python -m fase_jax.repeat --runs 5 --config configs/fase/table4.py:w300_10pct

Run i lies in `workdir/run{i}` and has the seed `seed + i`, which also draws its labels. A finished run is not repeated.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import errors, files
from common.config import config_to_dict, parse_command
from common.errors import InputError
from common.terminal import print_table
from fase_jax import train
from fase_jax.compare import read_results
from fase_jax.config import FaseConfig
from fase_jax.evaluate import Evaluate, evaluate


@dataclasses.dataclass(frozen=True)
class Repeat:
    """--runs N   number of runs, at least 2"""

    runs: int = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command, which has the fields of `fase_jax.train` and `--runs N`."""
    config, options = parse_command(argv, FaseConfig(), Repeat())
    repeat(config, options.runs)


def repeat(config: FaseConfig, runs: int) -> dict:
    """Writes `workdir/repeated.json` and returns its content. Errors per face in it are means over the runs."""
    if runs < 2:
        raise InputError(
            f"field runs: {runs} is less than 2; make a single run with fase_jax.train and fase_jax.evaluate"
        )
    found = []
    for i in range(runs):
        one = dataclasses.replace(config, seed=config.seed + i, workdir=f"{config.workdir}/run{i}")
        path = Path(one.workdir) / "results" / "results.json"
        if not path.is_file():
            train.train(one)
            evaluate(Evaluate(workdir=one.workdir))
        found.append(read_results(path))
    results: dict[str, dict[str, Any]] = {}
    for name, first in found[0].items():
        nme = [run[name]["metrics"][first["normalizer"]]["nme"] for run in found]
        errors_by_run = np.array([run[name]["errors"] for run in found], float)
        results[name] = {
            "nme": nme,
            "mean": float(np.mean(nme)),
            "std": float(np.std(nme, ddof=1)),
            "normalizer": first["normalizer"],
            "baseline": first["baseline"],
            "files": first["files"],
            "errors": errors_by_run.mean(0).round(5).tolist(),
        }
    document = {"config": config_to_dict(config), "runs": runs, "results": results}
    files.write_json(f"{config.workdir}/repeated.json", document)
    rows = [[name, r["mean"], r["std"], r["baseline"][r["normalizer"]]] for name, r in results.items()]
    print_table(f"{config.workdir}, {runs} runs", ["subset", "NME %", "std", "mean shape %"], rows)
    return document


if __name__ == "__main__":
    errors.run(main)
