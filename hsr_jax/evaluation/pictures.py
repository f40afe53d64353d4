"""Figures of an evaluation (Figs. 4.2 and 4.4 to 4.10, thesis). All processes call; only the first one writes."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from common.metrics.attribute_linearity import deviation
from common.viz.curves import plot_lines
from common.viz.grid import grid, write_image
from hsr_jax.evaluation.sampler import Sampler

BINS = 80
"""Number of bins of the histogram of path lengths."""
MIN_SIDE = 64
"""Smallest side of a picture in pixels. Smaller images are enlarged, so that there is room for their captions."""


def histogram(lengths: Mapping[str, np.ndarray], path: Path, label: str) -> None:
    """Draws the distribution of the path lengths [N] of each model, without the longest 1 % (Fig. 4.2)."""
    # The trimmed mean also ends at the 99th percentile.
    edges = np.linspace(0, max(np.percentile(x, 99) for x in lengths.values()), BINS + 1)
    corners = np.repeat(edges, 2)[1:-1]
    share = lambda x: 100 * np.histogram(x, edges)[0] / len(x)
    series = {f"{name} (median {np.median(x):.4g})": (corners, np.repeat(share(x), 2)) for name, x in lengths.items()}
    if jax.process_index() == 0:
        plot_lines(series, path, f"{label} of a pair", "share of pairs in %")


def spread(order: np.ndarray, count: int) -> np.ndarray:
    """`count` equally spaced elements of `order` [N], including the first and the last one."""
    return order[np.unique(np.linspace(0, len(order) - 1, count).round().astype(int))]


def lines(sampler: Sampler, index: np.ndarray, captions: Sequence[str], path: Path, positions: int = 6) -> None:
    """Draws one row of images per line in `index`, with its caption below the first image (Figs. 4.4, 4.5, 4.9)."""
    frames = sampler.images(np.repeat(index, positions), np.tile(np.linspace(0, 1, positions), len(index)))
    texts = [text for caption in captions for text in (caption, *[""] * (positions - 1))]
    _write(path, frames, positions, texts)


def images(sampler: Sampler, index: np.ndarray, captions: Sequence[str], path: Path) -> None:
    """Draws the images with the numbers `index` [N], with the stored noise (Figs. 4.6 and 4.7)."""
    _write(path, sampler.images(index, np.zeros(len(index))), None, captions)


def resolutions(by_side: Mapping[int, np.ndarray], path: Path) -> None:
    """Draws the RGB output of images at every resolution, one row per image, enlarged without smoothing (Fig. 4.8).

    Args:
      by_side: uint8 [N, r, r, 3] by resolution r, ascending; see `sampler.rgb_outputs`.
    """
    largest = max(by_side)
    enlarged = [x.repeat(largest // side, axis=1).repeat(largest // side, axis=2) for side, x in by_side.items()]
    pictures = [picture for row in zip(*enlarged, strict=True) for picture in row]
    captions = [f"{side} px" for side in by_side] * len(enlarged[0])
    if jax.process_index() == 0:
        write_image(path, grid(pictures, len(by_side), captions))


def linearity(scores: Mapping[str, np.ndarray], path: Path) -> None:
    """Draws the mean squared deviation of logits from the straight line at each position (Fig. 4.10, right).

    Args:
      scores: logits [P, T, A] of A attributes at T positions of P lines, by model; the mean is over P and A.
    """
    curve = lambda s: np.square(np.asarray(deviation(s))).mean((0, 2))
    series = {name: (np.linspace(0, 1, s.shape[1]), curve(s)) for name, s in scores.items()}
    if jax.process_index() == 0:
        plot_lines(series, path, "t", "squared deviation of the logits")


def attribute_lines(sampler: Sampler, scores: np.ndarray, names: Sequence[str], folder: Path) -> None:
    """Draws logits and images along one line per attribute, the line where its logit changes most (Fig. 4.9).

    Args:
      scores: logits [P, T, A] of the A attributes `names` at T positions of the lines 0 to P - 1.
    """
    chosen = np.abs(scores[:, -1] - scores[:, 0]).argmax(0)
    t = np.linspace(0, 1, scores.shape[1])
    for a, (name, line) in enumerate(zip(names, chosen, strict=True)):
        found = scores[line, :, a]
        series = {f"line {line}": (t, found), "linear": (t[[0, -1]], found[[0, -1]])}
        if jax.process_index() == 0:
            plot_lines(series, folder / f"als_{re.sub(r'[^A-Za-z0-9]+', '_', name)}.png", "t", f"logit of {name}")
    lines(sampler, chosen, list(names), folder / "als_lines.png")


def _write(path: Path, pictures: Sequence[np.ndarray], columns: int | None, captions: Sequence[str]) -> None:
    if jax.process_index() == 0:
        factor = -(-MIN_SIDE // len(pictures[0]))
        write_image(path, grid([x.repeat(factor, 0).repeat(factor, 1) for x in pictures], columns, captions))
