"""The table inside Fig. 4.10: the attribute linearity score (ALS) with and without HSR on FFHQ-10k."""

from common.tables import Table
from configs.hsr import table4_5
from configs.hsr.paper import same_run

METRICS = ("ALS gender", "ALS smile", "ALS age", "ALS hair", "ALS bangs", "ALS beard", "ALS")


def _values(*scores: float) -> dict[str, float]:
    return dict(zip(METRICS, scores, strict=True))


TABLE = Table(
    "ALS",
    "attribute linearity, FFHQ-10k (inside Fig. 4.10)",
    {
        "baseline": same_run(
            table4_5.TABLE.rows["ffhq10k"], "SG2-ADA", _values(1.38, 1.48, 1.18, 1.96, 1.95, 1.60, 1.59)
        ),
        "hsr": same_run(table4_5.TABLE.rows["ffhq10k_hsr"], "+HSR", _values(1.12, 0.99, 1.15, 1.87, 1.62, 1.16, 1.32)),
    },
)
