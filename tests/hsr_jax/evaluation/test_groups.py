"""Tests groups of metrics and results files without networks: names, limits, comparisons, damaged files."""

import types

import numpy as np
import pytest

from common.config import config_to_dict
from common.errors import InputError
from common.metrics import attribute_linearity, moments
from common.nn.stylegan2 import Generator
from common.pretrained.metric_networks import Embedding, MetricNetworks
from hsr_jax.evaluate import Evaluate
from hsr_jax.evaluation import feature_sets, groups, measures, results
from hsr_jax.published import ATTRIBUTES, published_row


def evaluation(options, networks=None, source=None, classifier=None):
    """Evaluation whose generator never runs."""
    sampler = types.SimpleNamespace(generator=Generator(16), seed=0)
    return groups.Evaluation(options, sampler, networks, source, "images", classifier, None)


def test_only_evaluations_with_equal_options_are_compared():
    asked = config_to_dict(Evaluate(metrics=("fid", "als")))
    digests = {"real images": "a", "the network of the path length": "b"}
    other = results.Results("base", {}, {}, {"evaluate": asked, "digests": digests})
    results.check_alike(other, asked)
    for name in ("real", "classifier", "lines", "batch_size", "substitute_size", "num_images", "seed"):
        with pytest.raises(InputError, match=f"its {name} is "):
            results.check_alike(other, asked | {name: "another"})
    results.check_alike(other, asked | {"ridge": 1.0})  # an option of a metric that neither measured
    results.check_alike(other, asked | {"metrics": ["als"], "real": "training"})
    with pytest.raises(InputError, match="its ridge is 0.0, but here 1.0"):
        both = {"metrics": ["mahalanobis"]}
        results.check_alike(other._replace(document={"evaluate": asked | both}), asked | both | {"ridge": 1.0})

    results.check_digests(other, {"real images": "a", "the network of precision and recall": "c"})
    with pytest.raises(InputError, match="different inputs: real images, the network of the path length; "):
        results.check_digests(other, {"real images": "b", "the network of the path length": "a"})
    with pytest.raises(InputError, match="evaluate that model again"):
        results.check_digests(other._replace(document={"evaluate": asked}), digests)


@pytest.mark.parametrize(
    "names, mean",
    [
        (("Male", "Smiling", "Young"), "ALS (mean of 3)"),
        (("Male", "Smiling", "Young", "hair", "Bangs", "No_Beard"), "ALS"),
        (("Male", "Smiling", "Young", "Black_Hair", "Bangs", "No_Beard"), "ALS (mean of 6)"),
        (ATTRIBUTES, "ALS"),
        ((*ATTRIBUTES, "glasses"), "ALS (mean of 7)"),
    ],
)
def test_the_mean_has_the_thesis_name_only_for_the_thesis_attributes(monkeypatch, names, mean):
    scores = np.random.default_rng(0).normal(size=(2, measures.POSITIONS, len(names))).astype(np.float32)
    monkeypatch.setattr(measures, "attribute_scores", lambda *_: scores)
    found = groups.linearity(evaluation(Evaluate(lines=2), classifier=(None, names)))
    assert set(found.values) == {*(f"ALS {name}" for name in names), mean, "ALS (public code)"}
    np.testing.assert_allclose(found.values[mean], attribute_linearity(scores).mean(), rtol=1e-6)


@pytest.mark.parametrize("metrics, kept", [(("pr",), 6), (("kid", "pr"), 9)])
def test_precision_and_recall_limit_the_real_images(tmp_path, monkeypatch, metrics, kept):
    features, asked = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32), []

    def collected(_, embeddings, __, keep, ___):
        asked.append(keep["d"])
        return {"d": feature_sets.FeatureSet(moments.feature_moments(features), features[: keep["d"]])}

    monkeypatch.setattr(groups, "MAX_REAL", 6)
    monkeypatch.setattr(measures, "real_features", collected)
    monkeypatch.setattr(measures, "generated_features", collected)
    monkeypatch.setattr(groups, "precision_recall", lambda real, generated, **_: (len(real), len(generated)))
    e = Embedding("x", False, None, {}, "d")
    networks = MetricNetworks(moments=e if "kid" in metrics else None, manifold=e)
    options = Evaluate(metrics=metrics, num_images=8, cache=str(tmp_path))
    found = groups.distribution(evaluation(options, networks=networks, source=range(9)))
    assert asked == [kept, 8]
    assert (found.values["precision on x features"], found.values["recall on x features"]) == (6, 8)


DAMAGED = (lambda data: b"", lambda data: b"PK\x03\x04 broken", lambda data: data[: len(data) // 2])


@pytest.mark.parametrize("damage", [*DAMAGED, lambda data: data[:60] + bytes(200) + data[260:]])
def test_damaged_results_are_named_and_damaged_features_recomputed(tmp_path, damage):
    document = {"snapshot": "x", "results": {}, "row": "", "against": None, "evaluate": {"num_images": 8}}
    results.write(tmp_path, document, {"path_lengths": np.random.default_rng(0).normal(size=300)})
    assert results.read(str(tmp_path / "results.json")).samples["path_lengths"].shape == (300,)
    results.write(tmp_path / "none", document, {})
    assert results.read(str(tmp_path / "none" / "results.json")).samples == {}
    path = tmp_path / "samples.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="field against: .*samples.npz"):
        results.read(str(tmp_path / "results.json"))

    made = feature_sets.FeatureSet(moments.feature_moments(np.eye(9)), np.eye(9, dtype=np.float32))
    feature_sets._save(tmp_path / "cached.npz", made)
    assert feature_sets._load(tmp_path / "cached.npz", 9) is not None
    (tmp_path / "cached.npz").write_bytes(damage((tmp_path / "cached.npz").read_bytes()))
    assert feature_sets._load(tmp_path / "cached.npz", 9) is None


def test_published_values_stand_beside_their_own_metric_only():
    ours = {"FID": 50.0, "path length in ViT x features": 1.0, "ALS Smiling": 1.0, "ALS (mean of 1)": 1.0}
    row, values = published_row("table4_5/ffhq10k", "")
    columns, lines = results.table(ours, row, None)
    assert columns == ["metric", "here", f"thesis, {row}"]
    published = [f"{values[name]:.5g}" for name in ("FID", "ALS smile")]
    assert [line[1:] for line in lines[:4]] == [["50", published[0]], ["1", ""], ["1", published[1]], ["1", ""]]
    # Metrics that were not measured follow.
    assert lines[4] == ["PPL", "", f"{values['PPL']:.5g}"]
    assert {line[0] for line in lines[5:]} == {"ALS", *(f"ALS {name}" for name in ATTRIBUTES if name != "smile")}
    assert all(line[1] == "" for line in lines[4:])
    comparison = {"model": "base", "values": {"FID": 100.0}, "change_percent": {"FID": -50.0}}
    columns, lines = results.table(ours, "", comparison)
    assert columns[2:] == ["base", "change %"] and lines[0][2:] == ["100", "-50.0"] and lines[1][2:] == ["", ""]
