"""Curves as pictures, through Matplotlib's objects: no global figure, no display."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.files import write_bytes

# Okabe and Ito (2008): apart in every common colour blindness; line styles repeat the message in grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_LONG = 40
"""Characters of a name in a legend that has no room inside the axes."""


def plot_ced(
    errors: Mapping[str, np.ndarray], path: str | Path, threshold: float, unit: str = "NME in %", title: str = ""
) -> None:
    """Draws cumulative error distributions up to `threshold`; the legend tells the area under each.

    Args:
      errors: name -> [B], one per face; faces whose error is not finite are left out.
      path: picture to write (.png, .pdf, .svg); whole or absent.
      threshold: right end of the axis, in the unit of the errors.
      unit: label of the axis.

    Raises:
      ValueError: a model without any finite error.
    """
    series = {}
    for name, values in errors.items():
        values = np.sort(np.asarray(values, np.float64).ravel())
        values = values[np.isfinite(values)]
        if not values.size:
            raise ValueError(f"{name}: no finite errors to plot")
        area = np.clip(threshold - values, 0, None).mean() / threshold
        # A step at each error, from nobody at 0 to those within the threshold at the right end.
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
    *,
    log_x: bool = False,
    marker: str = "",
) -> None:
    """Draws lines name -> (x [N], y [N]) with a legend; NaN makes a gap. `path` as in `plot_ced`."""
    figure, axes = _figure(xlabel, ylabel, title)
    _draw(axes, series, marker=marker)
    if log_x:
        axes.set_xscale("log")
    _write(figure, path)


def _figure(xlabel: str, ylabel: str, title: str):
    figure = Figure(figsize=(6.4, 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.grid(color="0.88", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _draw(axes, series: Mapping[str, tuple[np.ndarray, np.ndarray]], **options) -> None:
    for index, (name, (x, y)) in enumerate(series.items()):
        colour, style = _COLOURS[index % len(_COLOURS)], _STYLES[index % len(_STYLES)]
        axes.plot(x, y, label=name, color=colour, linestyle=style, linewidth=1.8, **options)
    if max(map(len, series), default=0) > _LONG:  # above the axes, where it hides no line
        axes.figure.legend(frameon=False, loc="outside upper left")
    elif series:
        axes.legend(frameon=False)


def _write(figure: Figure, path: str | Path) -> None:
    data = io.BytesIO()
    figure.savefig(data, format=Path(path).suffix.lstrip(".") or "png")
    write_bytes(path, data.getvalue())
