"""Generates images as single files and as a grid; optionally also interpolations, mixed styles and RGB outputs.

    python -m hsr_jax.generate --snapshot runs/hsr --seeds 0 1 2 --psi 0.7 --out generated
    python -m hsr_jax.generate --snapshot ffhq.pkl --count 16 --interpolate True --mix 100 101 102 --layers True
    python -m hsr_jax.generate --snapshot runs/hsr --latents projected/latents.npz --interpolate True

The generator comes from a run's work directory, an imported directory or a public checkpoint.
"""

import dataclasses
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
"""Largest number of rows in the grids of RGB outputs and of interpolations."""
COLUMNS = 8
"""Number of images per row in the grid of interpolations, both ends included."""


@dataclasses.dataclass(frozen=True)
class Generate(ImageOptions):
    """Options of the generation: the generator, the images and the kinds of pictures."""

    out: str = "generated"
    """Directory for the pictures."""
    interpolate: bool = False
    """Whether to write an animation along straight lines in W, from each image to the next and from the last to the
    first, and interpolation.png with one row per line."""
    frames: int = 30
    """Number of frames of the animation from one image to the next."""
    mix: tuple[int, ...] = ()
    """Seeds for a grid of mixed styles, mix.png. Each of its images combines one image with the details of one of
    these seeds."""
    crossover: int = 6
    """First row of ws that comes from the seeds of `mix`; row 6 belongs to the second convolution at 32 px."""
    layers: bool = False
    """Whether to write the RGB output of every resolution, layers.png (Fig. 4.8, thesis)."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    generate(parse_command(argv, default=Generate())[0])


def generate(options: Generate) -> None:
    """Writes the pictures, and prints their paths and the speed."""
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
        write_image(out / "interpolation.png", _interpolated(renderer, ws))
        print(f"interpolation: {path}, {out / 'interpolation.png'}")
    if options.mix:
        write_image(out / "mix.png", _mixed(renderer, ws[:GRID], shown, options))
        print(f"mixed styles: {out / 'mix.png'}")
    if options.layers:
        resolutions(renderer.resolutions(ws[:ROWS]), out / "layers.png")
        print(f"layers: {out / 'layers.png'}")


def _check(options: Generate, ws: np.ndarray) -> None:
    if options.interpolate and (len(ws) < 2 or options.frames < 1):
        raise InputError("field interpolate: too few images or frames; give at least two images and one frame")
    if options.mix and not 0 < options.crossover < ws.shape[1]:
        raise InputError(f"field crossover: {options.crossover} is no inner row of ws; take 1 to {ws.shape[1] - 1}")


def _write_images(renderer: Renderer, ws: np.ndarray, names: list[str], out: Path) -> list[np.ndarray]:
    """Writes each batch of images as soon as it is ready; returns the first images for the grid."""
    shown: list[np.ndarray] = []
    start, done, after_first = time.monotonic(), 0, None
    with Progress("generate", len(ws)) as progress:
        for batch in renderer.images(ws):
            for image in batch:
                write_image(out / f"{names[done]}.png", image)
                done += 1
            shown += list(batch)[: GRID - len(shown)]
            after_first = after_first or (time.monotonic(), done)
            progress.update(done)
    end = time.monotonic()
    print(f"{out}: {done} images, {done / (end - start):.1f} images/s with compilation and files", end="")
    later = after_first and done > after_first[1]
    print(f", {(done - after_first[1]) / (end - after_first[0]):.1f} after the first batch" if later else "")
    return shown


def _interpolated(renderer: Renderer, ws: np.ndarray) -> np.ndarray:
    """Grid of interpolations, with one row per straight line of the animation."""
    lines = np.asarray(directions.line(ws[:ROWS], np.roll(ws, -1, axis=0)[:ROWS], COLUMNS))
    return grid(renderer.render(lines.reshape(-1, *ws.shape[1:]), "interpolate"), columns=COLUMNS)


def _mixed(renderer: Renderer, ws: np.ndarray, images: list[np.ndarray], options: Generate) -> np.ndarray:
    """Grid of mixed styles.

    `images` are in the left column and the images of the seeds `mix` in the top row. An inner cell combines the coarse
    styles of its row with the fine styles of its column.
    """
    fine = renderer.latents(options.mix, options.psi, options.label)
    mixed = np.asarray(directions.mix(ws, fine, options.crossover)).reshape(-1, *ws.shape[1:])
    top, inner = renderer.render(fine, "mix"), renderer.render(mixed, "mix")
    cells = [np.full_like(top[0], 255), *top]  # white in the corner
    for i, image in enumerate(images):
        cells += [image, *inner[i * len(top) : (i + 1) * len(top)]]
    return grid(cells, columns=len(top) + 1)


if __name__ == "__main__":
    errors.run(main)
