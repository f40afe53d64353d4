"""Options that the commands on a trained generator share."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class SnapshotOptions:
    """Which generator."""

    snapshot: str = "runs/hsr"
    """Work directory of a run, an imported directory, or a checkpoint."""
    batch_size: int = 16
    """Number of images in a batch, rounded up to a multiple of the number of devices."""


@dataclasses.dataclass(frozen=True)
class ImageOptions(SnapshotOptions):
    """Which images of a generator: those of `seeds`, of `count` or of `latents`."""

    seeds: tuple[int, ...] = ()
    """One image per seed."""
    count: int = 0
    """Instead of seeds: the images of seeds 0 to count - 1."""
    latents: str = ""
    """Instead of seeds: the file with latents that hsr_jax.project wrote; they are not truncated."""
    psi: float = 0.7
    """Truncation: the distance of w from the mean w is multiplied by it."""
    label: int | None = None
    """Class, for a conditional generator."""
    animation: Literal["gif", "webp"] = "gif"
    """Format of the animation; WebP keeps all colours."""


@dataclasses.dataclass(frozen=True)
class AttributeOptions(SnapshotOptions):
    """Which attribute, and whose scores."""

    classifier: str = "runs/attributes"
    """Work directory of a run of hsr_jax.train_attributes."""
    attribute: str = ""
    """Name of one of the classifier's attributes."""
