"""Reader of CSV tables: its values, and its errors, which name the place and the column."""

import numpy as np
import pytest

from common.data.tables import read_table
from common.errors import InputError


@pytest.fixture
def table(tmp_path):
    def write(text):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / "t.csv").write_bytes(data)
        return read_table(tmp_path / "t.csv")

    return write


def test_cells_are_stripped_and_lines_counted(table):
    found = table("\ufefffile, x\n\n a b.png ,1\n'c',2.5\n")
    assert found.columns == {"file": ["a b.png", "'c'"], "x": ["1", "2.5"]}
    assert found.place(1).endswith("t.csv, row 4") and len(found) == 2
    np.testing.assert_array_equal(found.numbers(("x", "x")), [[1, 1], [2.5, 2.5]])


def test_optional_cells_may_be_anything(table):
    found = table("x,y\n,3\n1,z\n")
    optional = np.array([[True, False], [False, True]])
    np.testing.assert_array_equal(found.numbers(("x", "y"), optional), [[0, 3], [1, 0]])


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1e99", "12;5"])
def test_a_cell_without_a_number_is_named(table, cell):
    with pytest.raises(InputError, match=f't.csv, row 3, column "y": "{cell}"'):
        table(f"x,y\n1,2\n1,{cell}\n").numbers(("x", "y"))


def test_a_missing_column_is_named(table):
    with pytest.raises(InputError, match='t.csv: column "smile".*nearest is smiles'):
        table("smiles,y\n1,2\n").require("y", "smile")
    with pytest.raises(InputError, match='column "z" is missing; add'):  # nothing is near
        table("smiles,y\n1,2\n").require("z")


@pytest.mark.parametrize(
    "text, names",
    [
        ("x,y\n1\n", "row 2: 1 values for 2 columns"),
        ("x,y\n1,2\n1,2,3\n", "row 3: 3 values for 2 columns"),
        ("x,x\n1,2\n", 'column "x" appears 2 times'),
        ("x,y\n", "no rows"),
        ("", "no rows"),
        ("x;y\n1;2\n", "commas"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_broken_tables_are_refused(table, text, names):
    with pytest.raises(InputError, match="t.csv.*" + names):
        table(text)
