"""Command lines and config files: overrides, and errors of one line."""

import dataclasses
import json
import math
import subprocess
import sys
from typing import Literal

import pytest

from common.config import DryRun, config_diff, config_from_dict, config_to_dict, load_config, parse_command
from common.errors import InputError
from fase_jax.compare import Compare


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """Adam."""

    itl_lr: float = 1e-4
    """Learning rate of the transfer layers."""
    betas: tuple[float, float] = (0.9, 0.99)


@dataclasses.dataclass(frozen=True)
class Config:
    """A small training."""

    steps: int = 100
    """Steps of training."""
    finetune: bool = True
    decoder: Literal["argmax", "quarter"] = "argmax"
    sizes: tuple[int, ...] = (64, 128)
    name: str | None = None
    limit: float = math.inf
    optimizer: Optimizer = Optimizer()


@dataclasses.dataclass(frozen=True)
class Repeat:
    """--runs N   how often"""

    runs: int = 5


def parse(*argv, options=None):
    return parse_command(argv, Config(), options)


FILE = """
import dataclasses, types
@dataclasses.dataclass(frozen=True)
class Optimizer:
    itl_lr: float = 1e-4
@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 5
    optimizer: Optimizer = Optimizer()
config = dataclasses.replace(Config(), {})
few = Config(steps=2)
TABLE = types.SimpleNamespace(rows={{"a_1": types.SimpleNamespace(config=Config(steps=3))}})
"""


def write(tmp_path, change):
    path = tmp_path / "c.py"
    path.write_text(FILE.format(change))
    return str(path)


def test_fields_are_overridden_by_name():
    config, options = parse(
        *("--optimizer.itl_lr", "1e-5", "--finetune", "False", "--sizes", "32", "--name=n"),
        *("--optimizer.betas", "0.5", "-1", "--limit", "1"),
    )
    optimizer = Optimizer(1e-5, (0.5, -1.0))
    assert config == Config(finetune=False, sizes=(32,), name="n", limit=1.0, optimizer=optimizer) and options is None


def test_a_command_has_options_of_its_own_beside_the_config():
    for argv, value in ((["--dry-run"], True), (["--dry_run"], True), (["--dry_run", "False"], False), ([], False)):
        assert parse(*argv, "--steps", "3", options=DryRun()) == (Config(steps=3), DryRun(value))
    assert parse("--runs", "7", "--steps", "3", options=Repeat()) == (Config(steps=3), Repeat(7))
    with pytest.raises(InputError, match="--dry_run: no such field"):
        parse("--dry_run")
    with pytest.raises(InputError, match="--runs: 'x': not of type int"):
        parse("--runs", "x", options=Repeat())


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--stepz", "4"], "--stepz: no such field in Config; the nearest is steps"),
        (["--optimizer.itl_lt", "4"], "--optimizer.itl_lt: no such field in Config; the nearest is optimizer.itl_lr"),
        (["--itl-lr", "4"], "--itl_lr: no such field in Config; the nearest is optimizer.itl_lr"),
        (["--steps", "many"], "--steps: 'many': not of type int"),
        (["--steps", "1.5"], "--steps: '1.5': not of type int"),
        (["--steps", "1", "2"], "--steps: '1 2': not of type int"),
        (["--steps"], "--steps needs a value of type int"),
        (["--finetune", "no"], "--finetune: 'no': not of type bool"),
        (["--finetune", "False", "--decoder", "soft"], "--decoder: 'soft': not of type 'argmax' | 'quarter'"),
        (["stray"], "stray: a field is overridden by `--name value`"),
        (["--config", "nowhere.py"], "nowhere.py: no such config file"),
        (["--config", "a.py", "b.py"], "--config takes one file"),
    ],
)
def test_command_line_mistakes_are_one_line(argv, message, capfd):
    with pytest.raises(InputError) as error:
        parse(*argv)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")  # tyro's own boxes would hide the line


