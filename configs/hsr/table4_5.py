"""Table 4.5: HSR with limited data."""

from common.tables import Table
from configs.hsr.paper import VIT_DINO, row, values

# By data set: its name in the thesis, the values of the baseline, the values with HSR.
ROWS = {
    "ffhq1k": ("FFHQ-1k", values(19.14, 98.79), values(21.76, 90.39)),
    "ffhq2k": ("FFHQ-2k", values(14.74, 136.14), values(15.53, 115.38)),
    "ffhq10k": ("FFHQ-10k", values(7.16, 164.21), values(8.08, 126.35)),
    "dog": ("AnimalFace Dog", values(53.28, 59.27), values(51.58, 48.02)),
    "cat": ("AnimalFace Cat", values(39.50, 50.76), values(40.25, 40.75)),
    "cub": ("CUB", values(5.78, 265.46), values(6.15, 237.81)),
}
TABLE = Table(
    "4.5",
    "HSR with limited data",
    {
        f"{dataset}{end}": row(f"table4_5/{dataset}{end}", f"{title}, {method}", dataset, published, extractor)
        for dataset, (title, baseline, with_hsr) in ROWS.items()
        for end, method, published, extractor in (
            ("", "StyleGAN2-ADA", baseline, "none"),
            ("_hsr", "+ HSR", with_hsr, VIT_DINO),
        )
    },
)
