"""Options of `hsr_jax.evaluate`."""

import dataclasses
from typing import Literal

from common.pretrained import metric_networks
from hsr_jax.config import ImageDataConfig

Metric = Literal["fid", "kid", "pr", "mahalanobis", "ppl", "als"]


@dataclasses.dataclass(frozen=True)
class Evaluate(metric_networks.Files):
    """Options of the evaluation: the generator, the metrics with their networks, and the real images."""

    snapshot: str = ""
    """Work directory of a run, an imported directory, or a StyleGAN2 checkpoint."""
    metrics: tuple[Metric, ...] = ("fid", "kid", "pr", "ppl")
    """Metrics to measure: `pr` is precision and recall, `mahalanobis` finds the worst images, `als` is the attribute
    linearity score."""
    num_images: int = 50_000
    """Number of generated images, and of pairs for the path length."""
    data: ImageDataConfig = ImageDataConfig()
    """Real images, which are resized to the generator's resolution. If `source` is empty, they are the run's images,
    and only `data_dir`, `manual_dir` and `cache_mib` may be given."""
    real: Literal["full", "training"] = "full"
    """Which of the run's images are used: all images of its source, as in StyleGAN2-ADA even for limited data, or only
    the images of the training."""
    fid_variant: metric_networks.FidVariant = "stylegan2-ada"
    """Implementation whose resizing and covariance FID follows; pytorch-fid divides the covariance by N - 1."""
    ridge: float = 0.0
    """Ridge of the Mahalanobis distance, relative to the mean variance of a feature. Needed if there are fewer real
    images than features, and for the features of a ViT."""
    classifier: str = ""
    """Work directory of a run of hsr_jax.train_attributes, for `als`."""
    lines: int = 1000
    """Number of lines in W for `als`."""
    seed: int = 0
    """Seed of latents, noise, labels and subsets."""
    batch_size: int = 32
    """Number of images per batch over all devices."""
    cache: str = "data/features"
    """Directory in which the features of real images are stored for later evaluations."""
    row: str = ""
    """Row of the thesis' tables whose published values are shown, such as `table4_5/dog`; empty takes the run's row."""
    against: str = ""
    """Path to results.json of another model that was evaluated with the same options. Adds the relative change of each
    metric, both distributions of path lengths, and a signed-rank test."""
    pictures: int = 8
    """Number of rows of the pictures."""
    out: str = ""
    """Directory of the results; empty takes `results/` in the work directory."""
