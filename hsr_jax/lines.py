"""Scores an attribute on straight lines between latents, to see whether it changes linearly (Fig. 4.11, thesis).

This is the experiment of Sec. 4.3.3, "Editability": an image I_0 is edited to I_1, optimisation finds the latents w_0
and w_1 of both, and a classifier scores the images I_t on the line between these latents.

    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --count 8 \\
        --strengths 0 3 --out edited
    python -m hsr_jax.project --snapshot runs/hsr --inputs edited/images --out projected
    python -m hsr_jax.lines --snapshot runs/hsr --classifier runs/attributes --attribute smile \\
        --latents projected/latents.npz --out lines

The two strengths give pairs of an image and its edit. To compare another generator on the same images, repeat the last
two commands with its snapshot and other directories.
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
    """Options of the lines: the generator, the attribute and the latents."""

    latents: str = "projected/latents.npz"
    """Path of a file that hsr_jax.project wrote. The first line goes from the first latent to the second, the second
    line from the third latent to the fourth, and so on."""
    frames: int = 11
    """Number of equidistant positions per line, both ends included."""
    out: str = "lines"
    """Directory for lines.json, lines.png and one curve per line."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    lines(parse_command(argv, default=Lines())[0])


def lines(options: Lines) -> dict[str, Any]:
    """Scores the lines, writes and prints the results, and returns the content of lines.json."""
    if options.frames < 3:
        raise InputError(f"field frames: {options.frames} is less than 3, with which every line is straight; take more")
    renderer = Renderer(options.snapshot, options.batch_size)
    scorer = Scorer(renderer, options.classifier)
    column = scorer.column("attribute", options.attribute)
    ws = latent_files.load_latents(options.latents, renderer.generator)
    if len(ws) % 2:
        raise InputError(f"{options.latents}: {len(ws)} latents do not form pairs; project two images per line")
    path = np.asarray(directions.line(jnp.asarray(ws[::2]), jnp.asarray(ws[1::2]), options.frames))
    scores = scorer(path, "score")
    pictures = renderer.render(path.reshape(-1, *ws.shape[1:]), "draw")
    captions = [f"{score:.2f}" for score in scores[..., column].ravel()]
    write_image(Path(options.out) / "lines.png", grid(pictures, columns=options.frames, captions=captions))
    return _write(options, scores, scorer.names, column)


def _write(options: Lines, scores: np.ndarray, names: Sequence[str], column: int) -> dict[str, Any]:
    """Writes results and curves of the scores [P, T, A]; returns the content of lines.json."""
    out, t = Path(options.out), np.linspace(0, 1, options.frames)
    entries = []
    for i, line in enumerate(scores):
        logits, ends = line[:, column], [2 * i, 2 * i + 1]
        # C(G(w_t)) ~ C(G(w_0)) + t (C(G(w_1)) - C(G(w_0))). Eq. (4.4), thesis
        curves = {"score": (t, logits), "straight line": (t[[0, -1]], logits[[0, -1]])}
        title = "latents {} to {}".format(*ends)
        plot_lines(curves, out / f"line{i:05d}.png", "t", f"logit of {options.attribute}", title)
        entries.append({"latents": ends, "linearity": _linearity(line[None])[column], "scores": logits.tolist()})
    result = {
        "snapshot": options.snapshot,
        "latents": options.latents,
        "attribute": options.attribute,
        "t": t.tolist(),
        # Eq. (4.5), in squared logits, mean over the lines.
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
