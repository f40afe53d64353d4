"""The settings that all tables of the FASE paper share (Sec. 4.3). Each `tableN.py` holds the rows of one table.

    python -m fase_jax.tables --table 7
    python -m fase_jax.repeat --runs 10 --config configs/fase/table7.py:w300_50_itl3

A run of the paper made 200,000 steps of batch 8 at 256 px on one V100 with 16 GB. It needs the official download of the
data set in `data.root`, and the FFHQ generator and Feature-Style encoder in `weights/ffhq` (README, "Public weights").
Published errors are NME in percent: mean and standard deviation over 5 runs, or 10 runs with 50 labels. They are
normalised by the distance of the outer eye corners (`NME`), on AFLW by the square root of the box's area (`NME_box`)
or its diagonal (`NME_diag`).
"""

import dataclasses
from collections.abc import Mapping

from common.tables import Row, Value
from fase_jax.config import FaceDataConfig, FaseConfig, LossConfig
from fase_jax.model import ModelConfig

PRIOR = "weights/ffhq"
# The FFHQ generator makes images of 1024 px and has 18 rows of W+. Heatmaps keep their 128 px.
MODEL = ModelConfig(generator_resolution=1024, channel_base=32768)
# Crops and targets as in 3FabRec, on which the paper builds.
EXTEND = {"w300": (0.2, 0.12), "wflw": (0.0, 0.1), "aflw": (0.0, 0.0)}
LOSS = LossConfig(kind="mse", target="fabrec", sigma=7.0, weight=300.0)
TITLES = {"w300": "300-W", "wflw": "WFLW", "aflw": "AFLW"}


def row(
    name: str,
    dataset: str,
    num_labels: int,
    published: Mapping[str, Value],
    num_itls: int | None = None,
    finetune_encoder: bool = True,
) -> Row:
    """Makes a row of a table with a run of its own.

    Args:
      name: names of the table's file and of the row, such as `table3/wflw_50`.
      dataset: `w300`, `wflw` or `aflw`.
      num_labels: number of training faces; 0 takes all.
      published: the paper's values.
      num_itls: number of ITLs; None for the five ITLs of most tables, which the title then does not name.
      finetune_encoder: whether the encoder is trained.
    """
    data = FaceDataConfig(
        dataset=dataset,
        root=f"downloads/{dataset}",
        num_labels=num_labels,
        crop="fabrec",
        crop_extend=EXTEND[dataset],
    )
    config = FaseConfig(
        workdir=f"runs/fase/{name}",
        data=data,
        model=dataclasses.replace(MODEL, num_itls=num_itls or 5),
        prior=PRIOR,
        finetune_encoder=finetune_encoder,
        loss=LOSS,
        decoder="smoothed_argmax",
    )
    title = f"{TITLES[dataset]}, {num_labels or 'all'} labels"
    title += f", {num_itls} ITL{'s' * (num_itls > 1)}" if num_itls else ""
    return Row(title if finetune_encoder else f"{title}, encoder frozen", config, published)


def same_run(row: Row, published: Mapping[str, Value], suffix: str = "") -> Row:
    """Makes a row that shares the run of another table's row and has the values that this table prints."""
    return Row(row.title + suffix, row.config, published)
