"""Writes the tables of the FASE paper with our values beside the published ones.

    python -m fase_jax.tables --table 7 --runs runs/fase

Our values are those of the runs that `fase_jax.repeat` made of a row, with mean and standard deviation, or of the one
run that `fase_jax.evaluate` measured.
"""

from collections.abc import Sequence
from pathlib import Path

from common import errors
from common.config import parse_command
from common.tables import Row, System, Tables, write_tables
from fase_jax.compare import read_results


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    write_tables(parse_command(argv, default=Tables())[0], SYSTEM)


def _measure(workdir: Path) -> tuple[dict[str, list[float]], int] | None:
    """The values of the runs by the paper's metric and subset, and the number of runs; None without a result."""
    paths = sorted(workdir.glob("run*/results/results.json"))
    paths = paths or [path for path in [workdir / "results" / "results.json"] if path.is_file()]
    if not paths:
        return None
    values: dict[str, list[float]] = {}
    for path in paths:
        for subset, result in read_results(path).items():
            for name, value in _named(result).items():
                # WFLW's whole test set is called full in the paper.
                values.setdefault(f"{name} {'full' if subset == 'test' else subset}", []).append(value)
    return values, len(paths)


def _named(result: dict) -> dict[str, float]:
    """The metrics of a subset by the paper's names. Sec. 4.2.

    The paper takes the image's diagonal for NME_diag; its values are 1 / sqrt(2) of NME_box (Table 2: 1.02 and 1.45),
    so that it is the diagonal of the face's box.
    """
    metrics = result["metrics"]
    named = {"NME": ("inter_ocular", "nme"), "NME_diag": ("box_diag", "nme")}
    named |= {"NME_box": ("box", "nme"), "AUC_box": ("box", "auc_7")}
    return {name: metrics[kind][value] for name, (kind, value) in named.items() if kind in metrics}


def _command(row: Row, address: str) -> str:
    runs = 10 if row.config.data.num_labels == 50 else 5  # Sec. 4.3
    return f"python -m fase_jax.repeat --runs {runs} --config {address}"


SYSTEM = System("configs/fase", "paper", _command, _measure, "runs")

if __name__ == "__main__":
    errors.run(main)
