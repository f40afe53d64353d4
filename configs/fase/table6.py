"""Table 6: the encoder frozen or fine-tuned. The fine-tuned rows share the runs of Tables 1, 3 and 4."""

from common.tables import Table
from configs.fase import table1, table3, table4
from configs.fase.paper import row, same_run

# By training set: number of labels, NME with a frozen and with a fine-tuned encoder, the row that fine-tunes.
ROWS = {
    "w300_100pct": (0, (4.54, 0.02), (3.42, 0.02), table1.TABLE.rows["w300"]),
    "w300_10pct": (315, (4.86, 0.03), (3.74, 0.03), table4.TABLE.rows["w300_10pct"]),
    "w300_50": (50, (5.99, 0.06), (4.16, 0.07), table4.TABLE.rows["w300_50"]),
    "wflw_100pct": (0, (8.94, 0.08), (4.62, 0.03), table1.TABLE.rows["wflw"]),
    "wflw_10pct": (750, (9.42, 0.06), (5.44, 0.08), table3.TABLE.rows["wflw_10pct"]),
    "wflw_50": (50, (14.36, 0.33), (7.78, 0.20), table3.TABLE.rows["wflw_50"]),
}
TABLE = Table(
    "6",
    "encoder frozen or fine-tuned; NME on the full test sets",
    {
        f"{name}_frozen": row(f"table6/{name}_frozen", name[:4], labels, {"NME full": frozen}, finetune_encoder=False)
        for name, (labels, frozen, _, _) in ROWS.items()
    }
    | {f"{name}_tuned": same_run(tuned, {"NME full": value}) for name, (_, _, value, tuned) in ROWS.items()},
)
