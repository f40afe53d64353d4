"""Edits an attribute of generated or projected images along its direction in W (Sec. 4.3.3, thesis).

    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --count 8 --out edited
    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --keep glasses \\
        --latents projected/latents.npz --strengths -2 0 2

The direction is the normal of a boundary that a linear support vector machine finds between the generated images with
the highest and the lowest scores of the classifier (InterFaceGAN). Strengths are in standard deviations of the samples
along it, so that they mean the same for every generator. `hsr_jax.lines` tells how the edited images lead to Fig. 4.11.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from common import errors, files
from common.config import parse_command
from common.errors import InputError
from common.metrics.attribute_linearity import attribute_linearity
from common.terminal import table
from common.viz.animation import back_and_forth, write_animation
from common.viz.curves import plot_lines
from common.viz.grid import grid, write_image
from hsr_jax.editing import directions as editing
from hsr_jax.editing import latent_files
from hsr_jax.editing.directions import Boundary
from hsr_jax.editing.renderer import Renderer
from hsr_jax.editing.scorer import Scorer


@dataclasses.dataclass(frozen=True)
class Edit:
    """Which generator, which attribute, which images."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    classifier: str = "runs/attributes"
    """Work directory of a run of hsr_jax.train_attributes."""
    attribute: str = ""
    """One of the classifier's."""
    keep: tuple[str, ...] = ()
    """Others that shall stay: the direction is made orthogonal to theirs."""
    boundary: str = ""
    """File with the boundary of an earlier edit, instead of finding it; of the same attribute and psi."""
    seeds: tuple[int, ...] = ()
    """One image a seed."""
    count: int = 0
    """Instead of seeds: the images of seeds 0 to count - 1."""
    latents: str = ""
    """Instead of seeds: the file with latents that hsr_jax.project wrote; not truncated."""
    strengths: tuple[float, ...] = (-3.0, 0.0, 3.0)
    """Of the edits in the pictures; the animation and the curves lead from the lowest to the highest."""
    psi: float = 0.7
    """Truncation, of the images and of the samples that the boundary is found by."""
    label: int | None = None
    """Class, of a conditional generator."""
    samples: int = 10_000
    """Generated images that are scored to find the boundary."""
    share: float = 0.1
    """Of the samples that have the attribute by the highest scores, and that lack it by the lowest."""
    frames: int = 21
    """Places along the edit in the animation and the curves."""
    animation: Literal["gif", "webp"] = "gif"
    """Format of the animation; WebP keeps all colours."""
    out: str = "edited"
    """Directory of boundary.npz, edit.json and the pictures. Those in images/ are numbered: the edits of the first
    image, by strength as they are given, then those of the next."""
    seed: int = 0
    """Of the samples, which are other images than those of small seeds."""
    batch_size: int = 16


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    edit(parse_command(argv, default=Edit())[0])


def edit(options: Edit) -> dict[str, Any]:
    """Finds the boundary, edits, writes the files, prints where they are; returns what is in edit.json."""
    renderer = Renderer(options.snapshot, options.batch_size)
    scorer = Scorer(renderer, options.classifier)
    _check(options, scorer)
    ws, images = renderer.choose(options.seeds, options.count, options.latents, options.psi, options.label)
    out = Path(options.out)
    if options.boundary:
        boundary = latent_files.load_boundary(options.boundary, renderer.generator, options.attribute, options.psi)
    else:
        boundary = _find(options, renderer, scorer)
        latent_files.save_boundary(out / "boundary.npz", boundary, options.attribute, options.psi)
    direction = jnp.asarray(boundary.normal * boundary.deviation)
    _draw(options, renderer, _edited(ws, direction, options.strengths), images, out)
    along = np.linspace(min(options.strengths), max(options.strengths), options.frames)
    path = _edited(ws, direction, along)
    _animate(options, renderer, path, out)
    return _write(options, out, boundary, scorer.names, images, along, scorer(path, "score"))


def _check(options: Edit, scorer: Scorer) -> None:
    for field, name in (("attribute", options.attribute), *(("keep", name) for name in options.keep)):
        scorer.column(field, name)
    if options.attribute in options.keep:
        raise InputError(f"field keep: {options.attribute} is what is edited; leave it out")
    if options.boundary and options.keep:
        raise InputError("fields boundary, keep: a boundary keeps what it was found with; give one of the two")
    if len(set(options.strengths)) < 2 or options.frames < 3:
        raise InputError("fields strengths, frames: give at least two different strengths and three frames")


