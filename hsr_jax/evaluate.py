"""Measures a trained generator (FID, KID, precision, recall, PPL, attribute linearity); writes tables and pictures.

    python -m hsr_jax.evaluate --snapshot runs/hsr/table4_5/dog_hsr --inception weights/pytorch-fid/... \\
        --lpips weights/lpips-parts/vgg --pr_network vgg16.pth --against runs/hsr/table4_5/dog/results/results.json

If the network of a metric is missing, `--substitute vit.safetensors` takes another one, whose values get other names.
`python -m hsr_jax.tables` collects the results of several runs in the tables of the thesis.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from common import errors
from common.config import config_diff, config_to_dict, parse_command
from common.data.images.source import ImageSource
from common.errors import InputError
from common.nn.stylegan2 import Generator
from common.pretrained import metric_networks
from common.terminal import print_table
from common.train import sharding, workdir
from hsr_jax import snapshot, sources
from hsr_jax.attributes.build import load_classifier
from hsr_jax.config import GanConfig, ImageDataConfig
from hsr_jax.evaluation import feature_sets, groups, pictures, results
from hsr_jax.evaluation.groups import Evaluation
from hsr_jax.evaluation.options import Evaluate
from hsr_jax.evaluation.sampler import Sampler
from hsr_jax.published import published_row

LOCAL_FIELDS = ("data_dir", "manual_dir", "cache_mib")
"""Fields of `ImageDataConfig` that depend on this machine, not on which images are used."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    sharding.initialize()
    evaluate(parse_command(argv, default=Evaluate())[0])


def evaluate(options: Evaluate) -> dict[str, float]:
    """Writes results.json, samples.npz, table.md and pictures, prints the table, and returns the values by metric.

    The files are written after each group of metrics and before its pictures, so that a later failure loses no value.
    """
    run = _check(options)
    other = results.read(options.against) if options.against else None
    if other:
        results.check_alike(other, config_to_dict(options))
    row, published = published_row(options.row, run.workdir if run else "")
    job = _prepare(options, run)
    if other:
        results.check_digests(other, job.digests())
    document = {"snapshot": options.snapshot, "row": row, "published": published}
    document |= {"digests": job.digests(), "evaluate": config_to_dict(options)}
    values, samples, comparison = {}, {}, None
    for measure in (groups.distribution, groups.paths, groups.linearity):
        found = measure(job)
        if not found.values:
            continue
        values |= found.values
        samples |= found.samples
        comparison = results.compare(values, samples, other) if other else None
        if jax.process_index() == 0:
            results.write(job.out, document | {"results": values, "against": comparison}, samples)
        found.draw()
    _draw(job, samples, other)
    if jax.process_index() == 0:
        print_table(f"{options.snapshot}, {options.num_images} images", *results.table(values, row, comparison))
        if comparison and "wilcoxon" in comparison:
            print("path lengths, signed-rank test on {pairs} pairs: p = {p:.3g}".format(**comparison["wilcoxon"]))
        print(f"results: {job.out / results.DOCUMENT}  pictures: {job.out}")
    return values


def _prepare(options: Evaluate, run: GanConfig | None) -> Evaluation:
    """Opens all inputs, so that their errors appear before anything is measured."""
    classifier = load_classifier(options.classifier) if "als" in options.metrics else None
    networks = metric_networks.choose(options.metrics, options, options.fid_variant)
    generator, variables = snapshot.load(options.snapshot)
    source = _source(options, run, generator)
    labels = np.stack([source.labels[i] for i in range(len(source))]) if source and generator.c_dim else None
    mesh = sharding.make_mesh()
    sampler = Sampler(generator, variables, mesh, seed=options.seed, batch_size=options.batch_size, labels=labels)
    images = feature_sets.source_digest(source) if source else ""
    out = Path(options.out or f"{options.snapshot}/results")
    return Evaluation(options, sampler, networks, source, images, classifier, out)


def _check(options: Evaluate) -> GanConfig | None:
    """Checks the options; returns the run's configuration if the snapshot is a run, otherwise None."""
    if not options.snapshot:
        raise InputError("field snapshot: empty; name a run's work directory or a checkpoint")
    if not Path(options.snapshot).exists():
        raise InputError(f"field snapshot: {options.snapshot}: no such file or directory")
    if not options.metrics:
        raise InputError("field metrics: empty; name at least one")
    if min(options.num_images, options.batch_size, options.lines, options.pictures) < 1 or options.num_images < 8:
        raise InputError("fields num_images, batch_size, lines, pictures: too small; take at least 8 images and 1 each")
    if "als" in options.metrics and not options.classifier:
        raise InputError(
            "field classifier (for als): empty; name the work directory of a run of hsr_jax.train_attributes, or "
            "remove als from field metrics"
        )
    stray = [f"data.{name}" for name in _given(options.data) if name not in LOCAL_FIELDS]
    if stray and not options.data.source:
        raise InputError(f"fields {', '.join(stray)}: given without data.source; name the source of the images")
    if not Path(options.snapshot).is_dir() and not options.out:
        raise InputError("field out: empty, and the snapshot is a file; name a directory for the results")
    is_run = (Path(options.snapshot) / workdir.CONFIG).is_file()
    return workdir.read_config(GanConfig, options.snapshot) if is_run else None


def _source(options: Evaluate, run: GanConfig | None, generator: Generator) -> ImageSource | None:
    """Opens the real images; None if neither a metric nor the labels of a conditional generator need them."""
    if not set(options.metrics) & set(results.NEED_REAL) and not generator.c_dim:
        return None
    data, seed = options.data, options.seed
    if run and not data.source:
        data, seed = dataclasses.replace(run.data, **_given(data)), run.seed
        data = data if options.real == "training" else dataclasses.replace(data, max_images=0)
    source = sources.open_source(dataclasses.replace(data, labels=bool(generator.c_dim)), seed)
    if source.labels.size != generator.c_dim:
        raise InputError(
            f"field data.source: its labels have {source.labels.size} values, but the generator takes "
            f"{generator.c_dim}; name the images that it was trained on"
        )
    return source


def _given(data: ImageDataConfig) -> dict[str, Any]:
    """Fields of `data` that differ from their defaults, by name."""
    return {name: getattr(data, name) for name in config_diff(ImageDataConfig(), data)}


def _draw(job: Evaluation, samples: dict[str, np.ndarray], other: results.Results | None) -> None:
    """Draws the curves of this model and of the other model if there is one, and images at all resolutions."""
    name, distance = job.options.snapshot, job.networks.distance
    against = f"{other.name} (against)" if other else ""
    if distance and "path_lengths" in samples:
        # Path lengths from different networks have different scales and are not drawn together.
        others = {against: other.samples["path_lengths"]} if other and distance.label in other.values else {}
        pictures.histogram({name: samples["path_lengths"]} | others, job.out / "path_lengths.png", distance.label)
    if "als_scores" in samples:
        others = {against: other.samples["als_scores"]} if other and "als_scores" in other.samples else {}
        pictures.linearity({name: samples["als_scores"]} | others, job.out / "als.png")
    first = np.arange(min(job.options.pictures, 4))
    pictures.resolutions(job.sampler.frames(first, np.zeros(len(first))), job.out / "rgb.png")


if __name__ == "__main__":
    errors.run(main)
