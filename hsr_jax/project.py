"""Finds latents of given images by optimisation; writes the latents, and pictures of each image and its projection.

    python -m hsr_jax.project --snapshot runs/hsr --inputs photos/ --space w+ --perceptual lpips.pth --out projected

Images are cropped to their central square and resized. A face should have the same position and size as the faces in
the generator's training images. Without a perceptual network, pixels at several scales are compared.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from common import errors, files
from common.config import parse_command
from common.data import decode
from common.data.images.find import find_images
from common.data.images.pipeline import center_square
from common.errors import InputError
from common.files import read_bytes
from common.ops.pixels import as_float, stylegan2_ada_uint8
from common.pretrained.perceptual import open_perceptual
from common.terminal import Progress
from common.train import sharding
from common.viz.grid import grid, write_image
from hsr_jax.editing import latent_files, projection
from hsr_jax.editing.options import SnapshotOptions
from hsr_jax.editing.projection import ProjectionConfig, Projector
from hsr_jax.editing.renderer import Renderer

MOMENT_SAMPLES = 10_000
"""Number of samples from which the mean w and its deviation are computed; StyleGAN2, Appendix D."""


@dataclasses.dataclass(frozen=True)
class Project(SnapshotOptions):
    """Options of the projection: the generator, the images and the optimisation."""

    inputs: tuple[str, ...] = ()
    """Image files, folders (with their subfolders) and globs."""
    space: Literal["w", "w+"] = "w"
    """Latent space: one w for all layers, or one w per layer (w+), which fits more closely but may leave the region of
    good images."""
    perceptual: str = ""
    """Checkpoint or imported directory of LPIPS, or of a ViT or ResNet whose features are compared."""
    out: str = "projected"
    """Directory for latents.npz, projection.json and the pictures."""
    label: int | None = None
    """Class, for a conditional generator."""
    seed: int = 0
    """Seed of the noise on w during the optimisation, and of the noise maps."""
    batch_size: int = 8
    """Number of images that are optimised at once, rounded up to a multiple of the number of devices."""
    steps: int = 500
    """Number of steps of the optimisation; StyleGAN2: 1000."""
    optimization: ProjectionConfig = ProjectionConfig()
    """Settings of the optimisation."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    project(parse_command(argv, default=Project())[0])


def project(options: Project) -> list[dict]:
    """Projects the images, writes and prints the results, and returns the entry per image of projection.json."""
    if options.steps < 1:
        raise InputError(f"field steps: {options.steps} is less than 1; take at least 1")
    paths = find_images(options.inputs)
    renderer, perceptual = Renderer(options.snapshot, options.batch_size), open_perceptual(options.perceptual)
    targets = np.stack([_square(path, renderer.generator.resolution) for path in paths])
    projector = Projector(renderer.generator, perceptual, options.optimization, options.steps, options.space)
    samples = renderer.latents(range(MOMENT_SAMPLES), label=options.label)
    run = _Run(renderer, projector, options.seed, projection.moments(samples[:, 0]))
    found = []
    with Progress("project", len(run.starts(targets)) * options.steps, "steps") as progress:
        for start in run.starts(targets):
            found.append(run.batch(targets, start, progress))
    merged = jax.tree.map(lambda *parts: np.concatenate(parts)[: len(paths)], *found)
    return _write(options, paths, targets, merged, perceptual.name)


