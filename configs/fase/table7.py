"""Table 7: the number of ITLs. The rows with five ITLs share the runs of Tables 1, 3 and 4."""

from common.tables import Table
from configs.fase import table1, table3, table4
from configs.fase.paper import row, same_run

# By training set: number of labels, NME with one to six ITLs, the row of another table with five ITLs.
ROWS = {
    "w300_100pct": (
        0,
        ((3.54, 0.03), (3.44, 0.04), (3.43, 0.04), (3.46, 0.04), (3.42, 0.02), (3.45, 0.03)),
        table1.TABLE.rows["w300"],
    ),
    "w300_10pct": (
        315,
        ((3.76, 0.02), (3.72, 0.03), (3.74, 0.01), (3.73, 0.02), (3.74, 0.03), (3.70, 0.01)),
        table4.TABLE.rows["w300_10pct"],
    ),
    "w300_50": (
        50,
        ((4.26, 0.09), (4.22, 0.03), (4.13, 0.02), (4.16, 0.03), (4.16, 0.07), (4.15, 0.06)),
        table4.TABLE.rows["w300_50"],
    ),
    "wflw_100pct": (
        0,
        ((4.75, 0.04), (4.65, 0.02), (4.66, 0.08), (4.63, 0.05), (4.62, 0.03), (4.61, 0.4)),
        table1.TABLE.rows["wflw"],
    ),
    "wflw_10pct": (
        750,
        ((5.68, 0.11), (5.50, 0.04), (5.46, 0.05), (5.43, 0.04), (5.44, 0.07), (5.42, 0.03)),
        table3.TABLE.rows["wflw_10pct"],
    ),
    "wflw_50": (
        50,
        ((8.72, 0.35), (8.20, 0.32), (7.65, 0.23), (7.94, 0.27), (7.78, 0.20), (7.82, 0.29)),
        table3.TABLE.rows["wflw_50"],
    ),
}
TABLE = Table(
    "7",
    "number of ITLs; NME on the full test sets",
    {
        f"{name}_itl{n}": same_run(five, {"NME full": value}, ", 5 ITLs")
        if n == 5
        else row(f"table7/{name}_itl{n}", name[:4], labels, {"NME full": value}, num_itls=n)
        for name, (labels, values, five) in ROWS.items()
        for n, value in enumerate(values, start=1)
    },
)
