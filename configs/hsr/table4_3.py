"""Table 4.3: HSR with all data of FFHQ and LSUN-Church."""

from common.tables import Table
from configs.hsr.paper import VIT_DINO, row


def _values(fid: float, precision: float, recall: float, ppl: float) -> dict[str, float]:
    return {"FID": fid, "precision": precision, "recall": recall, "PPL": ppl}


TABLE = Table(
    "4.3",
    "HSR with all data",
    {
        "ffhq": row("table4_3/ffhq", "FFHQ-140k, SG2", "ffhq", _values(3.92, 0.68, 0.45, 175.09)),
        "ffhq_hsr": row("table4_3/ffhq_hsr", "FFHQ-140k, + HSR", "ffhq", _values(3.72, 0.68, 0.48, 144.59), VIT_DINO),
        "church": row("table4_3/church", "LSUN-Church, SG2", "church", _values(4.08, 0.60, 0.34, 916.15)),
        "church_hsr": row(
            "table4_3/church_hsr", "LSUN-Church, + HSR", "church", _values(3.82, 0.60, 0.41, 678.55), VIT_DINO
        ),
    },
)
