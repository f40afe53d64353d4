"""Table 2: training with all labels of AFLW. The standard deviations are below 0.01 %, and below 0.001 for the AUC."""

from common.tables import Table
from configs.fase.paper import row

TABLE = Table(
    "2",
    "all labels; NME, and AUC of NME_box up to 7 %, on the full and frontal test sets of AFLW",
    {
        "aflw": row(
            "table2/aflw",
            "aflw",
            0,
            {"NME_diag full": 1.02, "NME_diag frontal": 0.90, "NME_box full": 1.45, "AUC_box full": 0.791},
        )
    },
)
