"""Tests `common.config` and `common.typed`: what is overridden, what is refused and in which words."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from common import typed
from common.config import Options, config_diff, config_from_dict, config_to_dict, load_config, parse_command
from common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """Adam."""

    itl_lr: float = 1e-4
    """Learning rate of the transfer layers."""
    betas: tuple[float, float] = (0.9, 0.99)


@dataclasses.dataclass(frozen=True)
class Folder:
    root: str = "faces"


@dataclasses.dataclass(frozen=True)
class Synthetic:
    count: int = 8


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
    workdir: Path = Path("runs/x")
    optimizer: Optimizer = Optimizer()
    data: Folder | Synthetic = Folder()
    extra: tuple[Folder, ...] = (Folder("a"), Folder("b"))

    def __post_init__(self):
        if self.steps < 1:
            raise ValueError("steps is at least 1")


def cli(*argv, default=None):
    return parse_command(argv, default=default or Config())


FILE = """
import dataclasses
@dataclasses.dataclass(frozen=True)
class Optimizer:
    itl_lr: float = 1e-4
@dataclasses.dataclass(frozen=True)
class Config:
    steps: int = 5
    optimizer: Optimizer = Optimizer()
config = dataclasses.replace(Config(), {})
"""


def write(tmp_path, change):
    path = tmp_path / "c.py"
    path.write_text(FILE.format(change))
    return str(path)


def test_fields_are_overridden_by_name():
    config, options = cli(
        *("--optimizer.itl_lr", "1e-5", "--finetune", "False", "--sizes", "32", "--data.root", "x", "--extra.1.root=c"),
        *("--optimizer.betas", "0.5", "-1", "--name", "n", "--dry-run"),
    )
    expected = Config(
        finetune=False,
        sizes=(32,),
        name="n",
        optimizer=Optimizer(1e-5, (0.5, -1.0)),
        data=Folder("x"),
        extra=(Folder("a"), Folder("c")),
    )
    assert config == expected and options == Options(None, dry_run=True)
    assert cli("--dry_run")[1].dry_run and not cli()[1].dry_run


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
        (["--decoder", "soft"], "--decoder: 'soft': not of type 'argmax' | 'quarter'"),
        (["--finetune", "False", "--steps", "0"], "--steps: '0': steps is at least 1"),
        (["stray"], "stray: a field is overridden by `--name value`"),
        (["--config", "nowhere.py"], "nowhere.py: no such config file"),
        (["--config", "a.py", "b.py"], "--config takes one file"),
        (["--dry_run", "maybe"], "--dry_run takes no value"),
    ],
)
def test_command_line_mistakes_are_one_line(argv, message, capfd):
    with pytest.raises(InputError) as error:
        cli(*argv)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")  # tyro's own boxes would hide the line


def test_no_file_and_no_default():
    with pytest.raises(InputError, match="--config is missing"):
        parse_command([])


def test_config_file(tmp_path):
    config, options = parse_command(["--config", write(tmp_path, "steps=7"), "--optimizer.itl_lr", "2"])
    assert (config.steps, config.optimizer.itl_lr, options.file.name) == (7, 2.0, "c.py")


@pytest.mark.parametrize(
    "change, message",
    [
        ("stepz=7", "c.py: line 10: no field stepz in Config; the nearest is steps"),
        ("steps='7'", "c.py: field steps: '7' is not of type int"),
        ("steps=True", "c.py: field steps: True is not of type int"),
        ("optimizer=Optimizer(itl_lr=None)", "c.py: field optimizer.itl_lr: None is not of type float"),
        ("steps=", "c.py: line 10:"),
        ("steps=unknown", "c.py: line 10: NameError: name 'unknown' is not defined"),
        ("); del config; (", "exposes no `config`"),
    ],
)
def test_broken_config_files(tmp_path, change, message):
    with pytest.raises(InputError) as error:
        load_config(write(tmp_path, change))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_config_of_another_command(tmp_path):
    with pytest.raises(InputError, match=r"`config` is a .*Config, this command takes a .*Config"):
        cli("--config", write(tmp_path, "steps=7"))


def test_help_shows_every_field(capsys):
    with pytest.raises(SystemExit) as exit_:
        cli("--help")
    text = capsys.readouterr().out
    assert exit_.value.code == 0 and "Steps of training." in text and "Learning rate of the transfer layers." in text
    names = [name for name in config_diff(Config(), {}) if name != "extra" and not name.endswith(typed.CLASS)]
    assert len(names) == 10
    for name in [*names, "config", "dry_run", "extra.0.root"]:
        assert f"--{name} " in text


@pytest.mark.parametrize("config", [Config(), Config(name="n", data=Synthetic(3), limit=1.0, extra=())])
def test_json_round_trip(config):
    values = json.loads(json.dumps(config_to_dict(config), allow_nan=False))
    assert config_from_dict(Config, values) == config


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stepz": 1}, "run.json: field stepz: unknown in Config; the nearest is steps"),
        ({"steps": "1"}, "run.json: field steps: '1' is not of type int"),
        ({"optimizer": {"itl_lr": 1.0}}, "run.json: field optimizer.betas: missing"),
        ({"optimizer": {"itl_lr": 1.0, "betas": [1.0]}}, "field optimizer.betas: [1.0] is not of type tuple"),
        ({"data": {"root": "x"}}, "field data: its __class__ is None, expected one of Folder, Synthetic"),
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


def test_a_command_ends_with_one_line(tmp_path):
    program = (
        "from common import config, errors\n"
        f"errors.run(lambda: config.cli(['--config', {write(tmp_path, 'steps=7')!r}, '--step', '3']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "error: --step: no such field in Config; the nearest is steps\n"
