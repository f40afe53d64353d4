"""Trains and evaluates the same configuration with several seeds: mean and standard deviation (FASE, Sec. 4.3).

    python -m fase_jax.repeat --runs 5 --config configs/fase/table4_w300_10pct.py

Run i has seed `seed + i`, draws its own labels with it, and lies in `workdir/run{i}`; finished runs are not repeated.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import errors, files
from common.config import config_to_dict, parse_command
from common.errors import InputError
from common.terminal import table
from fase_jax import train
from fase_jax.config import FaseConfig
from fase_jax.evaluate import Evaluate, evaluate


def main(argv: Sequence[str] | None = None) -> None:
    """The command: `--runs N`, everything else as for `fase_jax.train`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    runs = 5
    if "--runs" in arguments:
        at = arguments.index("--runs")
        value = arguments[at + 1] if at + 1 < len(arguments) else ""
        if not value.isdigit() or int(value) < 2:
            raise InputError(f"--runs takes a whole number of at least 2, not {value!r}")
        runs = int(value)
        del arguments[at : at + 2]
    repeat(parse_command(arguments, default=FaseConfig())[0], runs)


def repeat(config: FaseConfig, runs: int) -> dict:
    """Writes `workdir/repeated.json` and returns it; the errors of a face are means over the runs."""
    found = []
    for i in range(runs):
        one = dataclasses.replace(config, seed=config.seed + i, workdir=f"{config.workdir}/run{i}")
        path = Path(one.workdir) / "results" / "results.json"
        if not path.is_file():
            train.train(one)
            evaluate(Evaluate(workdir=one.workdir))
        found.append(files.read_json(path)["results"])
    results = {}
    for name, first in found[0].items():
        nme = [run[name]["metrics"][first["normalizer"]]["nme"] for run in found]
        each = np.array([run[name]["errors"] for run in found], float)
        # The sample's standard deviation, ddof 1.
        results[name] = {
            "nme": nme,
            "mean": float(np.mean(nme)),
            "std": float(np.std(nme, ddof=1)),
            "normalizer": first["normalizer"],
            "baseline": first["baseline"],
            "files": first["files"],
            "errors": each.mean(0).round(5).tolist(),
        }
    document = {"config": config_to_dict(config), "runs": runs, "results": results}
    files.write_json(f"{config.workdir}/repeated.json", document)
    rows = [[n, r["mean"], r["std"], r["baseline"][r["normalizer"]]] for n, r in results.items()]
    table(f"{config.workdir}, {runs} runs", ["subset", "NME %", "std", "mean shape %"], rows)
    return document


if __name__ == "__main__":
    errors.run(main)
