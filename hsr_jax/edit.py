"""Edits an attribute of generated or projected images along its direction in W (Sec. 4.3.3, thesis).

    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --count 8 --out edited
    python -m hsr_jax.edit --snapshot runs/hsr --classifier runs/attributes --attribute smile --keep glasses \\
        --latents projected/latents.npz --strengths -2 0 2

The direction is the normal of a boundary. A linear support vector machine finds the boundary between the generated
images with the highest and the lowest scores of the classifier (InterFaceGAN). The unit of a strength is the standard
deviation of the samples along the direction, so that strengths are comparable between generators. `hsr_jax.lines`
describes how the edited images lead to Fig. 4.11.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from common import errors, files
from common.config import parse_command
from common.errors import InputError
from common.metrics.attribute_linearity import attribute_linearity
from common.terminal import print_table
from common.viz.animation import back_and_forth, write_animation
from common.viz.curves import plot_lines
from common.viz.grid import grid, write_image
from hsr_jax.editing import directions, latent_files
from hsr_jax.editing.directions import Boundary
from hsr_jax.editing.options import AttributeOptions, ImageOptions
from hsr_jax.editing.renderer import Renderer
from hsr_jax.editing.scorer import Scorer


@dataclasses.dataclass(frozen=True)
class Edit(ImageOptions, AttributeOptions):
    """Options of the edit: the generator, the attribute and the images. `psi` truncates samples and images alike."""

    keep: tuple[str, ...] = ()
    """Attributes that the edit should preserve. Its direction is made orthogonal to their directions."""
    boundary: str = ""
    """Path to boundary.npz of an earlier edit of the same attribute with the same psi; empty finds a new boundary."""
    strengths: tuple[float, ...] = (-3.0, 0.0, 3.0)
    """Strengths of the edits in the pictures. The animation and the curves go from the lowest to the highest one."""
    samples: int = 10_000
    """Number of generated images that are scored to find the boundary."""
    share: float = 0.1
    """Share of the samples, those with the highest scores, that count as having the attribute. The same share with the
    lowest scores counts as lacking it."""
    frames: int = 21
    """Number of positions along the edit in the animation and the curves."""
    out: str = "edited"
    """Directory for boundary.npz, edit.json and the pictures. The numbers of the files in images/ run over `strengths`
    first and over images second."""
    seed: int = 0
    """Seed of the samples. Their latents differ from those of small numbers in `seeds`."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    edit(parse_command(argv, default=Edit())[0])


def edit(options: Edit) -> dict[str, Any]:
    """Finds the boundary, edits the images, writes and prints the results, and returns the content of edit.json."""
    renderer = Renderer(options.snapshot, options.batch_size)
    scorer = Scorer(renderer, options.classifier)
    _check(options, scorer)
    ws, images = renderer.choose(options)
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
        raise InputError(f"field keep: {options.attribute} is the attribute to edit; remove it")
    if options.boundary and options.keep:
        raise InputError("fields boundary, keep: a stored boundary has its own attributes to keep; give only one field")
    if len(set(options.strengths)) < 2 or options.frames < 3:
        raise InputError("fields strengths, frames: too few; give at least two different strengths and three frames")


def _find(options: Edit, renderer: Renderer, scorer: Scorer) -> Boundary:
    """Boundary of the attribute, with a direction that is orthogonal to the directions of the attributes to keep."""
    # Seeds count down from the largest one, so that they differ from the seeds of the edited images.
    last = 2**32 - 1 - options.seed * options.samples
    ws = renderer.latents(range(last, last - options.samples, -1), options.psi, options.label)
    w, scores = ws[:, 0], scorer(ws, "sample")
    rows, found = [], {}
    for name in (options.attribute, *options.keep):
        column = scores[:, scorer.names.index(name)]
        found[name] = directions.boundary(w, column, share=options.share, seed=options.seed)
        rows.append((name, 100 * float((column > 0).mean()), 100 * found[name].accuracy))
    print_table("boundaries", ("attribute", "samples with it %", "classified correctly %"), rows)
    boundary = found.pop(options.attribute)
    if not found:
        return boundary
    normal = directions.conditional(boundary.normal, np.stack([other.normal for other in found.values()]))
    along = w @ normal
    # The plane of a conditional direction is not fitted and has no accuracy. It passes through the mean of the samples.
    return Boundary(normal, intercept=-float(along.mean()), deviation=float(along.std()), accuracy=np.nan)


def _edited(ws: np.ndarray, direction: jax.Array, strengths: Sequence[float]) -> np.ndarray:
    return np.asarray(directions.edit(jnp.asarray(ws), direction, jnp.asarray(strengths, jnp.float32)))


def _draw(options: Edit, renderer: Renderer, shown: np.ndarray, images: Sequence[str], out: Path) -> None:
    """Writes the images of all edits [N, S, num_ws, w_dim], as one file per edit and as a grid."""
    captions = [f"{name} {a:+g}" for name in images for a in options.strengths]
    pictures = renderer.render(shown.reshape(-1, *shown.shape[2:]), "edit")
    write_image(out / "edits.png", grid(pictures, columns=len(options.strengths), captions=captions))
    for i, (caption, picture) in enumerate(zip(captions, pictures, strict=True)):
        write_image(out / "images" / f"{i:05d}_{caption.replace(' ', '_')}.png", picture)


def _animate(options: Edit, renderer: Renderer, path: np.ndarray, out: Path) -> None:
    """Writes the animation of all images side by side, from the lowest strength to the highest and back."""
    pictures = renderer.render(path.swapaxes(0, 1).reshape(-1, *path.shape[2:]), "animate")
    frames = [grid(pictures[i : i + len(path)]) for i in range(0, len(pictures), len(path))]
    write_animation(out / f"edits.{options.animation}", back_and_forth(frames))


def _write(options: Edit, out: Path, boundary: Boundary, names, images, along, scores) -> dict[str, Any]:
    """Writes results and curves of the scores [N, T, A] of the images at the strengths `along` [T]."""
    mean = scores.mean(0)
    result = {
        "snapshot": options.snapshot,
        "attribute": options.attribute,
        "keep": list(options.keep),
        "strength_in_w": boundary.deviation,
        "told_apart": None if np.isnan(boundary.accuracy) else boundary.accuracy,
        "strengths": along.tolist(),
        # Eq. (4.5) on the lines of the edits, in squared logits.
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
