"""Table 4.2: HSR that supervises only some levels of the generator, on AnimalFace dog."""

from common.tables import Table
from configs.hsr import table4_5
from configs.hsr.paper import VIT_DINO, row, same_run, values

TABLE = Table(
    "4.2",
    "HSR by supervised levels, AnimalFace dog",
    {
        "baseline": same_run(table4_5.TABLE.rows["dog"], "StyleGAN2-ADA"),
        "high": row("table4_2/high", "+ High-level (8, 16 px)", "dog", values(53.15, 57.73), VIT_DINO, "high"),
        "mid": row("table4_2/mid", "+ Mid-level (16, 32 px)", "dog", values(52.91, 54.18), VIT_DINO, "mid"),
        "low": row("table4_2/low", "+ Low-level (32, 64 px)", "dog", values(53.66, 51.77), VIT_DINO, "low"),
        "all": same_run(table4_5.TABLE.rows["dog_hsr"], "+ All levels"),
    },
)
