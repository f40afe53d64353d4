"""Tests the evaluation command with tiny networks: substitutes, published names, cache, comparison of two models."""

import dataclasses
import functools
import shutil
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from common import files
from common.config import config_to_dict
from common.errors import InputError
from common.metrics import attribute_linearity, path_length
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.train.checkpoint import Checkpoints
from common.weights import formats
from common.weights.networks.table import shapes
from hsr_jax import build, evaluate
from hsr_jax.config import GanConfig, ImageDataConfig, NetworksConfig
from hsr_jax.evaluate import Evaluate
from hsr_jax.evaluation import measures, pictures, results

SIDE, IMAGES = 16, 20
GENERATOR = Generator(SIDE, z_dim=6, w_dim=6, num_layers=1, channel_base=64, channel_max=8)
RESNET = ResNet((2, 2, 2, 2), (1, 1, 1, 1))
KIND = "ResNet substitute (64 px) features"


@functools.cache
def variables() -> dict:
    return jax.jit(GENERATOR.init)(jax.random.key(0), jnp.zeros((1, 6)))


@pytest.fixture(scope="module")
def place(tmp_path_factory, save_arrays):
    """Folder with images of 16 px, a generator's snapshot and a ResNet."""
    folder, rng = tmp_path_factory.mktemp("place"), np.random.default_rng(0)
    (folder / "images").mkdir()
    for i in range(IMAGES):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{i:02}.png")
    save_arrays(folder / "generator.safetensors", formats.find("stylegan2-ada").arrays(variables(), GENERATOR))
    template = shapes(RESNET, (1, 32, 32, 3))
    drawn = jax.tree.map(lambda x: np.square(rng.normal(0.2, 0.3, x.shape)) + 0.01, template)
    save_arrays(folder / "substitute.safetensors", formats.find("resnet").arrays(drawn, RESNET))
    return folder


def options(place: Path, folder: Path, **changes) -> Evaluate:
    return dataclasses.replace(
        Evaluate(
            snapshot=str(place / "generator.safetensors"),
            data=ImageDataConfig(source=str(place / "images"), resolution=SIDE),
            substitute=str(place / "substitute.safetensors"),
            substitute_size=64,
            num_images=20,
            batch_size=8,
            ridge=1e-3,
            pictures=2,
            cache=str(place / "cache"),
            out=str(folder),
        ),
        **changes,
    )


def test_all_metrics_with_substitutes_and_a_second_model(place, tmp_path, capsys, monkeypatch):
    everything = options(place, tmp_path / "a", metrics=("fid", "kid", "pr", "mahalanobis", "ppl"))
    found = evaluate.evaluate(everything)
    assert set(found) == {
        f"Frechet distance on {KIND}",
        f"kernel distance on {KIND}",
        f"precision on {KIND}",
        f"recall on {KIND}",
        f"mean Mahalanobis distance on {KIND}",
        f"path length in {KIND}",
    }
    assert all(np.isfinite(value) for value in found.values())
    written = capsys.readouterr().out
    assert not any(name in written.split() for name in ("FID", "KID", "PPL"))

    stored = results.read(str(tmp_path / "a" / "results.json"))
    assert stored.values == found and stored.document["row"] == ""
    lengths = stored.samples["path_lengths"]
    assert lengths.shape == stored.samples["mahalanobis"].shape == (20,)
    assert path_length.trimmed_mean(lengths) == found[f"path length in {KIND}"]
    names = {"path_lengths", "lines_best", "lines_worst", "best_path_length", "worst_path_length"}
    for name in names | {"worst_mahalanobis", "rgb"}:
        assert (tmp_path / "a" / f"{name}.png").stat().st_size > 500

    # A second evaluation compared with the first: nothing differs, and the real images are not read again.
    monkeypatch.setattr(measures, "real_features", None)
    again = dataclasses.replace(everything, out=str(tmp_path / "b"), against=str(tmp_path / "a" / "results.json"))
    assert evaluate.evaluate(again) == found
    against = files.read_json(tmp_path / "b" / "results.json")["against"]
    assert against["change_percent"] == dict.fromkeys(against["change_percent"], 0.0) and against["values"] == found
    assert against["wilcoxon"] == {"pairs": 20, "statistic": 0.0, "p": 1.0}

    with pytest.raises(InputError, match="field against: its seed is 0, but here 1"):
        evaluate.evaluate(dataclasses.replace(again, seed=1))
    shutil.copytree(place / "images", tmp_path / "images")
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / "images" / "03.png")
    others = ImageDataConfig(source=str(tmp_path / "images"), resolution=SIDE)
    with pytest.raises(InputError, match="field against: used different inputs: real images; "):
        evaluate.evaluate(dataclasses.replace(again, data=others))


