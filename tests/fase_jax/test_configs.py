"""Tests of FASE's configurations: every row of a table is a valid run, and invalid values are refused."""

import pytest

from common.config import config_from_dict, config_to_dict, load_config
from common.errors import InputError
from common.files import read_json, write_json
from common.tables import Tables, load_tables, write_tables
from fase_jax import repeat, train
from fase_jax.config import FaseConfig, check
from fase_jax.tables import SYSTEM

TABLES = load_tables("configs/fase")
ROWS = {f"configs/fase/{path.name}:{name}": row for path, table in TABLES.items() for name, row in table.rows.items()}
SMALL = ("configs/fase/demo.py", "configs/fase/w300_cpu.py", "configs/fase/w300_cpu.py:few")


@pytest.mark.parametrize("address", [*ROWS, *SMALL])
def test_a_config_loads_and_fits_together(address):
    check(load_config(address, FaseConfig))


def test_every_row_of_the_tables_is_there_once():
    sizes = {table.name: len(table.rows) for table in TABLES.values()}
    assert sizes == {"1": 2, "2": 1, "3": 5, "4": 4, "5": 5, "6": 12, "7": 36}
    runs: dict[str, FaseConfig] = {}
    for address, row in ROWS.items():
        assert runs.setdefault(row.run, row.config) == row.config
        here = address.removeprefix("configs/fase/").replace(".py:", "/")
        if row.run != here:  # it shares the run of another table
            assert row.config == ROWS[f"configs/fase/{row.run.replace('/', '.py:')}"].config
    # Two runs differ in more than their work directories.
    assert len({str(config_to_dict(config) | {"workdir": ""}) for config in runs.values()}) == len(runs) == 52


def test_a_paper_config_is_the_papers():
    config = load_config("configs/fase/table7.py:wflw_50_itl3", FaseConfig)
    o = config.optimizer
    assert (config.steps, config.batch_size, o.itl_lr, o.encoder_lr) == (200_000, 8, 1e-4, 2e-5)
    assert (o.b1, o.b2, o.decay, o.decay_epochs) == (0.9, 0.99, 0.995, 10)
    assert (config.data.num_labels, config.model.num_itls, config.model.heatmap_size) == (50, 3, 128)
    assert config.workdir == "runs/fase/table7/wflw_50_itl3"


def test_repeated_runs_stand_beside_the_papers_values(tmp_path, capsys):
    for run, nme in (("run0", 3.5), ("run1", 3.7)):
        metrics = {"inter_ocular": {"nme": nme}, "box": {"nme": 2.0, "auc_7": 0.7}}
        path = tmp_path / "table1" / "w300" / run / "results" / "results.json"
        write_json(path, {"results": {"full": {"metrics": metrics}, "common": {"metrics": metrics}}})
    single = {"results": {"test": {"metrics": {"inter_ocular": {"nme": 4.8}}}}}
    write_json(tmp_path / "table1" / "wflw" / "results" / "results.json", single)
    rows = write_tables(Tables("1", str(tmp_path)), SYSTEM)["1"]
    assert (rows[0]["runs"], rows[1]["runs"]) == (2, 1)
    assert rows[0]["here"]["NME full"] == pytest.approx((3.6, 0.02**0.5))
    assert set(rows[0]["here"]) == {"NME full", "NME common"} and rows[0]["others"]["AUC_box full"][0] == 0.7
    assert rows[1]["here"] == {"NME full": 4.8}
    assert rows[0]["command"] == "python -m fase_jax.repeat --runs 5 --config configs/fase/table1.py:w300"
    assert "3.42 ± 0.02 / 3.6 ± 0.14" in (tmp_path / "tables" / "table_1.md").read_text()
    assert len(read_json(tmp_path / "tables" / "table_1.json")) == 2
    assert "--runs 10" in write_tables(Tables("7", str(tmp_path)), SYSTEM)["7"][12]["command"]
    assert rows[0]["command"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"decoder": "soft_argmax"}, "decoder"),
        ({"accumulate": 0}, "accumulate"),
        ({"accumulate": 3}, "batch_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"eval_every": 0}, "eval_every"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"data.validation_fraction": 1.0}, "data.validation_fraction"),
        ({"data.num_labels": -1}, "data.num_labels"),
        ({"data.fill": 256}, "data.fill"),
        ({"data.crop_scale": 0.0}, "data.crop_scale"),
        ({"loss.sigma": 0.0}, "loss.sigma"),
        ({"optimizer.schedule": "cosine", "optimizer.warmup_steps": 200_000}, "optimizer.warmup_steps"),
        ({"model.num_itls": 7}, "model.num_itls"),
        ({"model.num_itls": 4, "model.placement": "block"}, "model.num_itls"),
        ({"model.heatmap_size": 16}, "model.heatmap_size"),
        ({"model.heatmap_size": 512}, "model.heatmap_size"),
        ({"model.feature_resolution": 24}, "model.feature_resolution"),
        ({"model.image_size": 192}, "model.image_size"),
        ({"model.encoder_depths": [1, 2]}, "model.encoder_depths"),
    ],
)
def test_values_that_fit_no_run(changes, field, tmp_path):
    values = config_to_dict(FaseConfig(workdir=str(tmp_path / "run")))
    for name, value in changes.items():
        group, _, key = name.rpartition(".")
        (values[group] if group else values)[key] = value
    config = config_from_dict(FaseConfig, values)
    for use in (check, train.describe, train.train):
        with pytest.raises(InputError, match=rf"fields? .*{field}"):
            use(config)
    assert not (tmp_path / "run").exists()


def test_repeat_trains_each_seed_once(tmp_path, monkeypatch):
    trained = []

    def fake_evaluate(options):
        result = {"metrics": {"box": {"nme": 2.0 + len(trained)}}, "normalizer": "box", "errors": [len(trained), None]}
        result |= {"baseline": {"box": 9.0}, "files": ["a", "b"]}
        write_json(f"{options.workdir}/results/results.json", {"results": {"test": result}})

    monkeypatch.setattr(train, "train", lambda config: trained.append((config.workdir, config.seed)))
    monkeypatch.setattr(repeat, "evaluate", fake_evaluate)
    for runs in ("2", "3"):  # the third run is added to the two
        repeat.main(["--runs", runs, "--seed", "5", "--workdir", str(tmp_path)])
    assert trained == [(f"{tmp_path}/run{i}", 5 + i) for i in range(3)]
    found = read_json(tmp_path / "repeated.json")
    assert found["runs"] == 3 and found["results"]["test"]["nme"] == [3.0, 4.0, 5.0]
    assert (found["results"]["test"]["mean"], found["results"]["test"]["std"]) == (4.0, 1.0)
    assert found["results"]["test"]["errors"][0] == 2.0
    with pytest.raises(InputError, match="runs"):
        repeat.main(["--runs", "1"])
