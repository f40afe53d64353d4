"""The settings that all tables of the FASE paper share (Sec. 4.3); each `tableN.py` holds the rows of one table.

    python -m fase_jax.tables --table 7
    python -m fase_jax.repeat --runs 10 --config configs/fase/table7.py:w300_50_itl3

Cost: 200,000 steps of batch 8 at 256 px took one 16 GB V100. A run needs the data set's official download under
`data.root`, and `weights/ffhq` with the FFHQ generator and Feature-Style encoder (see README, "Public weights").
Published errors are NME in percent, mean and standard deviation over 5 runs, or 10 with 50 labels: `NME` by the outer
eye corners, on AFLW `NME_box` by the square root of the box's area and `NME_diag` by the box's diagonal.
"""

import dataclasses
from collections.abc import Mapping

from common.tables import Row, Value
from fase_jax.config import FaceDataConfig, FaseConfig, LossConfig
from fase_jax.model import ModelConfig

PRIOR = "weights/ffhq"
# The FFHQ generator has 1024 px and 18 rows of W+; heatmaps have 128 px.
MODEL = ModelConfig(generator_resolution=1024, channel_base=32768)
# 3FabRec's crops and targets, which the paper builds on.
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
    """A row of a table with a run of its own.

    Args:
      name: the table's file and the row, such as `table3/wflw_50`.
      dataset: `w300`, `wflw` or `aflw`.
      num_labels: size of the training set; 0 takes all of it.
      published: the paper's values.
      num_itls: number of ITLs; without one, the five of most tables.
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


def again(other: Row, published: Mapping[str, Value], more: str = "") -> Row:
    """A row of another table: the same run, with the values that this table prints."""
    return Row(other.title + more, other.config, published)
