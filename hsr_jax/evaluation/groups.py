"""Groups of metrics of a generator, each with its values and pictures (Sec. 4.3, thesis)."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jax import Array

from common.data.images.source import ImageSource
from common.metrics.attribute_linearity import attribute_linearity, hsr_attribute_linearity
from common.metrics.frechet import fid
from common.metrics.kernel import draw_subsets, kid
from common.metrics.mahalanobis import mahalanobis
from common.metrics.path_length import best_and_worst, trimmed_mean
from common.metrics.precision_recall import precision_recall
from common.pretrained.metric_networks import Embedding, MetricNetworks
from common.terminal import Progress
from hsr_jax.evaluation import feature_sets, measures, pictures
from hsr_jax.evaluation.feature_sets import FeatureSet
from hsr_jax.evaluation.options import Evaluate
from hsr_jax.evaluation.sampler import Sampler
from hsr_jax.published import ATTRIBUTES, published_attribute

WORST_OF, WORST = 5000, 30
"""Number of images among which those with the largest Mahalanobis distance are searched, and number of images shown
(Sec. 4.3.2, thesis)."""
MAX_REAL = 200_000
"""Largest number of real images for precision and recall. Further images are left out, as in StyleGAN2-ADA."""


class Found(NamedTuple):
    """Results of a group of metrics."""

    values: dict[str, float]
    """Values by name of the metric."""
    samples: dict[str, np.ndarray]
    """Values per image or per line."""
    draw: Callable[[], None] = lambda: None
    """Function that writes the pictures, to be called after the values are stored."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A generator and all inputs of its metrics."""

    options: Evaluate
    """Options of the command."""
    sampler: Sampler
    """Generator with numbered images."""
    networks: MetricNetworks
    """Networks of the metrics."""
    source: ImageSource | None
    """Real images; None if no metric needs them."""
    images: str
    """Digest of the real images, see `feature_sets.source_digest`; '' without real images."""
    classifier: tuple[Callable[[Array], Array], tuple[str, ...]] | None
    """Result of `load_classifier`; None if no metric needs it."""
    out: Path
    """Directory of the pictures."""

    def digests(self) -> dict[str, str]:
        """SHA-256 of each input (real images, networks). Two evaluations are comparable if and only if these agree."""
        return ({"real images": self.images} if self.images else {}) | self.networks.digests()


def distribution(job: Evaluation) -> Found:
    """Measures FID, KID, precision, recall and the Mahalanobis distance, each on the features of its own network."""
    if not (job.networks.moments or job.networks.manifold):
        return Found({}, {})
    real = _real(job)
    if job.networks.moments and "mahalanobis" in job.options.metrics:
        # A singular covariance must raise its error before the generator runs.
        moments = real[job.networks.moments.digest].moments
        mahalanobis(np.asarray(moments.mean)[None], moments, job.options.ridge)
    count = job.options.num_images
    keep = _keep(job, {"kid": count, "pr": count, "mahalanobis": min(WORST_OF, count)})
    with Progress("generated images", count) as progress:
        generated = measures.generated_features(job.sampler, _embeddings(job), count, keep, progress.update)
    e = job.networks.moments
    found = _moments(job, e, real[e.digest], generated[e.digest]) if e else Found({}, {})
    if e := job.networks.manifold:
        manifold = real[e.digest].features[:MAX_REAL]  # KID may need more features of the same network
        precision, recall = precision_recall(manifold, generated[e.digest].features, stylegan2_ada=True)
        found.values.update({e.label("precision", "precision"): precision, e.label("recall", "recall"): recall})
    return found


