"""The command that makes a zip file of images in the format of StyleGAN2."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.images import make_zip
from common.data.images.folder import open_folder
from common.data.images.pipeline import center_square
from common.data.images.zip_file import ImageZip
from common.errors import InputError

ROOT = Path(__file__).parents[4]
R = 16


@pytest.fixture
def folder(tmp_path):
    """A wide, a tall, a fitting, a grey and a transparent image."""
    root = tmp_path / "images"
    root.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in dict(a=(20, 33, 3), b=(40, 18, 3), c=(R, R, 3), d=(24, 24), e=(30, 30, 4)).items():
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(root / f"{name}.png")
    return root


def read(path):
    with zipfile.ZipFile(path) as archive:
        assert all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())
        return {name: archive.read(name) for name in archive.namelist()}


def test_writes_the_format_of_stylegan2(folder, tmp_path):
    out = tmp_path / "deep/out.zip"
    make_zip.write_zip(open_folder(folder), out, R)
    members = read(out)
    names = [f"00000/img{i:08d}.png" for i in range(5)]
    assert list(members) == [*names, "dataset.json"]
    assert json.loads(members["dataset.json"]) == {"labels": None}
    wide = np.asarray(Image.open(folder / "a.png"))
    for name, expected in ((names[0], center_square(wide, R)), (names[2], Image.open(folder / "c.png"))):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(members[name]))), np.asarray(expected))
        assert len(members[name]) > R * R * 3  # PNG without compression
    for name in names:
        image = Image.open(io.BytesIO(members[name]))
        assert image.size == (R, R) and image.mode == "RGB"
    assert [path.name for path in out.parent.iterdir()] == ["out.zip"]


@pytest.mark.parametrize("labels", [[0, 2, 1, 0, 2], [[0.1, i] for i in range(5)]])
def test_labels_are_carried_over(folder, tmp_path, labels):
    entries = [[f"{name}.png", label] for name, label in zip("abcde", labels, strict=True)]
    (folder / "dataset.json").write_text(json.dumps({"labels": entries[::-1]}))
    source = open_folder(folder, labelled=True)
    make_zip.write_zip(source, tmp_path / "out.zip", R)
    result = ImageZip(tmp_path / "out.zip", labelled=True)
    np.testing.assert_array_equal(result.labels.values, source.labels.values)
    assert result.labels.size == source.labels.size


def test_a_zip_of_a_zip_is_the_same_file(folder, tmp_path):
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    make_zip.write_zip(open_folder(folder), first, R)
    make_zip.write_zip(ImageZip(first), second, R)
    assert first.read_bytes() == second.read_bytes()
    make_zip.write_zip(ImageZip(second), second, R)  # also onto itself
    assert first.read_bytes() == second.read_bytes()


def test_a_broken_image_leaves_the_old_file(folder, tmp_path):
    out = tmp_path / "out.zip"
    make_zip.write_zip(open_folder(folder), out, R)
    before = out.read_bytes()
    (folder / "d.png").write_bytes((folder / "d.png").read_bytes()[:100])
    with pytest.raises(InputError, match="d.png: truncated"):
        make_zip.write_zip(open_folder(folder), out, R)
    assert out.read_bytes() == before and {path.name for path in tmp_path.iterdir()} == {"images", "out.zip"}


def test_more_than_a_thousand_images_get_more_folders(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(1002):
        Image.new("1", (4, 4)).save(folder / f"{i:04d}.png")
    make_zip.write_zip(open_folder(folder), tmp_path / "out.zip", 4)
    assert ImageZip(tmp_path / "out.zip").files[999:] == [
        "00000/img00000999.png",
        "00001/img00001000.png",
        "00001/img00001001.png",
    ]


def test_command(folder, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.zip"
    arguments = ["--source", str(folder), "--out", str(out), "--resolution", str(R)]
    monkeypatch.setattr(sys, "argv", ["make_zip", *arguments])
    make_zip.main()
    assert capsys.readouterr().out == f"{out}: 5 images of 16 px, no labels\n"
    assert len(ImageZip(out)) == 5


def test_command_fails_with_one_line(folder, tmp_path):
    arguments = ["--source", folder, "--out", tmp_path / "out.zip", "--resolution", "48"]
    command = [sys.executable, "-m", "common.data.images.make_zip", *arguments]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("error: resolution 48: must be a power of two")
    with pytest.raises(InputError, match="out.tar: not the name of a zip file"):
        make_zip.write_zip(open_folder(folder), tmp_path / "out.tar", R)
    assert not (tmp_path / "out.zip").exists()
