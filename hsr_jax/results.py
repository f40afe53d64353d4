"""Results of an evaluation as files and tables, and two of them compared."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import files, typed
from common.errors import InputError
from common.metrics.significance import wilcoxon
from hsr_jax.published import PUBLISHED

DOCUMENT = "results.json"
SAMPLES = "samples.npz"
# Two evaluations that are compared must agree in these.
SAME = ("seed", "num_images")


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
    """Both files; numbers of single images are in `samples.npz`."""
    data = io.BytesIO()
    np.savez_compressed(data, **samples)
    files.write_bytes(folder / SAMPLES, data.getvalue())
    files.write_json(folder / DOCUMENT, document)


def read(path: str) -> Results:
    """Of a results file. Raises `InputError` where it is none or its samples are gone."""
    document = files.read_json(path)
    if not isinstance(document, dict) or not {"snapshot", "results", "evaluate"} <= document.keys():
        raise InputError(f"{path}: no results file; `python -m hsr_jax.evaluate` writes one")
    beside = Path(path).parent / SAMPLES
    try:
        with np.load(beside) as stored:
            samples = dict(stored)
    except (OSError, ValueError) as error:
        raise InputError(f"{beside}: cannot be read ({error}); evaluate again") from error
    return Results(document["snapshot"], document["results"], samples, document)


def check_alike(other: Results, evaluate: dict[str, Any]) -> None:
    """Raises `InputError` if another evaluation was not done as this one is."""
    for name in SAME:
        if (theirs := other.document["evaluate"].get(name)) != evaluate[name]:
            raise InputError(f"field against: its {name} is {theirs}, here {evaluate[name]}; evaluate both alike")


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


def row_of(name: str, run: str) -> str:
    """The configuration whose published values are shown: the one asked for, or that of a run's name; '' if none.

    Raises:
      InputError: an unknown name was asked for.
    """
    if name and name not in PUBLISHED:
        raise InputError(f"field row: {name!r} is no row of the tables{typed.nearest(name, PUBLISHED)}")
    return name or (run if run in PUBLISHED else "")


def table(values: dict[str, float], row: str, comparison: dict[str, Any] | None) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for the terminal. A published value stands beside a metric of the same name only."""
    published = {name.lower(): value for name, value in PUBLISHED.get(row, {}).items()}
    columns = ["metric", "here"] + [f"thesis, {row}"] * bool(row)
    if comparison:
        columns += [comparison["model"], "change %"]
    lines = []
    for name, value in values.items():
        line = [name, f"{value:.5g}"]
        if row:
            line.append(f"{published[name.lower()]:.5g}" if name.lower() in published else "")
        if comparison:
            theirs, change = comparison["values"].get(name), comparison["change_percent"].get(name)
            line += ["" if theirs is None else f"{theirs:.5g}", "" if change is None else f"{change:+.1f}"]
        lines.append(line)
    return columns, lines
