"""Reader of CSV tables with a header, such as annotations, attributes and boxes."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells of a CSV file, as text without surrounding spaces."""

    path: Path
    """Path of the file."""
    columns: dict[str, list[str]]
    """Name of each column -> cells of the column, one per row."""
    lines: list[int]
    """Line of each row in the file, where the header is line 1."""

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int) -> str:
        """Place of a row for error messages: `labels.csv, row 17`."""
        return f"{self.path}, row {self.lines[row]}"

    def require(self, *names: str) -> None:
        """Raises `InputError` for the first of these columns that is missing."""
        for name in names:
            if name not in self.columns:
                raise InputError(
                    f'{self.path}: column "{name}" is missing{nearest(name, self.columns)}; add or rename it'
                )

    def numbers(self, names: Sequence[str], optional: np.ndarray | None = None) -> np.ndarray:
        """Numbers in some columns, float64 [N, len(names)].

        Args:
          names: names of the columns.
          optional: whether a cell need not hold a number and is returned as 0, bool [N, len(names)].

        Raises:
          InputError: a column is missing, or a cell is not a finite number in the range of float32.
        """
        self.require(*names)
        cells = [self.columns[name] for name in names]
        try:
            values = np.array(cells).astype(np.float64).T
        except ValueError:
            values = np.array([[to_float(cell) for cell in column] for column in cells]).T
        wrong = ~(np.abs(values) <= np.finfo(np.float32).max)  # NaN is wrong as well
        if optional is not None:
            values = np.where(optional, 0, values)
            wrong &= ~optional
        if wrong.any():
            row, i = np.argwhere(wrong)[0]
            raise InputError(
                f'{self.place(row)}, column "{names[i]}": "{cells[i][row]}" is not a finite number; '
                "correct it or remove the row"
            )
        return values


def read_table(path: str | Path) -> Table:
    """Reads a CSV file and skips empty lines.

    Raises:
      InputError: the file is not CSV, has no rows, names a column twice, or has a row of another length.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            rows = [([cell.strip() for cell in row], reader.line_num) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8 ({error}); save it again as such") from error
    if len(rows) < 2:
        raise InputError(f"{path}: has no rows; it needs a header and one line per row")
    (header, _), *body = rows
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise InputError(f"{path}: columns must be separated by commas; save it again as such")
    for name in header:
        if header.count(name) > 1:
            raise InputError(f'{path}: column "{name}" appears {header.count(name)} times; remove or rename one')
    for row, line in body:
        if len(row) != len(header):
            raise InputError(f"{path}, row {line}: {len(row)} values for {len(header)} columns; complete or remove it")
    columns = zip(*(row for row, _ in body), strict=True)
    return Table(Path(path), dict(zip(header, map(list, columns), strict=True)), [line for _, line in body])


def to_float(cell: str) -> float:
    """Number in a text; NaN if the text is not a number."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")
