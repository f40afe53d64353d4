"""Scores an attribute on the straight line between two latents: does it change in proportion? (Fig. 4.11, thesis)

The experiment of Sec. 4.3.3, "Editability": an image I_0 is edited to I_1, optimisation finds the latents w_0 and w_1
of both, and the classifier scores the images I_t on the line between these.

    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --count 8 \\
        --strengths 0 3 --out edited
    python -m hsr_jax.project --snapshot runs/hsr --inputs edited/images --out projected
    python -m hsr_jax.lines --snapshot runs/hsr --classifier runs/attributes --attribute smile \\
        --latents projected/latents.npz --out lines

Each has a directory of its own; two strengths are what makes pairs of an image and its edit. For another generator the
last two are repeated with its snapshot and other directories: it is given the same images.
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
from hsr_jax.editing import directions as editing
from hsr_jax.editing import latent_files
from hsr_jax.editing.renderer import Renderer
from hsr_jax.editing.scorer import Scorer


@dataclasses.dataclass(frozen=True)
class Lines:
    """Which generator, which attribute, which latents."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    classifier: str = "runs/attributes"
    """Work directory of a run of hsr_jax.train_attributes."""
    attribute: str = ""
    """One of the classifier's."""
    latents: str = "projected/latents.npz"
    """File that hsr_jax.project wrote: a line leads from its first latent to the second, one from the third to the
    fourth, and so on."""
    frames: int = 11
    """Places on a line, t = 0, 1/N, ..., 1."""
    out: str = "lines"
    """Directory of lines.json, the curve of every line and lines.png."""
    batch_size: int = 16


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    lines(parse_command(argv, default=Lines())[0])


def lines(options: Lines) -> dict[str, Any]:
    """Scores the lines, writes the files, prints where they are; returns what is in lines.json."""
    if options.frames < 3:
        raise InputError(f"field frames: {options.frames} is less than 3, and between two ends every change is linear")
    renderer = Renderer(options.snapshot, options.batch_size)
    scorer = Scorer(renderer, options.classifier)
    column = scorer.column("attribute", options.attribute)
    ws = latent_files.load_latents(options.latents, renderer.generator)
    if len(ws) % 2:
        raise InputError(f"{options.latents}: {len(ws)} latents are no pairs; project two images for every line")
    path = np.asarray(editing.line(jnp.asarray(ws[::2]), jnp.asarray(ws[1::2]), options.frames))
    scores = scorer(path, "score")
    pictures = renderer.render(path.reshape(-1, *ws.shape[1:]), "draw")
    captions = [f"{score:.2f}" for score in scores[..., column].ravel()]
    write_image(Path(options.out) / "lines.png", grid(pictures, columns=options.frames, captions=captions))
    return _write(options, scores, scorer.names, column)


def _write(options: Lines, scores: np.ndarray, names: Sequence[str], column: int) -> dict[str, Any]:
    """Numbers and curves of the scores [P, T, A]."""
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
