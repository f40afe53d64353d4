"""Compares two models on the same faces by Wilcoxon's signed-rank test on the NME of each face (FASE, Sec. 4.4).

python -m fase_jax.compare --a runs/a/results/results.json --b runs/b/results/results.json
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import errors, files
from common.config import parse_command
from common.errors import InputError
from common.metrics.significance import wilcoxon
from common.terminal import print_table


@dataclasses.dataclass(frozen=True)
class Compare:
    """Two results files of `fase_jax.evaluate`, or of `fase_jax.repeat`, which holds means over the runs per face."""

    a: str = ""
    b: str = ""
    out: str = ""
    """File to which the comparison is also written, as JSON."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    options = parse_command(argv, default=Compare())[0]
    rows = compare(options.a, options.b)
    print_table(f"a: {options.a}\nb: {options.b}", list(rows[0]), [list(row.values()) for row in rows])
    if options.out:
        files.write_json(options.out, rows)


def compare(a: str, b: str) -> list[dict]:
    """One row for each subset that both files have: mean errors, statistic and two-sided p.

    Raises:
      InputError: no common subset, or the faces are not the same.
    """
    first, second = read_results(a), read_results(b)
    common = [name for name in first if name in second]
    if not common:
        raise InputError(f"{a} has subsets {', '.join(first)} and {b} {', '.join(second)}; none is in both")
    rows = []
    for name in common:
        x, y = first[name], second[name]
        if x["files"] != y["files"] or x["normalizer"] != y["normalizer"]:
            raise InputError(f"{b}: subset {name} has other faces or another normaliser than {a}; evaluate alike")
        ex, ey = np.array(x["errors"], float), np.array(y["errors"], float)
        known = np.isfinite(ex) & np.isfinite(ey)
        test = wilcoxon(ex[known], ey[known])
        means = {"NME a %": float(ex[known].mean()), "NME b %": float(ey[known].mean())}
        row = {"subset": name, "faces": int(known.sum()), **means}
        rows.append(row | {"statistic": float(test.statistic), "p": f"{test.p:.3g}"})
    return rows


def read_results(path: str | Path) -> dict[str, dict]:
    """The results by subset that a results file holds; `InputError` if it is another file."""
    document = files.read_json(path)
    if not isinstance(document, dict) or "results" not in document:
        raise InputError(f"{path}: no results file; `python -m fase_jax.evaluate` writes one")
    return document["results"]


if __name__ == "__main__":
    errors.run(main)
