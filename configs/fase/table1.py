"""Table 1: training with all labels of 300-W and WFLW."""

from common.tables import Table
from configs.fase.paper import row

TABLE = Table(
    "1",
    "all labels; NME on the common, challenging and full test sets of 300-W and the full one of WFLW",
    {
        "w300": row(
            "table1/w300",
            "w300",
            0,
            {"NME common": (2.97, 0.01), "NME challenging": (5.30, 0.09), "NME full": (3.42, 0.02)},
        ),
        "wflw": row("table1/wflw", "wflw", 0, {"NME full": (4.62, 0.03)}),
    },
)
