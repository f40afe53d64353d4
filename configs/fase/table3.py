"""Table 3: training with few of the 7,500 labels of WFLW."""

from common.tables import Table
from configs.fase import table1
from configs.fase.paper import row, same_run

TABLE = Table(
    "3",
    "few labels; NME on the full test set of WFLW",
    {
        "wflw_100pct": same_run(table1.TABLE.rows["wflw"], {"NME full": (4.62, 0.03)}),
        "wflw_20pct": row("table3/wflw_20pct", "wflw", 1500, {"NME full": (5.09, 0.08)}),
        "wflw_10pct": row("table3/wflw_10pct", "wflw", 750, {"NME full": (5.44, 0.07)}),
        "wflw_5pct": row("table3/wflw_5pct", "wflw", 375, {"NME full": (5.80, 0.08)}),
        "wflw_50": row("table3/wflw_50", "wflw", 50, {"NME full": (7.78, 0.20)}),
    },
)
