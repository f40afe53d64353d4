"""The thesis' tables with the numbers of the runs beside."""

import pytest

from common import files
from common.errors import InputError
from hsr_jax import tables
from hsr_jax.published import ATTRIBUTES, CELEBA, TABLES, published_name


def store(runs, config: str, values: dict) -> None:
    document = {"snapshot": f"{runs}/{config}", "results": values, "evaluate": {"num_images": 50_000}}
    files.write_json(runs / config / "results" / "results.json", document)


def test_attributes_have_two_names():
    assert set(CELEBA) == set(ATTRIBUTES) - {"hair"}
    for name, celeba in CELEBA.items():
        assert published_name(f"ALS {celeba}") == published_name(f"ALS {name}") == f"ALS {name}"
    for metric in ("ALS", "ALS (mean of 40)", "ALS (public code)", "FID", "path length in x features"):
        assert published_name(metric) == metric
    named = {published_name(f"ALS {name}") for name in ("Black_Hair", "Wavy_Hair", "Blond_Hair")}
    assert not named & TABLES["ALS"][0].values.keys()


def test_a_row_for_each_run_measured_or_not(tmp_path, capsys):
    substitutes = {"Frechet distance on ViT x (224 px) features": 1.5, "path length in ViT x (224 px) features": 2.5}
    store(tmp_path, "table4_5_dog", {"FID": 54.321, "FID (pytorch-fid)": 53.9, "KID": 0.01})
    store(tmp_path, "table4_4_hsr", substitutes)
    tables.main(["--table", "4.4", "--runs", str(tmp_path)])
    assert "Table 4.4" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"table_4.4.md", "table_4.4.json"}
    assert (tmp_path / "tables" / "table_4.4.md").read_text().splitlines() == [
        "# Table 4.4, thesis and here",
        "",
        "| row | FID, thesis | FID, here | PPL, thesis | PPL, here | images |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| neither | 57.97 |  | 75.63 |  |  |",
        "| PLR | 53.28 | 54.321 | 59.27 |  | 50000 |",
        "| HSR | 52.98 |  | 58.6 |  | 50000 |",
        "| PLR, HSR | 51.58 |  | 48.02 |  |  |",
    ]
    rows = files.read_json(tmp_path / "tables" / "table_4.4.json")
    assert [row["config"] for row in rows] == [row.config for row in TABLES["4.4"]]
    assert rows[2]["here"] == {} and rows[2]["others"] == substitutes
    assert rows[1]["here"] == {"FID": 54.321} and rows[1]["thesis"] == {"FID": 53.28, "PPL": 59.27}


def test_attributes_by_celebas_names_and_all_tables_at_once(tmp_path):
    values = {"ALS Male": 1.1, "ALS No_Beard": 1.2, "ALS Wavy_Hair": 1.3, "ALS (mean of 3)": 1.2}
    store(tmp_path / "runs", "table4_5_ffhq10k", values | {"FID": 8.0, "PPL": 150.0})
    found = tables.write_tables(tables.Tables(runs=str(tmp_path / "runs"), out=str(tmp_path / "out")))
    assert list(found) == list(TABLES) and len(list((tmp_path / "out").iterdir())) == 2 * len(TABLES)
    row = found["ALS"][0]
    assert row["here"] == {"ALS gender": 1.1, "ALS beard": 1.2}
    assert {"ALS Wavy_Hair", "ALS (mean of 3)", "FID"} <= row["others"].keys()
    of_full = next(row for row in found["4.5"] if row["config"] == "table4_5_ffhq10k")
    assert of_full["here"] == {"FID": 8.0, "PPL": 150.0}


def test_what_a_user_can_put_right(tmp_path):
    with pytest.raises(InputError, match="field table: '4.44' .*nearest is 4.4"):
        tables.write_tables(tables.Tables(table="4.44", runs=str(tmp_path)))
    with pytest.raises(InputError, match="field runs: .*no such directory"):
        tables.write_tables(tables.Tables(runs=str(tmp_path / "mistyped")))
    files.write_json(tmp_path / "table4_5_dog" / "results" / "results.json", [])
    with pytest.raises(InputError, match="no results file"):
        tables.write_tables(tables.Tables(table="4.1", runs=str(tmp_path)))
