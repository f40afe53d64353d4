"""Generates images, one file each and a grid of them; on request also a walk through W, mixed styles and RGB outputs.

    python -m hsr_jax.generate --snapshot runs/hsr --seeds 0 1 2 --psi 0.7 --out generated
    python -m hsr_jax.generate --snapshot ffhq.pkl --count 16 --interpolate True --mix 100 101 102 --layers True
    python -m hsr_jax.generate --snapshot runs/hsr --latents projected/latents.npz --interpolate True

The generator is that of a run's work directory, of an imported directory or of a public checkpoint.
"""

import dataclasses
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import errors
from common.config import parse_command
from common.errors import InputError
from common.terminal import Progress
from common.viz.animation import write_animation
from common.viz.grid import grid, write_image
from hsr_jax.editing import directions
from hsr_jax.editing.options import ImageOptions
from hsr_jax.editing.renderer import Renderer
from hsr_jax.evaluation.pictures import resolutions

GRID = 64
"""Largest number of images in the grid."""
ROWS = 8
"""Largest number of rows in the grids of layers and of interpolations."""
PLACES = 8
"""Images per row of the grid of interpolations, both ends included."""


@dataclasses.dataclass(frozen=True)
class Generate(ImageOptions):
    """Which generator, which images, and which pictures of them."""

    out: str = "generated"
    """Directory for the pictures."""
    interpolate: bool = False
    """Write an animation along straight lines in W, from each image to the next and from the last to the first, and
    interpolation.png with one row per line."""
    frames: int = 30
    """Frames of the animation from one image to the next."""
    mix: tuple[int, ...] = ()
    """Seeds for a grid of mixed styles, mix.png, in which each image takes over the details of each of these."""
    crossover: int = 6
    """First row of ws that comes from the seeds of `mix`; row 6 is that of the second convolution at 32 px."""
    layers: bool = False
    """Write the RGB output of every resolution (Fig. 4.8, thesis), layers.png."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    generate(parse_command(argv, default=Generate())[0])


def generate(options: Generate) -> None:
    """Writes the pictures, and prints their places and the rate."""
    renderer, out = Renderer(options.snapshot, options.batch_size), Path(options.out)
    ws, names = renderer.choose(options)
    _check(options, ws)
    shown = _write_images(renderer, ws, names, out)
    write_image(out / "grid.png", grid(shown, captions=names[:GRID]))
    print(f"grid: {out / 'grid.png'}")
    if options.interpolate:
        path = out / f"interpolation.{options.animation}"
        frames = renderer.render(np.asarray(directions.tour(ws, options.frames)), "interpolate")
        write_animation(path, frames)
        write_image(out / "interpolation.png", _legs(renderer, ws))
        print(f"interpolation: {path}, {out / 'interpolation.png'}")
    if options.mix:
        write_image(out / "mix.png", _mixed(renderer, ws[:GRID], shown, options))
        print(f"mixed styles: {out / 'mix.png'}")
    if options.layers:
        resolutions(renderer.resolutions(ws[:ROWS]), out / "layers.png")
        print(f"layers: {out / 'layers.png'}")


def _check(options: Generate, ws: np.ndarray) -> None:
    if options.interpolate and (len(ws) < 2 or options.frames < 1):
        raise InputError("field interpolate: needs at least two images and one frame; name more seeds")
    if options.mix and not 0 < options.crossover < ws.shape[1]:
        raise InputError(f"field crossover: {options.crossover} is not from 1 to {ws.shape[1] - 1}, the rows of ws")


def _write_images(renderer: Renderer, ws: np.ndarray, names: list[str], out: Path) -> list[np.ndarray]:
    """Writes each batch of images when it is ready; returns the first images for the grid."""
    shown: list[np.ndarray] = []
    start, first = time.monotonic(), None
    with Progress("generate", len(ws)) as progress:
        done = 0
        for batch in renderer.images(ws):
            for image in batch:
                write_image(out / f"{names[done]}.png", image)
                done += 1
            shown += list(batch)[: GRID - len(shown)]
            first = first or (time.monotonic(), done)
            progress.update(done)
    end = time.monotonic()
    print(f"{out}: {len(ws)} images, {len(ws) / (end - start):.1f} images/s with compilation and files", end="")
    print(
        f", {(len(ws) - first[1]) / (end - first[0]):.1f} after the first batch" if first and len(ws) > first[1] else ""
    )
    return shown


def _legs(renderer: Renderer, ws: np.ndarray) -> np.ndarray:
    """Grid with one row per straight line of the animation."""
    legs = np.asarray(directions.line(ws[:ROWS], np.roll(ws, -1, axis=0)[:ROWS], PLACES))
    return grid(renderer.render(legs.reshape(-1, *ws.shape[1:]), "interpolate"), columns=PLACES)


def _mixed(renderer: Renderer, ws: np.ndarray, images: list[np.ndarray], options: Generate) -> np.ndarray:
    """Grid of mixed styles: the images on the left, those of `mix` above, and at each crossing the image on the left
    with the details of the one above."""
    fine = renderer.latents(options.mix, options.psi, options.label)
    mixed = np.asarray(directions.mix(ws, fine, options.crossover)).reshape(-1, *ws.shape[1:])
    above, inside = renderer.render(fine, "mix"), iter(renderer.render(mixed, "mix"))
    white = np.full_like(above[0], 255)
    rows = [[white, *above]] + [[image, *itertools.islice(inside, len(above))] for image in images]
    return grid(list(itertools.chain.from_iterable(rows)), columns=len(above) + 1)


if __name__ == "__main__":
    errors.run(main)
