"""Shared options of the commands that use a trained generator."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class SnapshotOptions:
    """Options that select a generator."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    batch_size: int = 16
    """Number of images in a batch, rounded up to a multiple of the number of devices."""


@dataclasses.dataclass(frozen=True)
class ImageOptions(SnapshotOptions):
    """Options that select images of a generator. Exactly one of `seeds`, `count` and `latents` must be given."""

    seeds: tuple[int, ...] = ()
    """Seeds of the images, one per image."""
    count: int = 0
    """Number of images, with the seeds 0 to count - 1."""
    latents: str = ""
    """Path of a file with latents that hsr_jax.project wrote. Latents from a file are not truncated."""
    psi: float = 0.7
    """Truncation, a factor of the distance of w from the mean w."""
    label: int | None = None
    """Class, for a conditional generator."""
    animation: Literal["gif", "webp"] = "gif"
    """Format of the animation; WebP keeps all colours."""


@dataclasses.dataclass(frozen=True)
class AttributeOptions(SnapshotOptions):
    """Options that select an attribute of a classifier."""

    classifier: str = "runs/attributes"
    """Work directory of a run of hsr_jax.train_attributes."""
    attribute: str = ""
    """Name of one of the classifier's attributes."""
