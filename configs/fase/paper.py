"""What all tables of the FASE paper share (Sec. 4.3); each `tableN_*.py` changes a few fields.

Cost: 200,000 steps of batch 8 at 256 px took one 16 GB V100. Needs the data set's official download under
`data.root`, and `weights/ffhq` with the FFHQ generator and Feature-Style encoder (see README, "Public weights").
"""

import dataclasses

from fase_jax.config import FaceDataConfig, FaseConfig, LossConfig
from fase_jax.model import ModelConfig

PRIOR = "weights/ffhq"

# The FFHQ generator has 1024 px and 18 rows of W+; five ITLs, heatmaps of 128 px.
MODEL = ModelConfig(generator_resolution=1024, channel_base=32768, num_itls=5)

# 3FabRec's crops and targets, which the paper builds on.
EXTEND = {"w300": (0.2, 0.12), "wflw": (0.0, 0.1), "aflw": (0.0, 0.0)}
LOSS = LossConfig(kind="mse", target="fabrec", sigma=7.0, weight=300.0)


def paper(name: str, dataset: str, num_labels: int = 0, num_itls: int = 5, finetune_encoder: bool = True) -> FaseConfig:
    """One cell of a table: data set, number of labels (0: all), number of ITLs, encoder fine-tuned or not."""
    data = FaceDataConfig(
        dataset=dataset,
        root=f"downloads/{dataset}",
        num_labels=num_labels,
        crop="fabrec",
        crop_extend=EXTEND[dataset],
    )
    return FaseConfig(
        workdir=f"runs/fase/{name}",
        data=data,
        model=dataclasses.replace(MODEL, num_itls=num_itls),
        prior=PRIOR,
        finetune_encoder=finetune_encoder,
        loss=LOSS,
        decoder="smoothed_argmax",
    )


config = paper("w300", "w300")
