"""Tests `python -m common.weights`: every format in and out, and what is said when something is wrong."""

import json

import jax
import numpy as np
import pytest
from flax import traverse_util
from safetensors.numpy import load_file
from writers import Storages, modules_of, pickled, write_zip

from common import files
from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.discriminator import Discriminator
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.weights import converted, formats
from common.weights.__main__ import main
from common.weights.networks import feature_style, inception, layouts
from common.weights.networks.feature_style import EncoderSizes
from common.weights.networks.table import shapes

GENERATOR = Generator(16, z_dim=8, w_dim=8, num_layers=2, channel_base=96, channel_max=12)
CONDITIONAL = Generator(16, z_dim=8, c_dim=3, w_dim=8, num_layers=2, channel_base=96, channel_max=12)
HEADS = {"features": (5, 6), "blocks": (8, 16), "hidden": 7}
ENCODER = EncoderSizes(4, 8, 6, (2, 3, 4, 5), (1, 2, 1, 1))
TRUNKS = (VGG16((2, 3, 4, 5, 6)), AlexNet((2, 3, 4, 5, 6)))


def generator_shapes(module):
    return shapes(module, (1, module.z_dim), (1, module.c_dim) if module.c_dim else None)


def discriminator_shapes(module):
    return shapes(module, (1, 16, 16, 3), (1, module.c_dim) if module.c_dim else None)


def hsr_shapes(module):
    return {"generator": generator_shapes(module["generator"]), "heads": layouts.hsr_template(module)}


def lpips_shapes(module):
    return shapes(module, (1, 64, 64, 3), (1, 64, 64, 3))


# (format, module, shapes of its variables)
NETWORKS = [
    ("stylegan2-ada", GENERATOR, generator_shapes),
    ("stylegan2-ada", CONDITIONAL, generator_shapes),
    (
        "stylegan2-ada-discriminator",
        Discriminator(16, num_layers=0, channel_base=64, channel_max=8),
        discriminator_shapes,
    ),
    (
        "stylegan2-ada-discriminator",
        Discriminator(16, c_dim=2, num_layers=2, architecture="orig", channel_base=64, channel_max=8),
        discriminator_shapes,
    ),
    ("hsr", {"generator": GENERATOR, "heads": HEADS}, hsr_shapes),
    ("rosinality", GENERATOR, generator_shapes),
    ("rosinality-discriminator", Discriminator(16, channel_base=64, channel_max=8), discriminator_shapes),
    ("feature-style", ENCODER, feature_style.encoder_shapes),
    (
        "arcface",
        {"network": ArcFace(6, (2, 3, 4, 5), (1, 2, 1, 1)), "image_size": 32},
        lambda module: shapes(module["network"], (1, 32, 32, 3)),
    ),
    ("resnet", ResNet((2, 3, 4, 5), (1, 2, 1, 1)), lambda module: shapes(module, (1, 32, 32, 3))),
    ("resnet", ResNet((2, 3, 4, 5), (1, 1, 1, 1), 7), lambda module: shapes(module, (1, 32, 32, 3))),
    (
        "dino",
        ViT(patch=4, width=64, depth=2, heads=1, grid=3, layer_scale=True, dino_positions=True),
        lambda module: shapes(module, (1, 12, 12, 3)),
    ),
    (
        "deit",
        ViT(patch=4, width=64, depth=1, heads=1, grid=3, num_outputs=5),
        lambda module: shapes(module, (1, 12, 12, 3)),
    ),
    *(("lpips", Lpips(trunk), lpips_shapes) for trunk in TRUNKS),
    *(("lpips-parts", Lpips(trunk), lpips_shapes) for trunk in TRUNKS),
]


def source_of(name, module, template, seed=0) -> tuple[dict, dict]:
    """Random variables, and the arrays of a checkpoint that holds them."""
    rng = np.random.default_rng(seed)
    variables = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), template(module))
    return variables, formats.find(name).arrays(variables, module)


def write(path, arrays, nesting=(), beside=()) -> None:
    """A PyTorch file with `arrays` in nested dicts; those named in `beside` lie at the top."""
    storages = Storages()
    content = {name: storages.tensor(np.asarray(x)) for name, x in arrays.items() if name not in beside}
    for key in nesting:
        content = {key: content}
    write_zip(path, content | {name: storages.tensor(np.asarray(arrays[name])) for name in beside}, storages)


def flat(variables: dict) -> dict:
    return traverse_util.flatten_dict(variables, sep="/")


