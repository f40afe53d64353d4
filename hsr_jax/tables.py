"""Writes the thesis' tables of Chapter 4 with our values beside the published ones.

    python -m hsr_jax.tables --table 4.4 --runs runs/hsr

Our values come from the results that `hsr_jax.evaluate` wrote into the work directories of the rows' runs. A published
value stands only beside the same metric of the same network. The JSON file also holds values of substitute networks,
under their own names.
"""

from collections.abc import Sequence
from pathlib import Path

from common import errors
from common.config import parse_command
from common.tables import Row, System, Tables, write_tables
from hsr_jax.evaluation import results
from hsr_jax.published import CONFIGS, published_name


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    write_tables(parse_command(argv, default=Tables())[0], SYSTEM)


def _measure(workdir: Path) -> tuple[dict[str, list[float]], int] | None:
    """Values by the thesis' names, and the number of generated images; None if the run was not evaluated."""
    path = workdir / "results" / results.DOCUMENT
    if not path.is_file():
        return None
    document = results.read_document(path)
    values = {published_name(name): [value] for name, value in document["results"].items()}
    return values, document["evaluate"]["num_images"]


def _command(_: Row, address: str) -> str:
    return f"python -m hsr_jax.train --config {address}"


SYSTEM = System(CONFIGS, "thesis", _command, _measure, "images")

if __name__ == "__main__":
    errors.run(main)
