"""Results of an evaluation as files and tables, and two of them compared."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import files
from common.errors import InputError
from common.metrics.significance import wilcoxon
from hsr_jax.evaluation.feature_sets import DAMAGED
from hsr_jax.published import published_name, published_row

DOCUMENT = "results.json"
SAMPLES = "samples.npz"
TABLE = "table.md"
OF_REAL = ("fid", "kid", "pr", "mahalanobis")
"""Metrics that look at real images."""
_DRAWN = (*OF_REAL, "ppl")
# Two evaluations that are compared must agree in these options, where both have one of these metrics. The noise of an
# image depends on the batch size.
SAME = {
    "seed": (*_DRAWN, "als"),
    "num_images": _DRAWN,
    "batch_size": _DRAWN,
    "substitute_size": _DRAWN,
    "real": OF_REAL,
    "ridge": ("mahalanobis",),
    "classifier": ("als",),
    "lines": ("als",),
}


class Results(NamedTuple):
    """What an earlier evaluation left."""

    name: str
    """Of its model."""
    values: dict[str, float]
    """By the metric's name."""
    samples: dict[str, np.ndarray]
    """'path_lengths' [N], 'als_scores' [P, T, A], 'mahalanobis' [M], where they were measured."""
    document: dict[str, Any]


def write(folder: Path, document: dict[str, Any], samples: dict[str, np.ndarray]) -> None:
    """The files; numbers of single images are in `samples.npz`, the table with the published values in `table.md`."""
    data = io.BytesIO()
    np.savez_compressed(data, **samples)
    files.write_bytes(folder / SAMPLES, data.getvalue())
    files.write_json(folder / DOCUMENT, document)
    title = f"{document['snapshot']}, {document['evaluate']['num_images']} images"
    lines = table(document["results"], document["row"], document["against"])
    files.write_text(folder / TABLE, markdown(title, *lines))


def read(path: str) -> Results:
    """Of a results file. Raises `InputError` where it is none or its samples are gone or damaged."""
    document = read_document(path)
    beside = Path(path).parent / SAMPLES
    try:
        with np.load(beside) as stored:
            samples = dict(stored)
    except DAMAGED as error:
        raise InputError(f"{beside}: cannot be read ({error}); evaluate again") from error
    return Results(document["snapshot"], document["results"], samples, document)


def read_document(path: str | Path) -> dict[str, Any]:
    """Of a results file, without the numbers of single images. Raises `InputError` where it is none."""
    document = files.read_json(path)
    if not isinstance(document, dict) or not {"snapshot", "results", "evaluate"} <= document.keys():
        raise InputError(f"{path}: no results file; `python -m hsr_jax.evaluate` writes one")
    return document


def check_alike(other: Results, evaluate: dict[str, Any]) -> None:
    """Raises `InputError` if another evaluation was not done as this one is, by the options of both."""
    options = other.document["evaluate"]
    both = set(options.get("metrics", ())) & set(evaluate["metrics"])
    for name, metrics in SAME.items():
        if both & set(metrics) and (theirs := options.get(name)) != evaluate[name]:
            raise InputError(f"field against: its {name} is {theirs}, here {evaluate[name]}; evaluate both alike")


def check_digests(other: Results, digests: Mapping[str, str]) -> None:
    """Raises `InputError` if another evaluation was of other real images or networks; names them."""
    if "digests" not in other.document:
        raise InputError(
            "field against: it does not tell which images and networks it is of; evaluate that model again"
        )
    theirs = other.document["digests"]
    if different := [name for name, digest in digests.items() if theirs.get(name, digest) != digest]:
        raise InputError(f"field against: not the same there as here: {'; '.join(different)}; evaluate both alike")


def compare(values: dict[str, float], samples: dict[str, np.ndarray], other: Results) -> dict[str, Any]:
    """Change against another model of every metric that both have, in percent, and a signed-rank test on path lengths.

    The lengths are paired by the number of the latent: the networks are different, so are the images, but each pair is
    of one draw.
    """
    common = [name for name in values if name in other.values]
    change = {name: 100 * (values[name] / other.values[name] - 1) for name in common if other.values[name]}
    found: dict[str, Any] = {"model": other.name, "values": {name: other.values[name] for name in common}}
    found["change_percent"] = change
    lengths = [x.get("path_lengths") for x in (samples, other.samples)]
    if any(path_length(name) for name in common) and all(x is not None for x in lengths):
        test = wilcoxon(*lengths)
        found["wilcoxon"] = {"pairs": len(lengths[0]), "statistic": test.statistic, "p": test.p}
    return found


def path_length(name: str) -> bool:
    """Whether a metric is a path length, in whatever features."""
    return name == "PPL" or name.startswith("path length")


def table(values: dict[str, float], row: str, comparison: dict[str, Any] | None) -> tuple[list[str], list[list[str]]]:
    """Columns and rows. A published value stands beside the same metric only; those that were not measured follow."""
    _, published = published_row(row, "")
    measured = {published_name(name) for name in values}
    columns = ["metric", "here"] + [f"thesis, {row}"] * bool(row)
    if comparison:
        columns += [comparison["model"], "change %"]
    lines = []
    for name in [*values, *(name for name in published if name not in measured)]:
        line = [name, cell(values.get(name))]
        if row:
            line.append(cell(published.get(published_name(name))))
        if comparison:
            line += [cell(comparison["values"].get(name)), cell(comparison["change_percent"].get(name), "+.1f")]
        lines.append(line)
    return columns, lines


def cell(value: float | None, form: str = ".5g") -> str:
    """A number of a table, empty without one."""
    return "" if value is None else f"{value:{form}}"


def markdown(title: str, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, first column to the left and others to the right."""
    rows = [columns, ["---", *["---:"] * (len(columns) - 1)], *lines]
    return "\n".join([f"# {title}", "", *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"
