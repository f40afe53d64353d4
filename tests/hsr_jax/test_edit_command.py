"""Tests the commands that train a classifier, edit attributes and score lines, end to end with pictures of 16 px."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from common import files
from common.data.images.find import find_images
from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.train.checkpoint import Checkpoints
from hsr_jax import edit, lines, snapshot, train_attributes
from hsr_jax.attributes.build import load_classifier
from hsr_jax.attributes.config import AttributesConfig
from hsr_jax.attributes.data import AttributeDataConfig
from hsr_jax.editing import latent_files
from hsr_jax.editing.renderer import Renderer
from hsr_jax.gan.gan import synthesis

SIZE = 16


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Folder with 48 noisy pictures, bright or dark and reddish or bluish; a table lists 40 of them, another one 8."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    rows = []
    for i in range(48):
        bright, red = i % 2, i // 2 % 2
        colour = 128 + (60 if bright else -60) + (np.array([30, 0, -30]) if red else np.array([-30, 0, 30]))
        pixels = np.clip(colour + rng.normal(0, 30, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
        rows.append(f"{i:02d}.png,{bright},{red}")
    (folder / "train.csv").write_text("\n".join(["file,bright,red", *rows[:40]]))
    (folder / "test.csv").write_text("\n".join(["file,bright,red", *rows[40:]]))
    return folder


def classifier_config(pictures, workdir, **changes):
    config = AttributesConfig(
        workdir=str(workdir),
        data=AttributeDataConfig(
            str(pictures), "train.csv", "test.csv", attributes=("bright", "red"), validation_fraction=0.2, cache_mib=1
        ),
        image_size=SIZE,
        widths=(4, 4, 4, 4),
        depths=(1, 1, 1, 1),
        learning_rate=1e-2,
        steps=60,
        batch_size=16,
        log_every=10,
        eval_every=20,
        save_every=20,
    )
    return dataclasses.replace(config, **changes)


@pytest.fixture(scope="session")
def classifier(pictures, tmp_path_factory):
    """Configuration and results of a finished run, which tests must not change."""
    config = classifier_config(pictures, tmp_path_factory.mktemp("classifier") / "run")
    return config, train_attributes.train(config)


def test_training_attributes(classifier):
    config, results = classifier
    assert set(results) == {"validation", "test"}
    for values in results.values():
        assert values["accuracy"] > 0.9
    assert json.loads((Path(config.workdir) / "results/attributes.json").read_text()) == results
    lines = (Path(config.workdir) / "metrics.jsonl").read_text().splitlines()
    assert any("validation/balanced_accuracy/red" in line for line in lines)


def test_a_loaded_classifier_has_the_accuracy_of_its_training(classifier, pictures, picture):
    apply, names = load_classifier(classifier[0].workdir)
    assert names == ("bright", "red")
    images = np.stack([picture(pictures / f"{i}.png") for i in range(40, 48)]).astype(np.float32) / 127.5 - 1
    logits = np.asarray(jax.jit(apply)(images))
    assert logits.shape == (8, 2)
    right = (logits > 0) == np.array([[i % 2, i // 2 % 2] for i in range(40, 48)])
    assert right.mean() == pytest.approx(classifier[1]["test"]["accuracy"])
    larger = np.asarray(jax.jit(apply)(images.repeat(4, 1).repeat(4, 2)))
    np.testing.assert_allclose(larger, logits, atol=1e-4)


def test_an_interrupted_run_ends_where_a_whole_one_does(classifier, pictures, tmp_path):
    config, results = classifier
    copy = shutil.copytree(config.workdir, tmp_path / "copy")
    shutil.rmtree(copy / "last/60")
    again = train_attributes.train(dataclasses.replace(config, workdir=str(copy)))
    assert again == results
    leaves = [Checkpoints(directory)._header("last", 60)["leaves"] for directory in (config.workdir, copy)]
    assert leaves[0] == leaves[1]
    with pytest.raises(InputError, match="another run"):
        train_attributes.train(classifier_config(pictures, copy, widths=(4, 4, 4, 8)))


def test_a_damaged_classifier_is_named(classifier, tmp_path):
    with pytest.raises(InputError, match="no config.json"):
        load_classifier(str(tmp_path))
    copy = shutil.copytree(classifier[0].workdir, tmp_path / "copy")
    for file in (copy / "best").rglob("*"):
        if file.is_file() and "state" in file.parts:
            file.write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        load_classifier(str(copy))


def test_edit(generator, classifier, picture, tmp_path, capsys):
    argv = f"--snapshot {generator} --classifier {classifier[0].workdir} --attribute bright --count 32 --samples 400"
    argv += f" --strengths -1 0 1 --psi 1 --frames 5 --batch_size 64 --out {tmp_path / 'e'}"
    edit.main(argv.split())
    result = json.loads((tmp_path / "e/edit.json").read_text())
    assert result["told_apart"] > 0.7
    mean = result["mean_scores"]["bright"]
    assert mean[0] < mean[2] < mean[4]  # holds for the mean, not for every image of an untrained generator
    assert result["strengths"] == [-1, -0.5, 0, 0.5, 1]
    assert [len(scores) for scores in result["scores"].values()] == [5] * 32
    np.testing.assert_allclose(np.mean(list(result["scores"].values()), axis=0), mean, atol=1e-4)
    names = {path.name for path in (tmp_path / "e").iterdir()}
    assert names == {"boundary.npz", "edit.json", "edits.gif", "edits.png", "images", "scores.png"}
    # Files sort in the order in which hsr_jax.project reads them.
    singles = [Path(path) for path in find_images([str(tmp_path / "e/images")])]
    edits = [f"{i:05d}_seed{i // 3:05d}_{strength}.png" for i, strength in enumerate(32 * ["-1", "+0", "+1"])]
    assert [path.name for path in singles] == edits
    np.testing.assert_array_equal(picture(singles[1]), picture(tmp_path / "e/edits.png")[4:, SIZE + 8 :][:SIZE, :SIZE])
    with Image.open(tmp_path / "e/edits.gif") as animation:
        assert animation.n_frames == 8

    # The stored boundary can be reused, and a direction that keeps an attribute is orthogonal to its normal.
    module, _ = snapshot.load(generator)
    options = edit.Edit(
        snapshot=generator,
        classifier=classifier[0].workdir,
        attribute="bright",
        count=32,
        strengths=(-1.0, 1.0),
        psi=1.0,
        frames=5,
        samples=400,
        batch_size=64,
    )
    again = edit.edit(
        dataclasses.replace(options, boundary=str(tmp_path / "e/boundary.npz"), out=str(tmp_path / "again"))
    )
    np.testing.assert_allclose(again["mean_scores"]["bright"], mean, atol=1e-4)
    edit.edit(dataclasses.replace(options, attribute="red", out=str(tmp_path / "red")))
    kept = edit.edit(dataclasses.replace(options, keep=("red",), out=str(tmp_path / "keep")))
    conditional = latent_files.load_boundary(tmp_path / "keep/boundary.npz", module, "bright", 1)
    red = latent_files.load_boundary(tmp_path / "red/boundary.npz", module, "red", 1)
    assert abs(conditional.normal @ red.normal) < 1e-5
    assert kept["told_apart"] is None and np.isnan(conditional.accuracy) and red.accuracy > 0.5
    with pytest.raises(InputError, match=r"this generator's w is \[7\]"):
        latent_files.load_boundary(tmp_path / "red/boundary.npz", Generator(SIZE, w_dim=7), "red", 1)
    for change, message in (({"attribute": "red"}, "'bright', not 'red'"), ({"psi": 0.7}, "psi 1, not 0.7")):
        with pytest.raises(InputError, match=message):
            edit.edit(dataclasses.replace(options, boundary=str(tmp_path / "e/boundary.npz"), **change))


def test_lines(generator, classifier, picture, tmp_path, capsys):
    module, variables = snapshot.load(generator)
    ws = np.array(Renderer(generator, 4).latents([3, 1, 4, 1]))
    files.write_arrays(tmp_path / "latents.npz", ws=ws)
    argv = f"--snapshot {generator} --classifier {classifier[0].workdir} --attribute red --frames 5"
    lines.main(f"{argv} --latents {tmp_path / 'latents.npz'} --out {tmp_path / 'l'}".split())
    result = json.loads((tmp_path / "l/lines.json").read_text())
    assert {path.name for path in (tmp_path / "l").iterdir()} == {
        "lines.json",
        "lines.png",
        "line00000.png",
        "line00001.png",
    }
    assert (result["t"], [line["latents"] for line in result["lines"]]) == ([0, 0.25, 0.5, 0.75, 1], [[0, 1], [2, 3]])
    # The frames of the second line, one by one.
    apply, names = load_classifier(classifier[0].workdir)
    score = jax.jit(lambda ws: apply(synthesis(module, variables, ws)[0]))
    found = np.array([score((ws[2] + t * (ws[3] - ws[2]))[None])[0, names.index("red")] for t in result["t"]])
    np.testing.assert_allclose(result["lines"][1]["scores"], found, atol=1e-3)
    off = found - found[0] - np.array(result["t"]) * (found[-1] - found[0])
    np.testing.assert_allclose(result["lines"][1]["linearity"], np.square(off)[1:].mean(), rtol=1e-2, atol=1e-6)
    both = [line["linearity"] for line in result["lines"]]
    np.testing.assert_allclose(result["linearity"]["red"], np.mean(both), rtol=1e-5)
    assert set(result["linearity"]) == {"bright", "red"}
    # Both lines end at the same latent.
    shown = picture(tmp_path / "l/lines.png")
    rows = [shown[top + 4 :, 4 * (SIZE + 4) + 4 :][:SIZE, :SIZE] for top in (0, len(shown) // 2 - 2)]
    np.testing.assert_array_equal(*rows)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"attribute": "rad"}, "field attribute: rad.*nearest is red"),
        ({"frames": 2}, "field frames"),
        ({"latents": "missing.npz"}, "missing.npz"),
        ({}, "3 latents do not form pairs"),
    ],
)
def test_wrong_fields_of_lines(generator, classifier, tmp_path, change, message):
    ws = np.zeros((3, num_ws(SIZE), 5), np.float32)
    files.write_arrays(tmp_path / "latents.npz", ws=ws)
    options = lines.Lines(
        snapshot=generator,
        classifier=classifier[0].workdir,
        attribute="red",
        latents=str(tmp_path / "latents.npz"),
        out=str(tmp_path / "l"),
    )
    with pytest.raises(InputError, match=message):
        lines.lines(dataclasses.replace(options, **change))
    assert not (tmp_path / "l").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"attribute": "bryght"}, "nearest is bright"),
        ({"keep": ("smile",)}, "field keep"),
        ({"keep": ("bright",)}, "field keep: bright is the attribute to edit"),
        ({"strengths": (1.0,)}, "field.* strengths"),
        ({"seeds": (1,)}, "seeds and count given"),
        ({"count": 0}, "none given"),
        ({"samples": 20}, "draw more samples"),
        ({"boundary": "missing.npz"}, "missing.npz"),
        ({"snapshot": "missing.pkl"}, "missing.pkl"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_wrong_fields_of_an_edit(generator, classifier, tmp_path, change, message):
    options = edit.Edit(
        snapshot=generator,
        classifier=classifier[0].workdir,
        attribute="bright",
        count=1,
        samples=200,
        out=str(tmp_path / "e"),
    )
    with pytest.raises(InputError, match=message):
        edit.edit(dataclasses.replace(options, **change))
    assert not (tmp_path / "e").exists()


def test_a_dry_run_writes_nothing(pictures, tmp_path, capsys):
    train_attributes.describe(classifier_config(pictures, tmp_path / "run"))
    printed = capsys.readouterr().out
    assert "logits [16, 2]" in printed and "data.table = train.csv" in printed
    assert not (tmp_path / "run").exists()
