"""Tests `python -m common.weights`: every format in and out, and error messages."""

import json

import numpy as np
import pytest
from examples import EXAMPLES, GENERATOR, HSR, TRUNKS, assert_same, source_of
from safetensors.numpy import load_file
from writers import Storages, modules_of, pickled, write_zip

from common import files
from common.errors import InputError
from common.nn.lpips import Lpips
from common.weights import converted, formats
from common.weights.__main__ import main


def write(path, arrays, nesting=(), beside=()) -> None:
    """Writes a PyTorch file with `arrays` in nested dicts; the arrays named in `beside` lie at the top."""
    storages = Storages()
    content = {name: storages.tensor(np.asarray(x)) for name, x in arrays.items() if name not in beside}
    for key in nesting:
        content = {key: content}
    write_zip(path, content | {name: storages.tensor(np.asarray(arrays[name])) for name in beside}, storages)


@pytest.mark.parametrize(("name", "module"), EXAMPLES.values(), ids=EXAMPLES)
def test_in_and_out_again(name, module, tmp_path):
    variables, arrays = source_of(name, module)
    beside = formats.find(name).beside
    write(tmp_path / "model.pt", arrays, ("network", "state_dict"), beside)
    main(["import", "--format", name, "--src", str(tmp_path / "model.pt"), "--out", str(tmp_path / "in")])
    format, found, loaded = formats.load(tmp_path / "in")
    assert format.name == name and found == module
    assert_same(loaded, variables)
    header = json.loads((tmp_path / "in" / "weights.json").read_text())
    assert header["prefix"] == "state_dict.network." and header["source"][0]["file"] == "model.pt"
    assert header["source"][0]["sha256"] == converted.sha256(tmp_path / "model.pt")
    main(["export", "--src", str(tmp_path / "in"), "--out", str(tmp_path / "out.safetensors")])
    assert_same(load_file(tmp_path / "out.safetensors"), arrays)
    assert formats.guess(load_file(tmp_path / "out.safetensors"))
    # What was exported is imported once more.
    main(["import", "--format", name, "--src", str(tmp_path / "out.safetensors"), "--out", str(tmp_path / "again")])
    assert_same(load_file(tmp_path / "again/variables.safetensors"), load_file(tmp_path / "in/variables.safetensors"))


def test_a_snapshot_of_stylegan2_ada(tmp_path, capsys):
    """The averaged generator is taken unless another is asked for; HSR's heads are left out."""
    networks = {"G": 1, "G_ema": 2}
    generator_of = lambda variables: {name: tree["generator"] for name, tree in variables.items()}
    sources = {key: source_of("hsr", HSR, seed) for key, seed in networks.items()}
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
        assert_same(formats.load(out)[2], generator_of(sources[key][0]))
    main(["import", "--format", "hsr", "--src", str(path), "--out", str(tmp_path / "hsr")])
    assert_same(formats.load(tmp_path / "hsr")[2], sources["G_ema"][0])


@pytest.mark.parametrize("shape", [(1, 8), (6, 8)])
def test_psp_checkpoint(shape, tmp_path):
    """The decoder's names have a prefix, the mean w lies at the top and may be repeated for every row."""
    variables, arrays = source_of("rosinality", GENERATOR)
    arrays["latent_avg"] = np.broadcast_to(arrays["latent_avg"], shape)
    names = {name if name == "latent_avg" else f"decoder.{name}": x for name, x in arrays.items()}
    names["encoder.input_layer.0.weight"] = np.zeros((2, 3, 3, 3), np.float32)
    write(tmp_path / "psp.pt", names, ("state_dict",), ("latent_avg",))
    main(["import", "--format", "rosinality", "--src", str(tmp_path / "psp.pt"), "--out", str(tmp_path / "in")])
    assert_same(formats.load(tmp_path / "in")[2], variables)


def test_a_network_in_two_files(tmp_path):
    variables, arrays = source_of("lpips-parts", Lpips(TRUNKS[1]))
    parts = {"trunk.pt": "features.", "heads.pt": "lin"}
    for file, start in parts.items():
        write(tmp_path / file, {name: x for name, x in arrays.items() if name.startswith(start)})
    paths = [str(tmp_path / file) for file in parts]
    main(["import", "--format", "lpips-parts", "--src", *paths, "--out", str(tmp_path / "in")])
    assert_same(formats.load(tmp_path / "in")[2], variables)
    with pytest.raises(InputError, match=r"heads\.pt: another file holds lin0"):
        main(["import", "--format", "lpips-parts", "--src", *paths, paths[1], "--out", str(tmp_path / "more")])


@pytest.fixture
def imported(tmp_path):
    """An imported network, `in`, and its file."""
    _, arrays = source_of("stylegan2-ada", GENERATOR)
    write(tmp_path / "model.pt", arrays)
    main(["import", "--format", "stylegan2-ada", "--src", str(tmp_path / "model.pt"), "--out", str(tmp_path / "in")])
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["imprt"], "imprt: no such command; the nearest is import"),
        (["import", "--format", "stylegan-ada"], "not one of .*; the nearest is stylegan2-ada$"),
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
        (["export", "--src", "run", "--out", "a.safetensors"], "run: holds a run with a hsr_jax.*hsr_jax.export"),
    ],
)
def test_mistakes(arguments, message, imported, monkeypatch):
    monkeypatch.chdir(imported)
    files.write_json("run/config.json", {"__class__": "hsr_jax.config.GanConfig", "steps": 1})
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
    with pytest.raises(InputError, match="variables.safetensors: not the file that the import wrote"):
        formats.load(imported / "in")
    variables.write_bytes(data)
    header.write_text(description.replace('"Generator"', '"Generatr"'))
    with pytest.raises(InputError, match="in: written by another version"):
        formats.load(imported / "in")
    header.write_text(description.replace('"format": "stylegan2-ada"', '"format": "resnet"'))
    with pytest.raises(InputError, match="in: written by another version"):
        formats.load(imported / "in")
    header.write_text(description.replace('"resolution": 16', '"resolution": 8'))
    with pytest.raises(InputError, match="differ in .*b16"):
        main(["export", "--src", str(imported / "in"), "--out", str(imported / "a.safetensors")])
