"""Results of an evaluation as files and tables, and the comparison of two of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import files
from common.errors import InputError
from common.metrics.significance import wilcoxon
from common.terminal import cell, markdown_table
from common.weights.read import arrays
from hsr_jax.published import published_name, published_row

DOCUMENT = "results.json"
SAMPLES = "samples.npz"
TABLE = "table.md"
OF_REAL = ("fid", "kid", "pr", "mahalanobis")
"""Metrics that need real images."""
_DRAWN = (*OF_REAL, "ppl")
# Options in which two compared evaluations must agree, each with the metrics that depend on it. The noise of an image
# depends on the batch size.
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
    """Results that an earlier evaluation wrote."""

    name: str
    """Snapshot of the model."""
    values: dict[str, float]
    """Value of each metric by its name."""
    samples: dict[str, np.ndarray]
    """'path_lengths' [N], 'als_scores' [P, T, A] and 'mahalanobis' [M], where they were measured."""
    document: dict[str, Any]
    """All of results.json."""


def write(folder: Path, document: dict[str, Any], samples: dict[str, np.ndarray]) -> None:
    """Writes results.json, the numbers per image in samples.npz, and the table with published values in table.md."""
    if samples:  # a file without arrays could not be read again
        files.write_arrays(folder / SAMPLES, **samples)
    files.write_json(folder / DOCUMENT, document | {"samples": list(samples)})
    title = f"{document['snapshot']}, {document['evaluate']['num_images']} images"
    lines = table(document["results"], document["row"], document["against"])
    files.write_text(folder / TABLE, markdown_table(title, *lines))


def read(path: str) -> Results:
    """Reads a results.json and the samples beside it. Raises `InputError` if one of them is missing or damaged."""
    document = read_document(path)
    try:
        samples = arrays(Path(path).parent / SAMPLES) if document.get("samples", True) else {}
    except InputError as error:
        raise InputError(f"field against: {error}, or evaluate that model again") from error
    return Results(document["snapshot"], document["results"], samples, document)


def read_document(path: str | Path) -> dict[str, Any]:
    """Reads a results.json alone. Raises `InputError` if the file is something else."""
    document = files.read_json(path)
    if not isinstance(document, dict) or not {"snapshot", "results", "evaluate"} <= document.keys():
        raise InputError(f"{path}: no results file; `python -m hsr_jax.evaluate` writes one")
    return document


def check_alike(other: Results, evaluate: dict[str, Any]) -> None:
    """Raises `InputError` unless another evaluation had the options of this one that the common metrics depend on."""
    options = other.document["evaluate"]
    both = set(options.get("metrics", ())) & set(evaluate["metrics"])
    for name, metrics in SAME.items():
        if both & set(metrics) and (theirs := options.get(name)) != evaluate[name]:
            raise InputError(f"field against: its {name} is {theirs}, here {evaluate[name]}; evaluate both alike")


def check_digests(other: Results, digests: Mapping[str, str]) -> None:
    """Raises `InputError` if another evaluation used other real images or networks; names them."""
    if "digests" not in other.document:
        raise InputError("field against: it does not say which images and networks it used; evaluate that model again")
    theirs = other.document["digests"]
    if different := [name for name, digest in digests.items() if theirs.get(name, digest) != digest]:
        raise InputError(f"field against: not the same there as here: {'; '.join(different)}; evaluate both alike")


def compare(values: dict[str, float], samples: dict[str, np.ndarray], other: Results) -> dict[str, Any]:
    """Change of every common metric against another model in percent, and a signed-rank test on the path lengths.

    Path lengths are paired by number: the two models give different images, but each pair has the same latents z.
    """
    common = [name for name in values if name in other.values]
    change = {name: 100 * (values[name] / other.values[name] - 1) for name in common if other.values[name]}
    found: dict[str, Any] = {"model": other.name, "values": {name: other.values[name] for name in common}}
    found["change_percent"] = change
    lengths = [x.get("path_lengths") for x in (samples, other.samples)]
    same_network = any(name == "PPL" or name.startswith("path length") for name in common)
    if same_network and all(x is not None for x in lengths):
        test = wilcoxon(*lengths)
        found["wilcoxon"] = {"pairs": len(lengths[0]), "statistic": test.statistic, "p": test.p}
    return found


def table(values: dict[str, float], row: str, comparison: dict[str, Any] | None) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a table of metrics, first the measured ones, then those that are only published.

    Args:
      values: measured values by metric. A published value stands beside the same metric of the same network only.
      row: name of the row of the thesis' tables, '' for none.
      comparison: see `compare`.
    """
    _, published = published_row(row, "")
    measured = {published_name(name) for name in values}
    columns = ["metric", "here"] + [f"thesis, {row}"] * bool(row)
    if comparison:
        columns += [comparison["model"], "change %"]
    lines = []
    for name in [*values, *(name for name in published if name not in measured)]:
        line = [name, cell(values.get(name), ".5g")]
        if row:
            line.append(cell(published.get(published_name(name)), ".5g"))
        if comparison:
            change = comparison["change_percent"].get(name)
            line += [cell(comparison["values"].get(name), ".5g"), cell(change, "+.1f")]
        lines.append(line)
    return columns, lines
