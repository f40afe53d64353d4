"""Table 2: training with all labels of AFLW. Standard deviations are below 0.01 %, that of the AUC below 0.001."""

from common.tables import Table
from configs.fase.paper import row

TABLE = Table(
    "2",
    "all labels; NME and AUC up to 7 % NME_box on the full and frontal test sets of AFLW",
    {
        "aflw": row(
            "table2/aflw",
            "aflw",
            0,
            {"NME_diag full": 1.02, "NME_diag frontal": 0.90, "NME_box full": 1.45, "AUC_box full": 0.791},
        )
    },
)
