"""Results of an evaluation as files and tables, and the comparison of two evaluations."""

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
NEED_REAL = ("fid", "kid", "pr", "mahalanobis")
"""Metrics that need real images."""
_NEED_NOISE = (*NEED_REAL, "ppl")
# Options in which two compared evaluations must agree, each with the metrics that depend on it. The noise of an image
# depends on the batch size.
SAME = {
    "seed": (*_NEED_NOISE, "als"),
    "num_images": _NEED_NOISE,
    "batch_size": _NEED_NOISE,
    "substitute_size": _NEED_NOISE,
    "real": NEED_REAL,
    "ridge": ("mahalanobis",),
    "classifier": ("als",),
    "lines": ("als",),
}


class Results(NamedTuple):
    """Results of an earlier evaluation."""

    name: str
    """Path of the evaluated snapshot."""
    values: dict[str, float]
    """Values by name of the metric."""
    samples: dict[str, np.ndarray]
    """Values per image or line: 'path_lengths' [N], 'als_scores' [P, T, A] and 'mahalanobis' [M] if measured."""
    document: dict[str, Any]
    """Complete content of results.json."""


def write(folder: Path, document: dict[str, Any], samples: dict[str, np.ndarray]) -> None:
    """Writes results.json, the values per image in samples.npz, and the table with published values in table.md."""
    if samples:  # a file without arrays cannot be read again
        files.write_arrays(folder / SAMPLES, **samples)
    files.write_json(folder / DOCUMENT, document | {"samples": list(samples)})
    title = f"{document['snapshot']}, {document['evaluate']['num_images']} images"
    lines = table(document["results"], document["row"], document["against"])
    files.write_text(folder / TABLE, markdown_table(title, *lines))


def read(path: str) -> Results:
    """Reads a results.json and its samples.npz. Raises `InputError` if one of them is missing or damaged."""
    document = read_document(path)
    try:
        samples = arrays(Path(path).parent / SAMPLES) if document.get("samples", True) else {}
    except InputError as error:
        raise InputError(f"field against: {error}, or evaluate that model again") from error
    return Results(document["snapshot"], document["results"], samples, document)


def read_document(path: str | Path) -> dict[str, Any]:
    """Reads a results.json without its samples. Raises `InputError` if it is another file."""
    document = files.read_json(path)
    if not isinstance(document, dict) or not {"snapshot", "results", "evaluate"} <= document.keys():
        raise InputError(f"{path}: not a results file; write one with `python -m hsr_jax.evaluate`")
    return document


def check_alike(other: Results, evaluate: dict[str, Any]) -> None:
    """Raises `InputError` if another evaluation had other options on which the common metrics depend."""
    options = other.document["evaluate"]
    both = set(options.get("metrics", ())) & set(evaluate["metrics"])
    for name, metrics in SAME.items():
        if both & set(metrics) and (theirs := options.get(name)) != evaluate[name]:
            raise InputError(
                f"field against: its {name} is {theirs}, but here {evaluate[name]}; take the same for both"
            )


def check_digests(other: Results, digests: Mapping[str, str]) -> None:
    """Raises `InputError` if another evaluation used other real images or networks; the message names them."""
    if "digests" not in other.document:
        raise InputError("field against: the file does not identify its images and networks; evaluate that model again")
    theirs = other.document["digests"]
    if different := [name for name, digest in digests.items() if theirs.get(name, digest) != digest]:
        raise InputError(f"field against: used different inputs: {', '.join(different)}; evaluate both with the same")


def compare(values: dict[str, float], samples: dict[str, np.ndarray], other: Results) -> dict[str, Any]:
    """Change of each common metric relative to another model in percent, and a signed-rank test of the path lengths.

    The test pairs path lengths with the same number: their images differ, but both models got the same latents z.
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
    """Columns and rows of a table of metrics: first the measured metrics, then those that are only published.

    Args:
      values: measured values by metric. A published value stands only beside the same metric of the same network.
      row: name of a row of the thesis' tables; '' for no published values.
      comparison: result of `compare`.
    """
    _, published = published_row(row, "")
    measured = {published_name(name) for name in values}
    columns = ["metric", "here"] + [f"thesis, {row}"] * bool(row)
    if comparison:
        columns += [comparison["model"], "change %"]
    rows = []
    for name in [*values, *(name for name in published if name not in measured)]:
        cells = [name, cell(values.get(name), ".5g")]
        if row:
            cells.append(cell(published.get(published_name(name)), ".5g"))
        if comparison:
            change = comparison["change_percent"].get(name)
            cells += [cell(comparison["values"].get(name), ".5g"), cell(change, "+.1f")]
        rows.append(cells)
    return columns, rows
