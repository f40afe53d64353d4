"""The commands that use a trained generator, end to end: one for 16 px, with a classifier of its brightness."""

import contextlib
import dataclasses
import json
import logging
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from common.errors import InputError
from common.nn.stylegan2 import Generator, num_ws
from common.train.checkpoint import Checkpoints
from common.weights import formats
from hsr_jax import attributes, edit, export, generate, latent_files, project, snapshot, train_attributes
from hsr_jax.attribute_data import Data
from hsr_jax.renderer import Renderer

SIZE = 16
ROWS = num_ws(SIZE)
SMALL = {"w_dim": 5, "num_layers": 1, "channel_base": 64, "channel_max": 8}


def write_generator(path, **changes):
    module = Generator(SIZE, 6, **SMALL | changes)
    c = jnp.zeros((1, module.c_dim)) if module.c_dim else None
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 6)), c)
    # Within the range of pictures, as those of a trained one.
    variables = jax.tree_util.tree_map_with_path(
        lambda path, x: 0.2 * x if "torgb" in str(path) and "affine" not in str(path) else x, variables
    )
    arrays = formats.find("stylegan2-ada").arrays(variables, module)
    save_file({name: np.asarray(x, order="C") for name, x in arrays.items()}, path)
    return str(path)


@pytest.fixture(scope="session")
def generator(tmp_path_factory):
    """A checkpoint of an untrained generator."""
    return write_generator(tmp_path_factory.mktemp("generator") / "g.safetensors")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """48 noisy pictures, bright and dark ones, reddish and bluish ones, with a table; the last 8 in another."""
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
    config = attributes.Config(
        workdir=str(workdir),
        data=Data(
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


@contextlib.contextmanager
def compilations():
    """Names of the programs that are compiled in the block."""
    names, logger = [], logging.getLogger("jax._src.interpreters.pxla")
    handler = logging.Handler()
    handler.emit = lambda record: names.append(record.getMessage())
    logger.addHandler(handler)
    with jax.log_compiles():
        yield names
    logger.removeHandler(handler)


def picture(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_generate(generator, tmp_path, capsys):
    options = generate.Generate(
        generator, seeds=(3, 1), interpolate=True, frames=2, mix=(7, 8, 9), crossover=2, layers=True, batch_size=1
    )
    generate.generate(dataclasses.replace(options, out=str(tmp_path / "a")))
    generate.generate(generate.Generate(generator, count=10, batch_size=8, out=str(tmp_path / "b")))
    assert "10 images" in (printed := capsys.readouterr().out) and "after the first batch" in printed
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {"seed00003.png", "seed00001.png", "grid.png", "interpolation.gif", "mix.png", "layers.png"}
    # A seed is the same image in any list, and z is that of StyleGAN2-ADA.
    np.testing.assert_array_equal(picture(tmp_path / "a/seed00003.png"), picture(tmp_path / "b/seed00003.png"))
    module, variables = snapshot.load(generator)
    z = np.random.RandomState(3).randn(1, 6).astype(np.float32)
    expected = jax.jit(snapshot.make_generate(module))(variables, z, None, 0.7)[0]
    np.testing.assert_allclose(picture(tmp_path / "a/seed00003.png"), np.asarray(expected).astype(int), atol=1)
    with Image.open(tmp_path / "a/interpolation.gif") as animation:
        assert animation.n_frames == 4
    cell = SIZE + 4
    mixed = picture(tmp_path / "a/mix.png")
    assert mixed.shape == (3 * cell + 4, 4 * cell + 4, 3)
    np.testing.assert_array_equal(mixed[cell + 4 :, 4:][:SIZE, :SIZE], picture(tmp_path / "a/seed00003.png"))
    # The last layer is the image itself.
    layers = picture(tmp_path / "a/layers.png")
    np.testing.assert_array_equal(layers[4:, 2 * cell + 4 :][:SIZE, :SIZE], picture(tmp_path / "a/seed00003.png"))
    np.testing.assert_array_equal(layers[4:8, 4:8], np.broadcast_to(layers[4, 4], (4, 4, 3)))  # a pixel of 4 px


def test_a_conditional_generator_wants_its_class(generator, tmp_path):
    path = write_generator(tmp_path / "c.safetensors", c_dim=3)
    zero, two = (Renderer(path, 1).latents([5], label=label) for label in (0, 2))
    assert np.abs(zero - two).max() > 1e-3
    for snapshot_path, label in ((path, None), (path, 3), (generator, 0)):
        with pytest.raises(InputError, match="field label"):
            Renderer(snapshot_path, 1).latents([5], label=label)


def test_project_and_use_the_latents(generator, tmp_path):
    generate.generate(generate.Generate(generator, seeds=(3, 4, 5), psi=0.5, out=str(tmp_path / "g")))
    options = project.Project(
        generator, inputs=(str(tmp_path / "g/seed*.png"),), steps=150, batch_size=1, out=str(tmp_path / "p")
    )
    with compilations() as compiled:
        entries = project.project(options)
    assert sum("advance" in name for name in compiled) == 1
    assert [entry["file"][-13:] for entry in entries] == ["seed00003.png", "seed00004.png", "seed00005.png"]
    assert all(entry["distance"] < 0.1 * entry["start_distance"] for entry in entries)
    stored = json.loads((tmp_path / "p/projection.json").read_text())
    assert (stored["images"], stored["distance"]) == (entries, "pixels at several scales")
    assert len(list((tmp_path / "p/images").iterdir())) == 3
    generate.generate(generate.Generate(generator, latents=str(tmp_path / "p/latents.npz"), out=str(tmp_path / "q")))
    for i in range(3):
        made = picture(tmp_path / f"q/latent{i:05d}.png").astype(int)
        beside = picture(tmp_path / f"p/images/{i:05d}_seed{i + 3:05d}.png")
        np.testing.assert_array_equal(beside[4:, 4:][:SIZE, :SIZE], picture(tmp_path / f"g/seed{i + 3:05d}.png"))
        np.testing.assert_allclose(beside[4:, SIZE + 8 :][:SIZE, :SIZE], made, atol=1)
        squares = np.square((beside[4:, 4:][:SIZE, :SIZE] - made) / 127.5).mean()
        np.testing.assert_allclose(squares, entries[i]["pixels"], atol=2e-3)  # of rounded pixels

    other = write_generator(tmp_path / "wide.safetensors", w_dim=7)
    with pytest.raises(InputError, match=rf"ws is \[3, {ROWS}, 5\].*\[N, {ROWS}, 7\]"):
        generate.generate(generate.Generate(other, latents=str(tmp_path / "p/latents.npz"), out=str(tmp_path / "r")))
    assert not (tmp_path / "r").exists()


def test_a_projection_of_noise_maps_keeps_them(generator, tmp_path):
    Image.new("RGB", (20, 24), (90, 120, 30)).save(tmp_path / "a.png")
    optimization = dataclasses.replace(project.Optimization(), optimize_noise=True)
    options = project.Project(
        generator, (str(tmp_path / "a.png"),), "w+", out=str(tmp_path / "p"), steps=2, optimization=optimization
    )
    project.project(options)
    with np.load(tmp_path / "p/latents.npz") as arrays:
        assert arrays["ws"].shape == (1, ROWS, 5)
        assert arrays["noise.b16.conv1"].shape == (1, 16, 16)


def test_training_attributes(classifier):
    config, results = classifier
    assert set(results) == {"validation", "test"}
    for values in results.values():
        assert values["accuracy"] > 0.9
    assert json.loads((train_attributes.Path(config.workdir) / "results/attributes.json").read_text()) == results
    lines = (train_attributes.Path(config.workdir) / "metrics.jsonl").read_text().splitlines()
    assert any("validation/balanced_accuracy/red" in line for line in lines)


def test_the_classifier_tells_what_it_was_trained_on(classifier, pictures):
    apply, names = attributes.load_classifier(classifier[0].workdir)
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
        attributes.load_classifier(str(tmp_path))
    copy = shutil.copytree(classifier[0].workdir, tmp_path / "copy")
    for file in (copy / "best").rglob("*"):
        if file.is_file() and "state" in file.parts:
            file.write_bytes(b"")
    with pytest.raises(InputError, match="damaged"):
        attributes.load_classifier(str(copy))


def test_edit(generator, classifier, tmp_path, capsys):
    argv = f"--snapshot {generator} --classifier {classifier[0].workdir} --attribute bright --count 32 --samples 400"
    argv += f" --strengths -1 0 1 --psi 1 --frames 5 --batch_size 64 --out {tmp_path / 'e'}"
    edit.main(argv.split())
    result = json.loads((tmp_path / "e/edit.json").read_text())
    assert result["told_apart"] > 0.7
    mean = result["mean_scores"]["bright"]
    assert mean[0] < mean[2] < mean[4]  # of many images; a single one of an untrained generator may do otherwise
    assert result["strengths"] == [-1, -0.5, 0, 0.5, 1]
    assert [len(scores) for scores in result["scores"].values()] == [5] * 32
    np.testing.assert_allclose(np.mean(list(result["scores"].values()), axis=0), mean, atol=1e-4)
    names = {path.name for path in (tmp_path / "e").iterdir()}
    assert names == {"boundary.npz", "edit.json", "edits.gif", "edits.png", "scores.png"}
    with Image.open(tmp_path / "e/edits.gif") as animation:
        assert animation.n_frames == 8

    # The boundary serves again, and a direction that keeps an attribute is orthogonal to its boundary.
    module, _ = snapshot.load(generator)
    options = edit.Edit(
        generator,
        classifier[0].workdir,
        "bright",
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
    edit.edit(dataclasses.replace(options, keep=("red",), out=str(tmp_path / "keep")))
    kept, red = (latent_files.load_boundary(tmp_path / name / "boundary.npz", module) for name in ("keep", "red"))
    assert abs(kept.normal @ red.normal) < 1e-5
    with pytest.raises(InputError, match="W is of 7 numbers"):
        latent_files.load_boundary(tmp_path / "red/boundary.npz", Generator(SIZE, w_dim=7))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"attribute": "bryght"}, "nearest is bright"),
        ({"keep": ("smile",)}, "field keep"),
        ({"keep": ("bright",)}, "leave it out"),
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
    options = edit.Edit(generator, classifier[0].workdir, "bright", count=1, samples=200, out=str(tmp_path / "e"))
    with pytest.raises(InputError, match=message):
        edit.edit(dataclasses.replace(options, **change))
    assert not (tmp_path / "e").exists()


def test_wrong_fields_of_the_others(generator, tmp_path):
    out = str(tmp_path / "o")
    with pytest.raises(InputError, match="crossover"):
        generate.generate(generate.Generate(generator, count=1, mix=(1,), crossover=ROWS, out=out))
    with pytest.raises(InputError, match="at least two images"):
        generate.generate(generate.Generate(generator, count=1, interpolate=True, out=out))
    with pytest.raises(InputError, match="field seeds"):
        generate.generate(generate.Generate(generator, seeds=(-1,), out=out))
    with pytest.raises(InputError, match="field inputs"):
        project.project(project.Project(generator, out=out))
    with pytest.raises(InputError, match="steps"):
        project.project(project.Project(generator, ("x.png",), steps=0, out=out))
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="broken.png"):
        project.project(project.Project(generator, (str(tmp_path / "broken.png"),), out=out))
    with pytest.raises(InputError, match=".safetensors"):
        export.export(export.Export(generator, out + ".pkl"))
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match="broken.npz"):
        generate.generate(generate.Generate(generator, latents=str(tmp_path / "broken.npz"), out=out))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.npz", "broken.png"]


def test_an_export_is_the_same_generator(generator, tmp_path):
    out = tmp_path / "prior" / "generator.safetensors"
    export.export(export.Export(generator, str(out)))
    assert load_file(out).keys() == load_file(generator).keys()
    (module, variables), (again, copies) = snapshot.load(generator), snapshot.load(str(out))
    assert module == again
    jax.tree.map(np.testing.assert_array_equal, variables, copies)


def test_a_dry_run_writes_nothing(pictures, tmp_path, capsys):
    train_attributes.describe(classifier_config(pictures, tmp_path / "run"))
    printed = capsys.readouterr().out
    assert "logits [16, 2]" in printed and "data.table = train.csv" in printed
    assert not (tmp_path / "run").exists()