def test_a_config_file_holds_one_configuration_or_several(tmp_path):
    file = write(tmp_path, "steps=7")
    assert [load_config(f"{file}{name}").steps for name in ("", ":config", ":few", ":a_1")] == [7, 7, 2, 3]
    with pytest.raises(InputError, match="defines no `a_2`; the nearest is a_1; it has config, few, a_1"):
        load_config(f"{file}:a_2")
    (tmp_path / "d.py").write_text("from fase_jax.compare import Compare\nfew = Compare('x', out='y')")
    config, _ = parse_command(["--config", f"{tmp_path}/d.py:few", "--out", "z"], Compare())
    assert config == Compare("x", out="z")


def test_the_projects_configs_are_found_from_any_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config("configs/fase/demo.py").workdir == "runs/demo"


@pytest.mark.parametrize(
    "change, message",
    [
        ("stepz=7", "c.py: line 10: no field stepz in Config; the nearest is steps"),
        ("steps='7'", "c.py: field steps: '7' is not of type int"),
        ("steps=True", "c.py: field steps: True is not of type int"),
        ("optimizer=Optimizer(itl_lr=None)", "c.py: field optimizer.itl_lr: None is not of type float"),
        ("steps=", "c.py: line 10:"),
        ("steps=unknown", "c.py: line 10: NameError: name 'unknown' is not defined"),
        ("); del config; (", "defines no `config`; it has few, a_1"),
    ],
)
def test_broken_config_files(tmp_path, change, message):
    with pytest.raises(InputError) as error:
        load_config(write(tmp_path, change))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_config_of_another_command(tmp_path):
    with pytest.raises(InputError, match=r"`config` is a .*Config, this command takes a .*Config"):
        parse("--config", write(tmp_path, "steps=7"))


def test_help_shows_every_field(capsys):
    with pytest.raises(SystemExit) as exit_:
        parse("--help", options=Repeat())
    text = capsys.readouterr().out
    assert exit_.value.code == 0 and "Steps of training." in text and "Learning rate of the transfer layers." in text
    names = list(config_diff(Config(), {}))
    assert len(names) == 8
    for name in [*names, "config", "runs"]:
        assert f"--{name} " in text


@pytest.mark.parametrize("config", [Config(), Config(name="n", limit=1.0, sizes=())])
def test_json_round_trip(config):
    values = json.loads(json.dumps(config_to_dict(config), allow_nan=False))
    assert config_from_dict(Config, values) == config


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stepz": 1}, "run.json: field stepz: unknown in Config; the nearest is steps"),
        ({"steps": "1"}, "run.json: field steps: '1' is not of type int"),
        ({"name": 1}, "run.json: field name: 1 is not of type str | None"),
        ({"optimizer": {"itl_lr": 1.0}}, "run.json: field optimizer.betas: missing"),
        ({"optimizer": {"itl_lr": 1.0, "betas": [1.0]}}, "field optimizer.betas: [1.0] is not of type tuple"),
        ({"optimizer": 1}, "field optimizer: 1 is not of type Optimizer"),
    ],
)
def test_stored_configs_are_checked(change, message):
    with pytest.raises(InputError) as error:
        config_from_dict(Config, config_to_dict(Config()) | change, "run.json")
    assert message in str(error.value)


def test_diff_names_fields():
    other = Config(steps=3, optimizer=Optimizer(itl_lr=1.0))
    assert config_diff(Config(), other) == {"steps": (100, 3), "optimizer.itl_lr": (1e-4, 1.0)}
    assert config_diff(config_to_dict(Config()), Config()) == {}
    assert config_diff({"a": 1}, {"b": 2}) == {"a": (1, ...), "b": (..., 2)}


def test_a_command_ends_with_one_line(tmp_path):
    command = [sys.executable, "-m", "fase_jax.compare", "--c", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: --c: no such field in Compare") and done.stderr.count("\n") == 1
