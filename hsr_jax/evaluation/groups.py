"""The metrics of a generator by groups, each with its numbers and its pictures (Sec. 4.3, thesis)."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jax import Array

from common.data.images.source import ImageSource
from common.metrics import attribute_linearity, frechet, kernel, path_length
from common.metrics.mahalanobis import mahalanobis
from common.metrics.precision_recall import precision_recall
from common.pretrained.metric_networks import Embedding, MetricNetworks
from common.terminal import Progress
from hsr_jax.evaluation import feature_sets, measures, pictures
from hsr_jax.evaluation.feature_sets import FeatureSet
from hsr_jax.evaluation.sampler import Sampler
from hsr_jax.published import ATTRIBUTES, published_attribute

WORST_OF, WORST = 5000, 30
"""Images among which the worst by Mahalanobis distance are looked for, and how many are shown (Sec. 4.3.2, thesis)."""
MAX_REAL = 200_000
"""Real images of precision and recall at most, the first ones; as StyleGAN2-ADA has it."""


class Found(NamedTuple):
    """What a group of metrics gives."""

    values: dict[str, float]
    """By the metric's name."""
    samples: dict[str, np.ndarray]
    """Numbers of single images or lines."""
    draw: Callable[[], None] = lambda: None
    """Writes the pictures; the numbers can be stored before."""


class Classifier(NamedTuple):
    """As `hsr_jax.attributes.build.load_classifier` gives it."""

    apply: Callable[[Array], Array]
    """Images [B, R, R, 3] in about [-1, 1] -> logits [B, A]."""
    names: tuple[str, ...]
    """Of the A attributes."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What is measured, and with what; the fields of `hsr_jax.evaluate` that the metrics read."""

    sampler: Sampler
    networks: MetricNetworks
    source: ImageSource | None
    """Real images; None where no metric needs them."""
    images: str
    """Their `feature_sets.source_digest`; '' without them."""
    metrics: frozenset[str]
    num_images: int
    lines: int
    ridge: float
    unbiased: bool
    """FID as pytorch-fid has it."""
    classifier: Classifier | None
    """None where no metric needs it."""
    cache: str
    rows: int
    """Of the pictures."""
    out: Path

    def digests(self) -> dict[str, str]:
        """By what it is, that which the numbers are of; two evaluations compare where these are equal."""
        return {name: digest for name, digest in (("real images", self.images),) if digest} | self.networks.digests()


def distribution(job: Evaluation) -> Found:
    """FID, KID, precision, recall and the worst images, each on the features that its network is for."""
    if not (job.networks.moments or job.networks.manifold):
        return Found({}, {})
    real = _real(job)
    if "mahalanobis" in job.metrics:  # a covariance that is singular shows before the generator runs
        moments = real[job.networks.moments.digest].moments
        mahalanobis(np.asarray(moments.mean)[None], moments, job.ridge)
    keep = _keep(job, {"kid": job.num_images, "pr": job.num_images, "mahalanobis": min(WORST_OF, job.num_images)})
    with Progress("generated images", job.num_images) as progress:
        generated = measures.generated_features(job.sampler, _embeddings(job), job.num_images, keep, progress.update)
    e = job.networks.moments
    found = _moments(job, e, real[e.digest], generated[e.digest]) if e else Found({}, {})
    if e := job.networks.manifold:
        manifold = real[e.digest].features[:MAX_REAL]  # more are there where another metric kept them
        precision, recall = precision_recall(manifold, generated[e.digest].features, stylegan2_ada=True)
        found.values.update({e.label("precision", "precision"): precision, e.label("recall", "recall"): recall})
    return found


