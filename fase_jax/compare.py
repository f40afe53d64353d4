"""Compares two models on the same faces by Wilcoxon's signed-rank test on per-face NME (FASE, Sec. 4.4).

python -m fase_jax.compare --a runs/a/results/results.json --b runs/b/results/results.json
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from common import errors, files
from common.config import parse_command
from common.errors import InputError
from common.metrics.significance import wilcoxon
from common.terminal import table


@dataclasses.dataclass(frozen=True)
class Compare:
    """Two results files of `fase_jax.evaluate`, or of `fase_jax.repeat`, where an error is the mean of the runs."""

    a: str = ""
    b: str = ""
    out: str = ""
    """Also write the comparison here, as JSON."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    options = parse_command(argv, default=Compare())[0]
    rows = compare(options.a, options.b)
    table(f"a: {options.a}\nb: {options.b}", list(rows[0]), [list(row.values()) for row in rows])
    if options.out:
        files.write_json(options.out, rows)


def compare(a: str, b: str) -> list[dict]:
    """One row for each subset that both files have: mean errors, statistic and two-sided p.

    Raises:
      InputError: no common subset, or the faces are not the same.
    """
    first, second = (_results(path) for path in (a, b))
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


def _results(path: str) -> dict:
    document = files.read_json(path)
    if not isinstance(document, dict) or "results" not in document:
        raise InputError(f"{path}: no results file; `python -m fase_jax.evaluate` writes one")
    return document["results"]


if __name__ == "__main__":
    errors.run(main)
