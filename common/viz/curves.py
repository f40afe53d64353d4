"""Pictures of curves. They use Matplotlib's objects directly, without global figures and without a display."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.files import write_bytes
from common.metrics.auc import auc

# Okabe and Ito (2008): distinct with every common colour blindness. Line styles distinguish lines in grey prints.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_LONG = 40
"""Length in characters of the longest name that fits into a legend inside the axes."""


def plot_ced(
    errors: Mapping[str, np.ndarray], path: str | Path, threshold: float, unit: str = "NME in %", title: str = ""
) -> None:
    """Draws cumulative error distributions up to `threshold`, with the area under each curve in the legend.

    Args:
      errors: name -> error per face [B]; values that are not finite are left out.
      path: picture to write (.png, .pdf, .svg); no file is left on failure.
      threshold: right end of the horizontal axis, in the unit of the errors.
      unit: label of the horizontal axis.
      title: title of the picture.

    Raises:
      ValueError: a name has no finite error.
    """
    series = {}
    for name, values in errors.items():
        values = np.sort(np.asarray(values, np.float64).ravel())
        values = values[np.isfinite(values)]
        if not values.size:
            raise ValueError(f"{name}: no finite errors to plot")
        area = float(auc(jnp.asarray(values), threshold))
        # The curve has a step at each error. It begins at a share of 0 and is level after the last step.
        within = values[values <= threshold]
        share = 100 * np.arange(len(within) + 1) / len(values)
        series[f"{name} (AUC {100 * area:.1f} %)"] = (np.r_[0, within, threshold], np.r_[share, share[-1]])
    figure, axes = _figure(unit, "share of faces in %", title)
    _draw(axes, series, drawstyle="steps-post")
    axes.set(xlim=(0, threshold), ylim=(0, 100))
    _write(figure, path)


def plot_lines(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    path: str | Path,
    xlabel: str,
    ylabel: str,
    title: str = "",
) -> None:
    """Draws lines, name -> (x [N], y [N]), with a legend. NaN makes a gap. `path` is as in `plot_ced`."""
    figure, axes = _figure(xlabel, ylabel, title)
    _draw(axes, series)
    _write(figure, path)


def _figure(xlabel: str, ylabel: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.grid(color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw(axes: Axes, series: Mapping[str, tuple[np.ndarray, np.ndarray]], **options: Any) -> None:
    for index, (name, (x, y)) in enumerate(series.items()):
        colour, style = _COLOURS[index % len(_COLOURS)], _STYLES[index % len(_STYLES)]
        axes.plot(x, y, label=name, color=colour, linestyle=style, linewidth=1.8, **options)
    if max(map(len, series), default=0) > _LONG:  # a wide legend inside the axes would hide lines
        axes.figure.legend(frameon=False, loc="outside upper left")
    elif series:
        axes.legend(frameon=False)


def _write(figure: Figure, path: str | Path) -> None:
    data = io.BytesIO()
    figure.savefig(data, format=Path(path).suffix.lstrip(".") or "png")
    write_bytes(path, data.getvalue())
