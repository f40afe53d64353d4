"""Compares two models on the same faces by Wilcoxon's signed-rank test on the NME per face (FASE, Sec. 4.4).

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
    """Names the results files of two models."""

    a: str = ""
    """`results.json` of `fase_jax.evaluate`, or `repeated.json` of `fase_jax.repeat` with mean errors over the runs."""
    b: str = ""
    """The same kind of file from the other model."""
    out: str = ""
    """JSON file to write the comparison to; empty: none."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    options = parse_command(argv, default=Compare())[0]
    rows = compare(options.a, options.b)
    print_table(f"a: {options.a}\nb: {options.b}", list(rows[0]), [list(row.values()) for row in rows])
    if options.out:
        files.write_json(options.out, rows)


def compare(a: str, b: str) -> list[dict]:
    """Mean errors, Wilcoxon's statistic and the two-sided p-value of two results files: one dict per common subset.

    Raises:
      InputError: the files have no subset in common, or different faces or normalisers in one.
    """
    first, second = read_results(a), read_results(b)
    subsets = [name for name in first if name in second]
    if not subsets:
        raise InputError(
            f"{b}: its subsets {', '.join(second)} are none of {', '.join(first)} in {a}; evaluate both on the same"
        )
    rows = []
    for subset in subsets:
        if any(first[subset][key] != second[subset][key] for key in ("files", "normalizer")):
            raise InputError(
                f"{b}: subset {subset} has other faces or another normaliser than in {a}; evaluate both on the same"
            )
        errors_a, errors_b = (np.array(results[subset]["errors"], float) for results in (first, second))
        known = np.isfinite(errors_a) & np.isfinite(errors_b)
        test = wilcoxon(errors_a[known], errors_b[known])
        means = {"NME a %": float(errors_a[known].mean()), "NME b %": float(errors_b[known].mean())}
        tested = {"statistic": float(test.statistic), "p": f"{test.p:.3g}"}
        rows.append({"subset": subset, "faces": int(known.sum())} | means | tested)
    return rows


def read_results(path: str | Path) -> dict[str, dict]:
    """The results by subset in a results file. Raises `InputError` if the file is of another kind."""
    document = files.read_json(path)
    if not isinstance(document, dict) or "results" not in document:
        raise InputError(f"{path}: not a results file; `python -m fase_jax.evaluate` writes one")
    return document["results"]


if __name__ == "__main__":
    errors.run(main)