def _find(options: Edit, renderer: Renderer, scorer: Scorer) -> Boundary:
    """The boundary of the attribute, its direction orthogonal to those of the attributes to keep."""
    # From the other end of the range of seeds.
    last = 2**32 - 1 - options.seed * options.samples
    ws = renderer.latents(range(last, last - options.samples, -1), options.psi, options.label)
    w, scores = ws[:, 0], scorer(ws, "sample")
    rows, found = [], {}
    for name in (options.attribute, *options.keep):
        column = scores[:, scorer.names.index(name)]
        found[name] = editing.boundary(w, column, share=options.share, seed=options.seed)
        rows.append((name, 100 * float((column > 0).mean()), 100 * found[name].accuracy))
    table("boundaries", ("attribute", "samples that have it %", "told apart %"), rows)
    boundary = found.pop(options.attribute)
    if not found:
        return boundary
    normal = editing.conditional(boundary.normal, np.stack([other.normal for other in found.values()]))
    along = w @ normal
    # It is no boundary any more, which tells nothing apart: it gets the place where the samples are.
    return Boundary(normal, intercept=-float(along.mean()), deviation=float(along.std()), accuracy=np.nan)


def _edited(ws: np.ndarray, direction: jax.Array, strengths: Sequence[float]) -> np.ndarray:
    return np.asarray(editing.edit(jnp.asarray(ws), direction, jnp.asarray(strengths, jnp.float32)))


def _draw(options: Edit, renderer: Renderer, shown: np.ndarray, images: Sequence[str], out: Path) -> None:
    """All edits [N, S, num_ws, w_dim] in a grid and, as they are, each in a file."""
    captions = [f"{name} {a:+g}" for name in images for a in options.strengths]
    pictures = renderer.render(shown.reshape(-1, *shown.shape[2:]), "edit")
    write_image(out / "edits.png", grid(pictures, columns=len(options.strengths), captions=captions))
    for i, (caption, picture) in enumerate(zip(captions, pictures, strict=True)):
        write_image(out / "images" / f"{i:05d}_{caption.replace(' ', '_')}.png", picture)


def _animate(options: Edit, renderer: Renderer, path: np.ndarray, out: Path) -> None:
    """All images side by side, from the lowest strength to the highest and back."""
    pictures = renderer.render(path.swapaxes(0, 1).reshape(-1, *path.shape[2:]), "animate")
    frames = [grid(pictures[i : i + len(path)]) for i in range(0, len(pictures), len(path))]
    write_animation(out / f"edits.{options.animation}", back_and_forth(frames))


def _write(options: Edit, out: Path, boundary: Boundary, names, images, along, scores) -> dict[str, Any]:
    mean = scores.mean(0)
    result = {
        "snapshot": options.snapshot,
        "attribute": options.attribute,
        "keep": list(options.keep),
        "strength_in_w": boundary.deviation,
        "told_apart": None if np.isnan(boundary.accuracy) else boundary.accuracy,
        "strengths": along.tolist(),
        # Eq. (4.5), along the edits; squared logits.
        "linearity": dict(zip(names, np.asarray(attribute_linearity(jnp.asarray(scores))).tolist(), strict=True)),
        "mean_scores": {name: mean[:, i].tolist() for i, name in enumerate(names)},
        "scores": {image: scores[i, :, names.index(options.attribute)].tolist() for i, image in enumerate(images)},
    }
    files.write_json(out / "edit.json", result)
    curves = {name: (along, mean[:, i]) for i, name in enumerate(names) if name in (options.attribute, *options.keep)}
    edited = mean[:, names.index(options.attribute)]
    curves["straight line"] = (along[[0, -1]], edited[[0, -1]])
    plot_lines(curves, out / "scores.png", "strength in standard deviations", "mean score (logit)")
    print(f"mean score of {options.attribute}: {edited[0]:.2f} at {along[0]:+g}, {edited[-1]:.2f} at {along[-1]:+g}")
    print(f"pictures, scores and boundary: {out}")
    return result


if __name__ == "__main__":
    errors.run(main)
