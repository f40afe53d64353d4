"""Table 5: training with few of the 20,000 labels of AFLW.

The table's numbers are missing from the text of the paper that this file was written from.
"""

from common.tables import Table
from configs.fase.paper import row

SIZES = {"20pct": 4000, "10pct": 2000, "5pct": 1000, "1pct": 200, "50": 50}
METRICS = dict.fromkeys(("NME_diag full", "NME_diag frontal", "NME_box full"))
TABLE = Table(
    "5",
    "few labels; NME on the full and frontal test sets of AFLW",
    {f"aflw_{size}": row(f"table5/aflw_{size}", "aflw", count, METRICS) for size, count in SIZES.items()},
)