def _moments(job: Evaluation, e: Embedding, real: FeatureSet, generated: FeatureSet) -> Found:
    values, samples, draw = {}, {}, lambda: None
    if "fid" in job.metrics:
        name = e.label("FID (pytorch-fid)" if job.unbiased else "FID", "Frechet distance")
        values[name] = frechet.fid(real.moments, generated.moments, pytorch_fid=job.unbiased)
    if "kid" in job.metrics:
        subsets = kernel.draw_subsets(job.sampler.seed, len(real.features), len(generated.features))
        values[e.label("KID", "kernel distance")] = kernel.kid(real.features, generated.features, subsets)
    if "mahalanobis" in job.metrics:
        found = samples["mahalanobis"] = mahalanobis(generated.features[:WORST_OF], real.moments, job.ridge)
        name = "mean Mahalanobis distance"
        values[e.label(name, name)] = float(found.mean())
        worst = np.argsort(-found, kind="stable")[:WORST]
        captions = [f"{found[i]:.1f}" for i in worst]
        draw = lambda: pictures.images(job.sampler, worst, captions, job.out / "worst_mahalanobis.png")
    return Found(values, samples, draw)


def _real(job: Evaluation) -> dict[str, FeatureSet]:
    """Features of the real images by the digest of the network, from the cache where they are there."""
    source, sampler, embeddings = job.source, job.sampler, _embeddings(job)
    resolution = sampler.generator.resolution

    def compute(missing: dict[str, int]) -> dict[str, FeatureSet]:
        with Progress("real images", len(source)) as progress:
            return measures.real_features(
                source,
                {digest: embeddings[digest] for digest in missing},
                sampler.mesh,
                resolution=resolution,
                batch_size=sampler.batch_size,
                keep=missing,
                on_batch=progress.update,
            )

    digests = {e: feature_sets.digest(job.images, resolution, len(source), e) for e in embeddings}
    keep = _keep(job, {"kid": len(source), "pr": min(len(source), MAX_REAL)})
    return feature_sets.cached(job.cache, digests, keep, compute)


def _embeddings(job: Evaluation) -> dict[str, Embedding]:
    """By digest: a network that serves two groups runs once."""
    return {e.digest: e for e in (job.networks.moments, job.networks.manifold) if e}


def _keep(job: Evaluation, needed: dict[str, int]) -> dict[str, int]:
    """How many vectors to keep of each network, given how many a metric needs."""
    keep = dict.fromkeys(_embeddings(job), 0)
    for metric in job.metrics & needed.keys():
        digest = (job.networks.manifold if metric == "pr" else job.networks.moments).digest
        keep[digest] = max(keep[digest], needed[metric])
    return keep


def paths(job: Evaluation) -> Found:
    """Path lengths, their trimmed mean, and lines and images of the best and the worst tenth."""
    if not job.networks.distance:
        return Found({}, {})
    with Progress("path lengths", job.num_images, "pairs") as progress:
        lengths = measures.path_lengths(job.sampler, job.networks.distance, job.num_images, progress.update)
    captions = lambda chosen: [f"{lengths[i]:.4g}" for i in chosen]

    def draw() -> None:
        for title, tenth in zip(("best", "worst"), path_length.best_and_worst(lengths), strict=True):
            chosen = pictures.spread(tenth, job.rows)
            pictures.lines(job.sampler, chosen, captions(chosen), job.out / f"lines_{title}.png")
            pictures.images(job.sampler, tenth[:WORST], captions(tenth[:WORST]), job.out / f"{title}_path_length.png")

    return Found({job.networks.distance.label: path_length.trimmed_mean(lengths)}, {"path_lengths": lengths}, draw)


def linearity(job: Evaluation) -> Found:
    """Attribute linearity score: of the document (Eq. 4.5) by attribute, and as the public code has it.

    The mean is called as the document's is where it is of the same six attributes.
    """
    if not job.classifier:
        return Found({}, {})
    classify, names = job.classifier
    with Progress("attributes", job.lines * measures.PLACES) as progress:
        scores = measures.attribute_scores(job.sampler, classify, job.lines, progress.update)
    each = np.asarray(attribute_linearity.attribute_linearity(scores))
    values = {f"ALS {name}": float(value) for name, value in zip(names, each, strict=True)}
    alike = sorted(map(published_attribute, names)) == sorted(ATTRIBUTES)
    values["ALS" if alike else f"ALS (mean of {len(names)})"] = float(each.mean())
    values["ALS (public code)"] = float(np.mean(attribute_linearity.hsr_attribute_linearity(scores)))
    draw = lambda: pictures.attribute_lines(job.sampler, scores, names, job.out)
    return Found(values, {"als_scores": scores}, draw)
