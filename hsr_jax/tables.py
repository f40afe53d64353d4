"""Writes the thesis' tables of Chapter 4 again, with the published values beside those of the runs here.

    python -m hsr_jax.tables --table 4.4 --runs runs/hsr

A row is the run of its configuration, as `hsr_jax.evaluate` measured it. Beside a published value stands the same
metric of the same network only; what a substitute measured is in the JSON file, under its own name.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import errors, files
from common.config import parse_command
from common.errors import InputError, nearest
from common.terminal import cell, markdown_table, print_table
from hsr_jax.evaluation import results
from hsr_jax.published import TABLES, Row, published_name


@dataclasses.dataclass(frozen=True)
class Tables:
    """Which tables, of which runs."""

    table: str = ""
    """`4.1` to `4.5`, or `ALS`, the one inside Fig. 4.10; empty: all of them."""
    runs: str = "runs/hsr"
    """Directory of the work directories, each named after its configuration; those without results leave a gap."""
    out: str = ""
    """Directory of the tables, Markdown and JSON; empty: `tables/` of the runs."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    write_tables(parse_command(argv, default=Tables())[0])


def write_tables(options: Tables) -> dict[str, list[dict[str, Any]]]:
    """Writes table_NAME.md and table_NAME.json, prints each table, and returns what is in the JSON files by name.

    Raises:
      InputError: there is no such table or directory, or a results file is damaged.
    """
    if options.table and options.table not in TABLES:
        raise InputError(f"field table: {options.table!r} is none of the tables{nearest(options.table, TABLES)}")
    if not Path(options.runs).is_dir():
        raise InputError(f"field runs: {options.runs}: no such directory; name that of the work directories")
    out, found = Path(options.out or f"{options.runs}/tables"), {}
    for name in [options.table] if options.table else TABLES:
        found[name] = [measured(row, Path(options.runs)) for row in TABLES[name]]
        title, lines = f"Table {name}, thesis and here", render(found[name])
        print_table(title, *lines)
        files.write_text(out / f"table_{name}.md", markdown_table(title, *lines))
        files.write_json(out / f"table_{name}.json", found[name])
    print(f"tables: {out}")
    return found


def measured(row: Row, runs: Path) -> dict[str, Any]:
    """A row of a table as JSON values: 'here' are the metrics that the thesis has in it too, 'others' all others."""
    path, values, images = runs / row.config / "results" / results.DOCUMENT, {}, None
    if path.is_file():
        document = results.read_document(path)
        values, images = document["results"], document["evaluate"]["num_images"]
    here = {published_name(name): value for name, value in values.items() if published_name(name) in row.values}
    others = {name: value for name, value in values.items() if published_name(name) not in row.values}
    about = {"row": row.name, "config": row.config, "images": images}
    return about | {"thesis": row.values, "here": here, "others": others}


def render(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows; 'images' are the generated ones that the metrics here are of."""
    metrics = list(rows[0]["thesis"])
    columns = ["row", *(f"{metric}, {where}" for metric in metrics for where in ("thesis", "here")), "images"]
    lines = []
    for row in rows:
        cells = [cell(row[where].get(metric), ".5g") for metric in metrics for where in ("thesis", "here")]
        lines.append([row["row"], *cells, cell(row["images"])])
    return columns, lines


if __name__ == "__main__":
    errors.run(main)
