"""Writes the tables of the FASE paper with our values beside the published ones.

    python -m fase_jax.tables --table 7 --runs runs/fase

Our values are mean and standard deviation over the runs of `fase_jax.repeat`, or the values of a single run from
`fase_jax.evaluate`.
"""

from collections.abc import Sequence
from pathlib import Path

from common import errors
from common.config import parse_command
from common.tables import Row, System, Tables, write_tables
from fase_jax.compare import read_results


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    write_tables(parse_command(argv, default=Tables())[0], SYSTEM)


def _measure(workdir: Path) -> tuple[dict[str, list[float]], int] | None:
    """Values of all runs in a work directory, by metric and subset as the paper names them, and the number of runs."""
    paths = sorted(workdir.glob("run*/results/results.json"))
    paths = paths or [path for path in [workdir / "results" / "results.json"] if path.is_file()]
    if not paths:
        return None
    values: dict[str, list[float]] = {}
    for path in paths:
        for subset, result in read_results(path).items():
            for name, value in _named(result).items():
                # The paper calls the whole test set of WFLW full.
                values.setdefault(f"{name} {'full' if subset == 'test' else subset}", []).append(value)
    return values, len(paths)


def _named(result: dict) -> dict[str, float]:
    """Values of a subset by the paper's names for the metrics (Sec. 4.2).

    The text of the paper defines NME_diag by the image's diagonal, but its values are 1 / sqrt(2) of NME_box (Table 2:
    1.02 and 1.45), which the diagonal of the face's box gives.
    """
    names = {
        "NME": ("inter_ocular", "nme"),
        "NME_diag": ("box_diag", "nme"),
        "NME_box": ("box", "nme"),
        "AUC_box": ("box", "auc_7"),
    }
    metrics = result["metrics"]
    return {name: metrics[normalizer][value] for name, (normalizer, value) in names.items() if normalizer in metrics}


def _command(row: Row, address: str) -> str:
    runs = 10 if row.config.data.num_labels == 50 else 5  # Sec. 4.3
    return f"python -m fase_jax.repeat --runs {runs} --config {address}"


SYSTEM = System("configs/fase", "paper", _command, _measure, "runs")

if __name__ == "__main__":
    errors.run(main)
