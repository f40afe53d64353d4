"""Tests the commands that generate, project and export, end to end with a generator for 16 px."""

import contextlib
import dataclasses
import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from common import files
from common.errors import InputError
from common.nn.stylegan2 import num_ws
from common.ops.pixels import stylegan2_ada_uint8
from hsr_jax import export, generate, project, snapshot
from hsr_jax.editing import latent_files
from hsr_jax.editing.projection import ProjectionConfig
from hsr_jax.editing.renderer import Renderer

SIZE = 16
ROWS = num_ws(SIZE)


@contextlib.contextmanager
def compilations():
    """Log messages about the programs that are compiled in the block."""
    names, logger = [], logging.getLogger("jax._src.interpreters.pxla")
    handler = logging.Handler()
    handler.emit = lambda record: names.append(record.getMessage())
    logger.addHandler(handler)
    with jax.log_compiles():
        yield names
    logger.removeHandler(handler)


def test_generate(generator, picture, tmp_path, capsys):
    options = generate.Generate(
        generator, seeds=(3, 1), interpolate=True, frames=2, mix=(7, 8, 9), crossover=2, layers=True, batch_size=1
    )
    generate.generate(dataclasses.replace(options, out=str(tmp_path / "a")))
    generate.generate(generate.Generate(generator, count=10, batch_size=8, out=str(tmp_path / "b")))
    assert "10 images" in (printed := capsys.readouterr().out) and "after the first batch" in printed
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {
        "seed00003.png",
        "seed00001.png",
        "grid.png",
        "interpolation.gif",
        "interpolation.png",
        "mix.png",
        "layers.png",
    }
    # A seed gives the same image in any list, from the same z as in StyleGAN2-ADA.
    np.testing.assert_array_equal(picture(tmp_path / "a/seed00003.png"), picture(tmp_path / "b/seed00003.png"))
    module, variables = snapshot.load(generator)
    z = np.random.RandomState(3).randn(1, 6).astype(np.float32)
    expected = stylegan2_ada_uint8(jax.jit(module.apply)(variables, z, None, jnp.float32(0.7))[0])[0]
    np.testing.assert_allclose(picture(tmp_path / "a/seed00003.png"), np.asarray(expected).astype(int), atol=1)
    with Image.open(tmp_path / "a/interpolation.gif") as animation:
        assert animation.n_frames == 4
    cell = SIZE + 4
    # The first row leads from one image to the other, the second row leads back.
    legs = picture(tmp_path / "a/interpolation.png")
    assert legs.shape == (2 * cell + 4, generate.COLUMNS * cell + 4, 3)
    for row, column, seed in ((0, 0, 3), (0, 7, 1), (1, 0, 1), (1, 7, 3)):
        shown = legs[row * cell + 4 :, column * cell + 4 :][:SIZE, :SIZE].astype(int)
        np.testing.assert_allclose(shown, picture(tmp_path / f"a/seed{seed:05d}.png"), atol=1)
    mixed = picture(tmp_path / "a/mix.png")
    assert mixed.shape == (3 * cell + 4, 4 * cell + 4, 3)
    np.testing.assert_array_equal(mixed[cell + 4 :, 4:][:SIZE, :SIZE], picture(tmp_path / "a/seed00003.png"))
    # The output of the last layer is the image itself.
    layers = picture(tmp_path / "a/layers.png")
    np.testing.assert_array_equal(layers[4:, 2 * cell + 4 :][:SIZE, :SIZE], picture(tmp_path / "a/seed00003.png"))
    np.testing.assert_array_equal(layers[4:8, 4:8], np.broadcast_to(layers[4, 4], (4, 4, 3)))  # a pixel of 4 px


def test_a_conditional_generator_wants_its_class(generator, write_generator, tmp_path):
    path = write_generator(tmp_path / "c.safetensors", c_dim=3)
    zero, two = (Renderer(path, 1).latents([5], label=label) for label in (0, 2))
    assert np.abs(zero - two).max() > 1e-3
    for snapshot_path, label in ((path, None), (path, 3), (generator, 0)):
        with pytest.raises(InputError, match="field label"):
            Renderer(snapshot_path, 1).latents([5], label=label)


def test_project_and_use_the_latents(generator, write_generator, picture, tmp_path):
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
    assert stored["loss"]["step"] == [25, 50, 75, 100, 125, 150]
    # The last loss is one step older than the result; it is the distance plus the squared pixel error.
    found = np.mean([entry["distance"] + entry["pixels"] for entry in entries])
    assert stored["loss"]["mean"][-1] == pytest.approx(found, rel=0.02)
    assert stored["loss"]["mean"][-1] < stored["loss"]["mean"][0]
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


def test_a_projection_of_noise_maps_keeps_them(generator, tmp_path, capsys):
    Image.new("RGB", (20, 24), (90, 120, 30)).save(tmp_path / "a.png")
    options = project.Project(
        generator,
        inputs=(str(tmp_path / "a.png"),),
        space="w+",
        out=str(tmp_path / "p"),
        steps=2,
        optimization=ProjectionConfig(optimize_noise=True),
    )
    project.project(options)
    with np.load(tmp_path / "p/latents.npz") as arrays:
        assert arrays["ws"].shape == (1, ROWS, 5)
        assert arrays["noise.b16.conv1"].shape == (1, 16, 16)
        ws = arrays["ws"]
    # A command that reads the latents warns that the images have other noise.
    module, _ = snapshot.load(generator)
    assert "noise" not in capsys.readouterr().err
    np.testing.assert_array_equal(latent_files.load_latents(tmp_path / "p/latents.npz", module), ws)
    assert "noise maps are not used" in capsys.readouterr().err
    files.write_arrays(tmp_path / "without.npz", ws=ws)
    latent_files.load_latents(tmp_path / "without.npz", module)
    assert not capsys.readouterr().err


def test_wrong_fields(generator, tmp_path):
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
        project.project(project.Project(generator, inputs=("x.png",), steps=0, out=out))
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="broken.png"):
        project.project(project.Project(generator, inputs=(str(tmp_path / "broken.png"),), out=out))
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
