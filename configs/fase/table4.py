"""Table 4: training with few of the 3,148 labels of 300-W.

The table's numbers are missing from the text of the paper that this file was written from, except for two values that
Table 6 repeats.
"""

from common.tables import Table
from configs.fase.paper import row

OTHERS = {"NME common": None, "NME challenging": None}
TABLE = Table(
    "4",
    "few labels; NME on the common, challenging and full test sets of 300-W",
    {
        "w300_20pct": row("table4/w300_20pct", "w300", 630, OTHERS | {"NME full": None}),
        "w300_10pct": row("table4/w300_10pct", "w300", 315, OTHERS | {"NME full": (3.74, 0.03)}),
        "w300_5pct": row("table4/w300_5pct", "w300", 157, OTHERS | {"NME full": None}),
        "w300_50": row("table4/w300_50", "w300", 50, OTHERS | {"NME full": (4.16, 0.07)}),
    },
)
