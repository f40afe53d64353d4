"""Tables of the documents: rows with a configuration and the published values, and our own values for comparison.

A file `configs/SYSTEM/table*.py` holds one `TABLE`. A row is named on the command line by its file and name, `--config
configs/fase/table7.py:w300_50_itl3`, and its work directory ends in the same two names,
`runs/fase/table7/w300_50_itl3`. A row that stands in several tables is defined in one file, to which the others refer;
all of them then show the same run.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common import files
from common.config import ROOT, run_file
from common.errors import InputError, nearest
from common.terminal import markdown_table, print_table

Value = float | tuple[float, float] | None
"""Mean, or mean and standard deviation over runs, or None if the value is not known."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table."""

    title: str
    """Case that the row measures, such as "300-W, 50 labels"."""
    config: Any
    """Configuration of the row's run."""
    published: Mapping[str, Value]
    """Published values by metric, in the order of the document's columns."""

    @property
    def run(self) -> str:
        """Name of the row's run, such as `table7/w300_50_itl3`."""
        return run_name(self.config.workdir)


@dataclasses.dataclass(frozen=True)
class Table:
    """One table of a document."""

    name: str
    """Number of the table, such as "4.1"."""
    title: str
    rows: Mapping[str, Row]


@dataclasses.dataclass(frozen=True)
class Tables:
    """Lists the rows of the document's tables with their commands, and our values beside the published ones."""

    table: str = ""
    """Number of the table; empty: all tables."""
    runs: str = ""
    """Directory that holds the work directories; a row without results there is listed without our values. Empty: the
    directories that the configurations name."""
    out: str = ""
    """Directory for the tables as Markdown and JSON. Empty: `tables/` in the directory of the runs, if that exists."""


@dataclasses.dataclass(frozen=True)
class System:
    """What one system contributes to the tables of its document."""

    configs: str
    """Directory that holds the table files, such as `configs/fase`."""
    document: str
    """Word for the document, such as "paper"."""
    command: Callable[[Row, str], str]
    """(row, its `FILE.py:NAME`) -> the command that makes the row's results."""
    measure: Callable[[Path], tuple[Mapping[str, list[float]], int] | None]
    """(work directory) -> (values of all runs by metric, number in the last column); None without results."""
    counted: str
    """Word for what the number in the last column counts, such as "runs"."""


def run_name(workdir: str) -> str:
    """Last two parts of a work directory, which name the table's file and the row: `table7/w300_50_itl3`."""
    return "/".join(Path(workdir).parts[-2:])


def load_tables(folder: str) -> dict[Path, Table]:
    """Tables in `folder` by the path of their file. `folder` is relative to the working directory or to `ROOT`."""
    found = sorted(Path(folder).glob("table*.py")) or sorted((ROOT / folder).glob("table*.py"))
    return {path: run_file(path).TABLE for path in found}


def published(folder: str) -> dict[str, dict[str, float]]:
    """Published means by run and metric. A run that stands in several tables has the metrics of all of them."""
    values: dict[str, dict[str, float]] = {}
    for table in load_tables(folder).values():
        for row in table.rows.values():
            known = {metric: value for metric, value in row.published.items() if value is not None}
            means = {metric: value[0] if isinstance(value, tuple) else value for metric, value in known.items()}
            values.setdefault(row.run, {}).update(means)
    return values


def write_tables(options: Tables, system: System) -> dict[str, list[dict[str, Any]]]:
    """Prints the tables, writes table_NAME.md and table_NAME.json, and returns the rows of the JSON files by NAME.

    Raises:
      InputError: there is no such table or directory, or a results file is damaged.
    """
    tables = {table.name: (path, table) for path, table in load_tables(system.configs).items()}
    if options.table and options.table not in tables:
        raise InputError(f"field table: {options.table!r} is not one of the tables{nearest(options.table, tables)}")
    if options.runs and not Path(options.runs).is_dir():
        raise InputError(f"field runs: {options.runs}: no such directory; name the directory that holds the runs")
    found = {}
    for name in [options.table] if options.table else tables:
        path, table = tables[name]
        rows = [
            _describe(row_name, row, f"{system.configs}/{path.name}:{row_name}", options.runs, system)
            for row_name, row in table.rows.items()
        ]
        title = f"Table {name}: {table.title}; {system.document} / here"
        columns, lines = _render(rows, system.counted)
        print_table(title, columns, lines)
        print("\n".join(["", *(row["command"] for row in rows), ""]))
        runs = Path(options.runs or Path(next(iter(table.rows.values())).config.workdir).parents[1])
        out = options.out or (runs / "tables" if runs.is_dir() else "")
        if out:
            files.write_text(Path(out) / f"table_{name}.md", markdown_table(title, columns, lines))
            files.write_json(Path(out) / f"table_{name}.json", rows)
            print(f"written: {out}/table_{name}.md and .json\n")
        found[name] = rows
    return found


def _describe(name: str, row: Row, address: str, runs: str, system: System) -> dict[str, Any]:
    """Row as JSON values: 'here' has our values of the published metrics, 'others' our values of other metrics."""
    measured = system.measure(Path(runs) / row.run if runs else Path(row.config.workdir))
    values, count = measured or ({}, None)
    summary = {metric: _summary(each) for metric, each in values.items()}
    return {
        "row": name,
        "title": row.title,
        "run": row.run,
        "command": system.command(row, address),
        system.counted: count,
        "published": dict(row.published),
        "here": {metric: value for metric, value in summary.items() if metric in row.published},
        "others": {metric: value for metric, value in summary.items() if metric not in row.published},
    }


def _summary(values: list[float]) -> Value:
    """Value of one run, or mean and sample standard deviation (ddof 1) of several runs."""
    return values[0] if len(values) == 1 else (float(np.mean(values)), float(np.std(values, ddof=1)))


def _render(rows: list[dict[str, Any]], counted: str) -> tuple[list[str], list[list[str]]]:
    """Columns and lines of the printed table. A cell holds the published value and, after a slash, ours if any."""
    metrics = list(dict.fromkeys(metric for row in rows for metric in row["published"]))
    lines = []
    for row in rows:
        pairs = [(row["published"].get(metric), row["here"].get(metric)) for metric in metrics]
        cells = [_text(theirs) + (f" / {_text(ours)}" if ours is not None else "") for theirs, ours in pairs]
        lines.append([row["row"], row["title"], *cells, "" if row[counted] is None else str(row[counted])])
    return ["row", "", *metrics, counted], lines


def _text(value: Value) -> str:
    if value is None:
        return "?"
    return f"{value[0]:.5g} ± {value[1]:.2g}" if isinstance(value, tuple) else f"{value:.5g}"