def test_what_is_measured_stays_whatever_comes_after(place, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("killed")

    both = options(place, tmp_path / "a", metrics=("fid", "ppl"), row="table4_5/dog")
    monkeypatch.setattr(pictures, "lines", fail)
    with pytest.raises(RuntimeError, match="killed"):
        evaluate.evaluate(both)
    assert set(results.read(str(tmp_path / "a" / "results.json")).values) == {
        f"Frechet distance on {KIND}",
        f"path length in {KIND}",
    }
    monkeypatch.setattr(measures, "path_lengths", fail)
    with pytest.raises(RuntimeError, match="killed"):
        evaluate.evaluate(dataclasses.replace(both, out=str(tmp_path / "b")))
    document = files.read_json(tmp_path / "b" / "results.json")
    assert set(document["results"]) == {f"Frechet distance on {KIND}"}
    assert document["published"] == {"FID": 53.28, "PPL": 59.27}
    written = (tmp_path / "b" / "table.md").read_text()
    assert "| metric | here | thesis, table4_5/dog |\n| --- | ---: | ---: |" in written
    assert "| FID |  | 53.28 |" in written  # a substitute's number does not stand beside it


def test_a_classifier_is_opened_before_anything_is_measured(place, tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "generated_features", None)
    with pytest.raises(InputError, match="nowhere: no config.json"):
        evaluate.evaluate(options(place, tmp_path, metrics=("fid", "als"), classifier="nowhere"))


def test_attribute_linearity(place, tmp_path, monkeypatch):
    linear = options(place, tmp_path / "als", metrics=("als",), lines=3)
    classify = lambda images: jnp.stack([images.mean((1, 2, 3)), jnp.full(len(images), 2.0)], 1)
    monkeypatch.setattr(evaluate, "load_classifier", lambda path: (classify, ("smile", "age")))
    found = evaluate.evaluate(dataclasses.replace(linear, classifier="there"))
    scores = results.read(str(tmp_path / "als" / "results.json")).samples["als_scores"]
    assert scores.shape == (3, 11, 2)
    each = attribute_linearity(scores)
    assert found["ALS smile"] == float(each[0]) > 0 and found["ALS age"] == 0
    np.testing.assert_allclose(found["ALS (mean of 2)"], found["ALS smile"] / 2)
    for name in ("als", "als_smile", "als_age", "als_lines", "rgb"):
        assert (tmp_path / "als" / f"{name}.png").stat().st_size > 500


def test_a_run_brings_its_images_and_its_row(place, tmp_path, monkeypatch):
    """The test saves the state of an untrained run."""
    sizes = NetworksConfig(z_dim=6, w_dim=6, mapping_layers=1, channel_base=64, channel_max=8)
    run = tmp_path / "table4_5" / "dog"
    data = ImageDataConfig(source=str(place / "images"), resolution=32, max_images=9)
    config = GanConfig(workdir=str(run), data=data, networks=sizes)
    generator = build.build_gan(config).generator
    g = jax.jit(generator.init)(jax.random.key(1), jnp.zeros((1, 6)))
    checkpoints = Checkpoints(run)
    checkpoints.save(3, {"ema_params": g["params"], "ema_model_state": {n: x for n, x in g.items() if n != "params"}})
    checkpoints.close()
    files.write_json(run / "config.json", config_to_dict(config))

    o = options(place, "", snapshot=str(run), data=ImageDataConfig(), metrics=("fid",))
    assert len(evaluate._source(o, config, generator)) == IMAGES  # all images, although the run used nine
    assert len(evaluate._source(dataclasses.replace(o, real="training"), config, generator)) == 9
    evaluate.evaluate(o)
    assert files.read_json(run / "results" / "results.json")["row"] == "table4_5/dog"

    # The location of the images may change, but not the choice of images.
    moved = dataclasses.replace(o, data=ImageDataConfig(data_dir="there", manual_dir="other", cache_mib=1))
    opened = lambda data, seed: types.SimpleNamespace(data=data, labels=np.zeros(0))
    monkeypatch.setattr(evaluate.sources, "open_source", opened)
    expected = dataclasses.replace(data, data_dir="there", manual_dir="other", cache_mib=1, max_images=0)
    assert evaluate._source(moved, config, generator).data == expected
    for name, value in (("split", "train"), ("max_images", 5), ("table", "a.csv")):
        with pytest.raises(InputError, match=f"fields data.{name}: given without data.source"):
            evaluate._check(dataclasses.replace(o, data=ImageDataConfig(cache_mib=1, **{name: value})))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"snapshot": ""}, "field snapshot: empty"),
        ({"snapshot": "runs/mistyped", "out": ""}, "field snapshot: runs/mistyped: no such file or directory"),
        ({"metrics": ()}, "field metrics: empty"),
        ({"metrics": ("als",)}, r"field classifier \(for als\): empty; .*train_attributes"),
        ({"metrics": ("ppl",), "data": ImageDataConfig(split="train")}, "fields data.split: given without data.source"),
        ({"num_images": 4}, "at least 8 images"),
        ({"out": ""}, "field out"),
        ({"substitute": ""}, r"inception \(for kid\), pr_network \(for pr\), lpips \(for ppl\)"),
        ({"data": ImageDataConfig()}, "field data.source"),
        ({"row": "table5"}, "field row"),
        ({"against": "none.json"}, "none.json"),
        ({"metrics": ("mahalanobis",), "ridge": 0.0, "cache": "elsewhere"}, "ridge"),
    ],
)
def test_what_a_user_can_put_right(place, tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        evaluate.evaluate(options(place, tmp_path / "out", **changes))


def test_the_command_line(place, tmp_path, capsys):
    """Fields of networks have their names on the command line, and metrics are checked."""
    argv = ["--snapshot", str(place / "generator.safetensors"), "--metrics", "fid", "--out", str(tmp_path)]
    with pytest.raises(InputError, match="fields inception"):
        evaluate.main(argv)
    with pytest.raises(InputError, match="metrics"):
        evaluate.main([*argv, "--metrics", "fidelity"])
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"--{name}" in shown for name in ("inception", "lpips", "pr_network", "substitute", "data.source"))
