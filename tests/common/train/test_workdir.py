"""Tests `common.train.workdir`: one directory, one run."""

import dataclasses
import json

import pytest

from common.errors import InputError
from common.train import workdir


@dataclasses.dataclass(frozen=True)
class Data:
    name: str = "w300"


@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 10
    rate: float = 0.1
    data: Data = Data()


def test_a_run_keeps_its_directory(tmp_path):
    directory = workdir.claim(tmp_path / "run", Config())
    assert workdir.claim(directory, Config(steps=20)) == directory  # longer is still the same run
    assert workdir.read_config(Config, directory) == Config(steps=20)


def test_another_run_is_refused(tmp_path):
    workdir.claim(tmp_path, Config(rate=0.3))
    workdir.claim(tmp_path, Config())  # nothing was saved yet that would be lost
    (tmp_path / "last").mkdir()
    with pytest.raises(InputError) as error:
        workdir.claim(tmp_path, Config(rate=0.2, data=Data("wflw")))
    assert "rate 0.1 -> 0.2, data.name 'w300' -> 'wflw'" in str(error.value) and str(tmp_path) in str(error.value)
    assert workdir.read_config(Config, tmp_path) == Config()
    assert workdir.claim(tmp_path, Config(data=Data("wflw")), may_change=("data",))


def test_what_is_not_a_run_is_refused(tmp_path):
    (tmp_path / "a" / "last").mkdir(parents=True)
    with pytest.raises(InputError, match="holds checkpoints but no config.json"):
        workdir.claim(tmp_path / "a", Config())
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a directory"):
        workdir.claim(tmp_path / "file", Config())
    with pytest.raises(InputError, match="not the work directory of a run"):
        workdir.read_config(Config, tmp_path / "a")


def test_a_run_of_another_kind_is_named(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Gan:
        kimg: float = 1.0

    workdir.claim(tmp_path / "run0", Gan())
    (tmp_path / "run0" / "last").mkdir()
    for open_ in (lambda path: workdir.read_config(Config, path), lambda path: workdir.claim(path, Config())):
        with pytest.raises(InputError, match="with a Gan, where one with a Config is needed"):
            open_(tmp_path / "run0")
    with pytest.raises(InputError, match=r"holds several runs, name one of them, such as .*run0"):
        workdir.read_config(Gan, tmp_path)
    (tmp_path / "weights.json").write_text("{}")
    with pytest.raises(InputError, match="imported network"):
        workdir.read_config(Gan, tmp_path)
    path = tmp_path / "run0" / "config.json"
    stored = json.loads(path.read_text())
    assert stored.pop("__class__").endswith(".Gan")
    path.write_text(json.dumps(stored | {"__class__": "hsr_jax.config.GanConfig"}))
    with pytest.raises(InputError, match="python -m hsr_jax.evaluate"):
        workdir.read_config(Config, tmp_path / "run0")
    path.write_text(json.dumps(stored))  # as it was stored before classes were
    assert workdir.read_config(Gan, tmp_path / "run0") == Gan()


def test_a_stored_config_is_checked(tmp_path):
    workdir.claim(tmp_path, Config())
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"steps": "x"}))
    with pytest.raises(InputError, match=r"config\.json: field steps: 'x' is not of type int"):
        workdir.read_config(Config, tmp_path)
