"""Scores an attribute on straight lines between latents, to see whether it changes linearly (Fig. 4.11, thesis).

It is the experiment of Sec. 4.3.3, "Editability": an image I_0 is edited to I_1, optimisation finds the latents w_0 and
w_1 of both, and a classifier scores the images I_t on the line between these latents.

    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --count 8 \\
        --strengths 0 3 --out edited
    python -m hsr_jax.project --snapshot runs/hsr --inputs edited/images --out projected
    python -m hsr_jax.lines --snapshot runs/hsr --classifier runs/attributes --attribute smile \\
        --latents projected/latents.npz --out lines

Two strengths make pairs of an image and its edit. To compare another generator on the same images, repeat the last two
commands with its snapshot and other directories.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from common import errors, files
from common.config import parse_command
from common.errors import InputError
from common.metrics.attribute_linearity import attribute_linearity
from common.viz.curves import plot_lines
from common.viz.grid import grid, write_image
from hsr_jax.editing import directions, latent_files
from hsr_jax.editing.options import AttributeOptions
from hsr_jax.editing.renderer import Renderer
from hsr_jax.editing.scorer import Scorer


@dataclasses.dataclass(frozen=True)
class Lines(AttributeOptions):
    """Which generator, which attribute, which latents."""

    latents: str = "projected/latents.npz"
    """File that hsr_jax.project wrote: the first line leads from the first latent to the second, the next line from the
    third to the fourth, and so on."""
    frames: int = 11
    """Number of places per line, equidistant with both ends included."""
    out: str = "lines"
    """Directory for lines.json, lines.png and a curve per line."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    lines(parse_command(argv, default=Lines())[0])


def lines(options: Lines) -> dict[str, Any]:
    """Scores the lines, writes and prints the results; returns the content of lines.json."""
    if options.frames < 3:
        raise InputError(f"field frames: {options.frames} is less than 3, and between two ends every change is linear")
    renderer = Renderer(options.snapshot, options.batch_size)
    scorer = Scorer(renderer, options.classifier)
    column = scorer.column("attribute", options.attribute)
    ws = latent_files.load_latents(options.latents, renderer.generator)
    if len(ws) % 2:
        raise InputError(f"{options.latents}: {len(ws)} latents are no pairs; project two images for every line")
    path = np.asarray(directions.line(jnp.asarray(ws[::2]), jnp.asarray(ws[1::2]), options.frames))
    scores = scorer(path, "score")
    pictures = renderer.render(path.reshape(-1, *ws.shape[1:]), "draw")
    captions = [f"{score:.2f}" for score in scores[..., column].ravel()]
    write_image(Path(options.out) / "lines.png", grid(pictures, columns=options.frames, captions=captions))
    return _write(options, scores, scorer.names, column)


def _write(options: Lines, scores: np.ndarray, names: Sequence[str], column: int) -> dict[str, Any]:
    """Writes numbers and curves of the scores [P, T, A]."""
    out, t = Path(options.out), np.linspace(0, 1, options.frames)
    entries = []
    for i, line in enumerate(scores):
        found = line[:, column]
        # C(G(w_t)) ~ C(G(w_0)) + t (C(G(w_1)) - C(G(w_0)))  (4.4), thesis
        curves = {"score": (t, found), "straight line": (t[[0, -1]], found[[0, -1]])}
        title = f"latents {2 * i} to {2 * i + 1}"
        plot_lines(curves, out / f"line{i:05d}.png", "t", f"logit of {options.attribute}", title)
        entries.append(
            {"latents": [2 * i, 2 * i + 1], "linearity": _linearity(line[None])[column], "scores": found.tolist()}
        )
    result = {
        "snapshot": options.snapshot,
        "latents": options.latents,
        "attribute": options.attribute,
        "t": t.tolist(),
        # Eq. (4.5), squared logits; means over the lines.
        "linearity": dict(zip(names, _linearity(scores), strict=True)),
        "lines": entries,
    }
    files.write_json(out / "lines.json", result)
    mean = result["linearity"][options.attribute]
    print(f"attribute linearity of {options.attribute}: {mean:.4f}, mean of {len(entries)} lines")
    print(f"curves, pictures and scores: {out}")
    return result


def _linearity(scores: np.ndarray) -> list[float]:
    return np.asarray(attribute_linearity(jnp.asarray(scores))).tolist()


if __name__ == "__main__":
    errors.run(main)