class _Run:
    """Compiled parts of a projection for batches of one size."""

    def __init__(self, renderer: Renderer, projector: Projector, seed: int, moments: tuple[jax.Array, jax.Array]):
        self.renderer, self.projector = renderer, projector
        put = lambda tree: sharding.put_replicated(tree, renderer.mesh)
        (self.mean, self.deviation), self.network = put(moments), put(projector.perceptual.variables)
        self.chunk = projection.chunk(projector.steps)
        create = lambda mean, indices: projector.create(mean, indices, seed)
        indices = jax.ShapeDtypeStruct((renderer.batch_size,), np.uint32)
        # A fixed placement of the state keeps a step from moving it, which would cause another compilation.
        split, whole = sharding.batch_sharding(renderer.mesh), sharding.replicated_sharding(renderer.mesh)
        places = jax.tree.map(lambda x: split if x.ndim else whole, jax.eval_shape(create, self.mean, indices))
        self._target = jax.jit(lambda network, images: projector.target(network, as_float(images)), out_shardings=split)
        self._create = jax.jit(create, out_shardings=places)
        self._advance = jax.jit(
            projector.advance, static_argnames="steps", donate_argnums=0, out_shardings=(places, split)
        )
        self._measure = jax.jit(projector.measure, out_shardings=split)

    def starts(self, targets: np.ndarray) -> range:
        """Index of the first image of each batch."""
        return range(0, len(targets), self.renderer.batch_size)

    def batch(self, targets: np.ndarray, start: int, progress: Progress) -> dict:
        """Results for the batch of images that begins at `start`: latents, images, and distances before and after."""
        size, variables = self.renderer.batch_size, self.renderer.variables
        rows = np.arange(start, start + size)
        # The last image is repeated to fill up the last batch.
        images = targets[np.minimum(rows, len(targets) - 1)]
        indices, images = sharding.put_batch((rows.astype(np.uint32), images), self.renderer.mesh)
        target, state = self._target(self.network, images), self._create(self.mean, indices)
        _, before, _ = self._measure(state.latents, variables, self.network, target)
        done, losses = start // size * self.projector.steps, []
        for _ in range(0, self.projector.steps, self.chunk):
            state, loss = self._advance(state, variables, self.network, target, self.deviation, steps=self.chunk)
            losses.append(np.asarray(loss))
            done += self.chunk
            progress.update(done, f"loss {losses[-1].mean():.4g}")
        projected, distance, squares = self._measure(state.latents, variables, self.network, target)
        result = {
            "ws": self.projector.ws(state.latents["w"]),
            "noise": state.latents["noise"],
            "images": stylegan2_ada_uint8(projected),
            "distance": distance,
            "pixels": squares,
            "start_distance": before,
            "losses": np.stack(losses, 1),  # [B, chunks]
        }
        return jax.tree.map(np.asarray, result)


def _square(path: str, resolution: int) -> np.ndarray:
    return center_square(decode.decode(read_bytes(path), path), resolution)


def _write(options: Project, paths: list[str], targets: np.ndarray, found: dict, name: str) -> list[dict]:
    """Writes the results `found` of all images; `name` is the name of the perceptual distance."""
    if not np.isfinite(found["ws"]).all():
        raise InputError("field optimization.learning_rate: the latents are not finite; take a lower learning rate")
    out, entries, keys = Path(options.out), [], ("start_distance", "distance", "pixels")
    for i, path in enumerate(paths):
        pair = grid([targets[i], found["images"][i]], columns=2)
        # The number distinguishes images of the same name.
        write_image(out / "images" / f"{i:05d}_{Path(path).stem}.png", pair)
        entries.append({"file": path, **{key: float(found[key][i]) for key in keys}})
    noise = {f"{latent_files.NOISE}{layer}": maps for layer, maps in found["noise"].items()}
    files.write_arrays(out / "latents.npz", ws=found["ws"], **noise)
    about = {"snapshot": options.snapshot, "space": options.space, "steps": options.steps, "distance": name}
    losses = found["losses"].mean(0)
    every = options.steps // len(losses)
    loss = {"step": list(range(every, options.steps + 1, every)), "mean": losses.tolist()}
    files.write_json(out / "projection.json", {**about, "loss": loss, "images": entries})
    start, end, pixels = (np.mean([entry[key] for entry in entries]) for key in keys)
    print(f"distance ({name}): {start:.4f} at the mean w, {end:.4f} at the end; squared pixel error: {pixels:.4f}")
    print(f"latents: {out / 'latents.npz'}\npictures: {out / 'images'}")
    return entries


if __name__ == "__main__":
    errors.run(main)