def assert_same(a: dict, b: dict) -> None:
    """Names, shapes and every bit."""
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].shape == np.shape(b[name]) and a[name].tobytes() == np.asarray(b[name]).tobytes(), name


@pytest.mark.parametrize(("name", "module", "template"), NETWORKS, ids=[f"{i}-{n[0]}" for i, n in enumerate(NETWORKS)])
def test_in_and_out_again(name, module, template, tmp_path):
    variables, arrays = source_of(name, module, template)
    beside = formats.find(name).beside
    write(tmp_path / "model.pt", arrays, ("network", "state_dict"), beside)
    main(["import", "--format", name, "--src", str(tmp_path / "model.pt"), "--out", str(tmp_path / "in")])
    format, found, loaded = formats.load(tmp_path / "in")
    assert format.name == name and found == module
    assert_same(flat(loaded), flat(variables))
    header = json.loads((tmp_path / "in" / "weights.json").read_text())
    assert header["prefix"] == "state_dict.network." and header["source"][0]["file"] == "model.pt"
    assert header["source"][0]["sha256"] == converted.sha256(tmp_path / "model.pt")
    main(["export", "--src", str(tmp_path / "in"), "--out", str(tmp_path / "out.safetensors")])
    assert_same(load_file(tmp_path / "out.safetensors"), arrays)
    assert formats.guess(load_file(tmp_path / "out.safetensors"))
    # What was exported is imported once more.
    main(["import", "--format", name, "--src", str(tmp_path / "out.safetensors"), "--out", str(tmp_path / "again")])
    assert_same(load_file(tmp_path / "again/variables.safetensors"), load_file(tmp_path / "in/variables.safetensors"))


def test_every_format_is_tested():
    assert {name for name, *_ in NETWORKS} | {"pytorch-fid"} == set(formats.BY_NAME)


def test_inception_in_memory():
    """Its size is fixed, 24 M values, so no files are written."""
    format = formats.find("pytorch-fid")
    module = InceptionV3()
    variables = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), inception._shapes(module))
    arrays = format.arrays(variables, module)
    assert format.module(arrays, source="f") == module
    again = format.variables(arrays, module, source="f")
    assert jax.tree.map(np.shape, again) == jax.tree.map(np.shape, variables)
    assert [(found.name, prefix) for found, prefix in formats.guess(arrays)] == [("pytorch-fid", "")]


def test_a_snapshot_of_stylegan2_ada(tmp_path, capsys):
    """The averaged generator is taken unless another is asked for; HSR's heads are left out."""
    networks = {"G": 1, "G_ema": 2}
    sources = {key: source_of("hsr", NETWORKS[4][1], hsr_shapes, seed) for key, seed in networks.items()}
    path = tmp_path / "network.pkl"
    path.write_bytes(
        pickled({key: modules_of(arrays, ("w_avg", "noise_const")) for key, (_, arrays) in sources.items()})
    )
    main(["inspect", str(path)])
    printed = capsys.readouterr().out
    assert "G_ema.synthesis.b4.const" in printed and "[12, 4, 4]" in printed and "float32" in printed
    for format in ("stylegan2-ada", "hsr"):
        for key in networks:
            assert f"format: {format} " in printed and f"prefix '{key}.'" in printed
    for arguments, key in (((), "G_ema"), (("--prefix", "G"), "G")):
        out = str(tmp_path / key)
        main(["import", "--format", "stylegan2-ada", "--src", str(path), "--out", out, *arguments])
        assert_same(flat(formats.load(out)[2]), flat(sources[key][0]["generator"]))
    main(["import", "--format", "hsr", "--src", str(path), "--out", str(tmp_path / "hsr")])
    assert_same(flat(formats.load(tmp_path / "hsr")[2]), flat(sources["G_ema"][0]))


@pytest.mark.parametrize("shape", [(1, 8), (6, 8)])
def test_psp_checkpoint(shape, tmp_path):
    """The decoder's names have a prefix, the mean w lies at the top and may be repeated for every row."""
    variables, arrays = source_of("rosinality", GENERATOR, generator_shapes)
    arrays["latent_avg"] = np.broadcast_to(arrays["latent_avg"], shape)
    names = {name if name == "latent_avg" else f"decoder.{name}": x for name, x in arrays.items()}
    names["encoder.input_layer.0.weight"] = np.zeros((2, 3, 3, 3), np.float32)
    write(tmp_path / "psp.pt", names, ("state_dict",), ("latent_avg",))
    main(["import", "--format", "rosinality", "--src", str(tmp_path / "psp.pt"), "--out", str(tmp_path / "in")])
    assert_same(flat(formats.load(tmp_path / "in")[2]), flat(variables))


