"""Tests `hsr_jax.tables` and `hsr_jax.published`: published values beside those of the runs."""

import pytest

from common import files
from common.errors import InputError
from common.tables import Tables, load_tables, write_tables
from hsr_jax import tables
from hsr_jax.published import ATTRIBUTES, CELEBA, CONFIGS, published_name, published_row


def store(runs, run: str, values: dict) -> None:
    document = {"snapshot": f"{runs}/{run}", "results": values, "evaluate": {"num_images": 50_000}}
    files.write_json(runs / run / "results" / "results.json", document)


def test_attributes_have_two_names():
    assert set(CELEBA) == set(ATTRIBUTES) - {"hair"}
    for name, celeba in CELEBA.items():
        assert published_name(f"ALS {celeba}") == published_name(f"ALS {name}") == f"ALS {name}"
    for metric in ("ALS", "ALS (mean of 40)", "ALS (public code)", "FID", "path length in x features"):
        assert published_name(metric) == metric
    named = {published_name(f"ALS {name}") for name in ("Black_Hair", "Wavy_Hair", "Blond_Hair")}
    assert not named & published_row("table4_5/ffhq10k", "")[1].keys()


def test_the_work_directory_tells_the_row_of_a_run():
    name, values = published_row("", "elsewhere/runs/table4_5/ffhq10k")
    # From Table 4.5 and the ALS table, which share the run.
    assert name == "table4_5/ffhq10k" and (values["FID"], values["ALS smile"]) == (7.16, 1.48)
    assert published_row("table4_2/mid", "runs/mine") == ("table4_2/mid", {"FID": 52.91, "PPL": 54.18})
    assert published_row("", "runs/mine") == published_row("", "") == ("", {})
    with pytest.raises(InputError, match="field row: .*nearest is table4_5/dog"):
        published_row("table4_5/dogs", "")


def test_a_row_for_each_run_measured_or_not(tmp_path, capsys):
    substitutes = {"Frechet distance on ViT x (224 px) features": 1.5, "path length in ViT x (224 px) features": 2.5}
    store(tmp_path, "table4_5/dog", {"FID": 54.321, "FID (pytorch-fid)": 53.9, "KID": 0.01})
    store(tmp_path, "table4_4/hsr", substitutes)
    tables.main(["--table", "4.4", "--runs", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "Table 4.4" in printed and "python -m hsr_jax.train --config configs/hsr/table4_4.py:plr_hsr\n" in printed
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"table_4.4.md", "table_4.4.json"}
    assert (tmp_path / "tables" / "table_4.4.md").read_text().splitlines()[2:] == [
        "| row |  | FID | PPL | images |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| neither | neither | 57.97 | 75.63 |  |",
        "| plr | PLR | 53.28 / 54.321 | 59.27 | 50000 |",
        "| hsr | HSR | 52.98 | 58.6 | 50000 |",
        "| plr_hsr | PLR, HSR | 51.58 | 48.02 |  |",
    ]
    rows = files.read_json(tmp_path / "tables" / "table_4.4.json")
    assert [row["run"] for row in rows] == ["table4_4/neither", "table4_5/dog", "table4_4/hsr", "table4_5/dog_hsr"]
    assert rows[2]["here"] == {} and rows[2]["others"] == substitutes
    assert rows[1]["here"] == {"FID": 54.321} and rows[1]["published"] == {"FID": 53.28, "PPL": 59.27}


def test_attributes_by_celebas_names_and_all_tables_at_once(tmp_path):
    values = {"ALS Male": 1.1, "ALS No_Beard": 1.2, "ALS Wavy_Hair": 1.3, "ALS (mean of 3)": 1.2}
    store(tmp_path / "runs", "table4_5/ffhq10k", values | {"FID": 8.0, "PPL": 150.0})
    found = write_tables(Tables(runs=str(tmp_path / "runs"), out=str(tmp_path / "out")), tables.SYSTEM)
    assert list(found) == [table.name for table in load_tables(CONFIGS).values()]
    assert len(list((tmp_path / "out").iterdir())) == 2 * len(found)
    row = found["ALS"][0]
    assert row["here"] == {"ALS gender": 1.1, "ALS beard": 1.2}
    assert {"ALS Wavy_Hair", "ALS (mean of 3)", "FID"} <= row["others"].keys()
    of_full = next(row for row in found["4.5"] if row["run"] == "table4_5/ffhq10k")
    assert of_full["here"] == {"FID": 8.0, "PPL": 150.0}


def test_what_a_user_can_put_right(tmp_path):
    with pytest.raises(InputError, match="field table: '4.44' .*nearest is 4.4"):
        write_tables(Tables(table="4.44", runs=str(tmp_path)), tables.SYSTEM)
    with pytest.raises(InputError, match="field runs: .*no such directory"):
        write_tables(Tables(runs=str(tmp_path / "mistyped")), tables.SYSTEM)
    files.write_json(tmp_path / "table4_5" / "dog" / "results" / "results.json", [])
    with pytest.raises(InputError, match="not a results file"):
        write_tables(Tables(table="4.1", runs=str(tmp_path)), tables.SYSTEM)