def _moments(job: Evaluation, e: Embedding, real: FeatureSet, generated: FeatureSet) -> Found:
    """Measures FID, KID and the Mahalanobis distance on the features of the network `e`."""
    values, samples, draw = {}, {}, lambda: None
    if "fid" in job.options.metrics:
        pytorch = job.options.fid_variant == "pytorch-fid"
        name = e.label("FID (pytorch-fid)" if pytorch else "FID", "Frechet distance")
        values[name] = fid(real.moments, generated.moments, pytorch_fid=pytorch)
    if "kid" in job.options.metrics:
        subsets = draw_subsets(job.sampler.seed, len(real.features), len(generated.features))
        values[e.label("KID", "kernel distance")] = kid(real.features, generated.features, subsets)
    if "mahalanobis" in job.options.metrics:
        found = samples["mahalanobis"] = mahalanobis(generated.features[:WORST_OF], real.moments, job.options.ridge)
        name = "mean Mahalanobis distance"
        values[e.label(name, name)] = float(found.mean())
        worst = np.argsort(-found, kind="stable")[:WORST]
        captions = [f"{found[i]:.1f}" for i in worst]
        draw = lambda: pictures.images(job.sampler, worst, captions, job.out / "worst_mahalanobis.png")
    return Found(values, samples, draw)


def _real(job: Evaluation) -> dict[str, FeatureSet]:
    """Features of the real images by digest of the network, from the cache if it holds them."""
    source, embeddings = job.source, _embeddings(job)

    def compute(missing: dict[str, int]) -> dict[str, FeatureSet]:
        needed = {digest: embeddings[digest] for digest in missing}
        with Progress("real images", len(source)) as progress:
            return measures.real_features(job.sampler, needed, source, missing, progress.update)

    resolution = job.sampler.generator.resolution
    digests = {e: feature_sets.digest(job.images, resolution, len(source), e) for e in embeddings}
    keep = _keep(job, {"kid": len(source), "pr": min(len(source), MAX_REAL)})
    return feature_sets.cached(job.options.cache, digests, keep, compute)


def _embeddings(job: Evaluation) -> dict[str, Embedding]:
    """Embeddings by digest, so that a network that two metrics share runs only once."""
    return {e.digest: e for e in (job.networks.moments, job.networks.manifold) if e}


def _keep(job: Evaluation, needed: dict[str, int]) -> dict[str, int]:
    """Number of vectors to keep by digest of the network, given the number that each metric needs."""
    keep = dict.fromkeys(_embeddings(job), 0)
    for metric in job.options.metrics & needed.keys():
        if network := job.networks.manifold if metric == "pr" else job.networks.moments:
            keep[network.digest] = max(keep[network.digest], needed[metric])
    return keep


def paths(job: Evaluation) -> Found:
    """Measures the path lengths and their trimmed mean. The pictures show the shortest and the longest tenth."""
    if not job.networks.distance:
        return Found({}, {})
    count = job.options.num_images
    with Progress("path lengths", count, "pairs") as progress:
        lengths = measures.path_lengths(job.sampler, job.networks.distance, count, progress.update)
    captions = lambda index: [f"{lengths[i]:.4g}" for i in index]

    def draw() -> None:
        for title, tenth in zip(("best", "worst"), best_and_worst(lengths), strict=True):
            chosen, extreme = pictures.spread(tenth, job.options.pictures), tenth[:WORST]
            pictures.lines(job.sampler, chosen, captions(chosen), job.out / f"lines_{title}.png")
            pictures.images(job.sampler, extreme, captions(extreme), job.out / f"{title}_path_length.png")

    return Found({job.networks.distance.label: trimmed_mean(lengths)}, {"path_lengths": lengths}, draw)


def linearity(job: Evaluation) -> Found:
    """Measures the attribute linearity score per attribute (Eq. 4.5, thesis), their mean, and the public code's score.

    The mean is called ALS, as in the thesis, only if the classifier has the thesis' six attributes.
    """
    if not job.classifier:
        return Found({}, {})
    classify, names = job.classifier
    with Progress("attributes", job.options.lines * measures.POSITIONS) as progress:
        scores = measures.attribute_scores(job.sampler, classify, job.options.lines, progress.update)
    per_attribute = np.asarray(attribute_linearity(scores))
    values = {f"ALS {name}": float(value) for name, value in zip(names, per_attribute, strict=True)}
    same_attributes = sorted(map(published_attribute, names)) == sorted(ATTRIBUTES)
    values["ALS" if same_attributes else f"ALS (mean of {len(names)})"] = float(per_attribute.mean())
    values["ALS (public code)"] = float(np.mean(hsr_attribute_linearity(scores)))
    draw = lambda: pictures.attribute_lines(job.sampler, scores, names, job.out)
    return Found(values, {"als_scores": scores}, draw)