def test_no_mean_w(tmp_path):
    _, arrays = source_of("rosinality", GENERATOR, generator_shapes)
    del arrays["latent_avg"]
    write(tmp_path / "model.pt", arrays)
    with pytest.raises(InputError, match="model.pt: no latent_avg"):
        main(["import", "--format", "rosinality", "--src", str(tmp_path / "model.pt"), "--out", str(tmp_path / "in")])


def test_a_network_in_two_files(tmp_path):
    variables, arrays = source_of("lpips-parts", Lpips(TRUNKS[1]), lpips_shapes)
    parts = {"trunk.pt": "features.", "heads.pt": "lin"}
    for file, start in parts.items():
        write(tmp_path / file, {name: x for name, x in arrays.items() if name.startswith(start)})
    paths = [str(tmp_path / file) for file in parts]
    main(["import", "--format", "lpips-parts", "--src", *paths, "--out", str(tmp_path / "in")])
    assert_same(flat(formats.load(tmp_path / "in")[2]), flat(variables))
    with pytest.raises(InputError, match=r"heads\.pt: lin0.* is in a file before it"):
        main(["import", "--format", "lpips-parts", "--src", *paths, paths[1], "--out", str(tmp_path / "more")])


@pytest.fixture
def imported(tmp_path):
    """An imported network, `in`, and its file."""
    _, arrays = source_of("stylegan2-ada", GENERATOR, generator_shapes)
    write(tmp_path / "model.pt", arrays)
    main(["import", "--format", "stylegan2-ada", "--src", str(tmp_path / "model.pt"), "--out", str(tmp_path / "in")])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["imprt"], "imprt: no such command; the nearest is import"),
        (["import", "--format", "stylegan-ada"], "none of .*; the nearest is stylegan2-ada$"),
        (["import", "--form", "hsr"], "--form: no such field in Import; the nearest is format"),
        (["import", "--format", "hsr"], "field src: empty"),
        (["import", "--format", "hsr", "--src", "model.pt"], "field out: empty"),
        (["import", "--format", "hsr", "--src", "none.pt", "--out", "new"], "none.pt: no such file"),
        (["import", "--format", "hsr", "--src", "model.pt", "--out", "new"], "no array is called synthesis.feat"),
        (
            ["import", "--format", "stylegan2-ada", "--src", "model.pt", "--out", "new", "--prefix", "G"],
            "give one of the prefixes ''",
        ),
        (["import", "--format", "stylegan2-ada", "--src", "model.pt", "--out", "in"], "in: exists already"),
        (["import", "--format", "stylegan2-ada", "--src", "model.pt", "--out", "model.pt"], "exists already"),
        (["import", "--format", "stylegan2-ada", "--src", "model.pt", "--out", "model.pt/a"], "cannot be written"),
        (["inspect"], "no such file"),
        (["export", "--src", "in"], "field out: empty"),
        (["export", "--src", "none", "--out", "a.safetensors"], "none: holds no weights.json"),
    ],
)
def test_mistakes(arguments, message, imported, monkeypatch):
    monkeypatch.chdir(imported)
    before = sorted(imported.iterdir())
    with pytest.raises(InputError, match=message) as error:
        main(arguments)
    assert "\n" not in str(error.value)
    assert sorted(imported.iterdir()) == before


def test_an_import_that_fails_leaves_nothing(imported, monkeypatch):
    def full(path, value):
        raise InputError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr(files, "write_json", full)
    before = sorted(imported.iterdir())
    source = str(imported / "model.pt")
    with pytest.raises(InputError, match="No space left"):
        main(["import", "--format", "stylegan2-ada", "--src", source, "--out", str(imported / "new")])
    assert sorted(imported.iterdir()) == before


def test_changed_directories(imported):
    variables, header = imported / "in/variables.safetensors", imported / "in/weights.json"
    data, description = variables.read_bytes(), header.read_text()
    variables.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(InputError, match="variables.safetensors: not the file that was imported"):
        formats.load(imported / "in")
    variables.write_bytes(data)
    header.write_text(description.replace('"Generator"', '"Generatr"'))
    with pytest.raises(InputError, match="in: written by another version"):
        formats.load(imported / "in")
    header.write_text(description.replace('"resolution": 16', '"resolution": 8'))
    with pytest.raises(InputError, match="differ in .*b16"):
        main(["export", "--src", str(imported / "in"), "--out", str(imported / "a.safetensors")])
