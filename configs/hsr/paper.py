"""The settings that all tables of Chapter 4 of the thesis share (Sec. 4.3.1); each `table*.py` holds one table.

    python -m hsr_jax.tables --table 4.4
    python -m hsr_jax.train --config configs/hsr/table4_5.py:dog_hsr

StyleGAN2-ADA's `paper256` with batches of 16 on two 48 GB A6000 GPUs, mirrored images; adaptive augmentation where data
are limited (Tables 4.1, 4.2, 4.4, 4.5), none with all data (Table 4.3). The document does not state the length of the
runs; it is the preset's here. With HSR, all four levels of ViT-B/16 DINO join after 500 kimg, and augmentation goes on
as in the baseline. The public code of HSR has no augmentation, a ReLU and another normalisation:
`--ada.mode none --hsr.activation relu --hsr.normalization hsr`.

The data sets are prepared from their downloads under `downloads/`; `python -m common.weights list` says how to import
the extractors.
"""

import dataclasses
from collections.abc import Mapping

from common.tables import Row
from configs.hsr import presets
from hsr_jax.config import AdaConfig, HsrConfig, ImageDataConfig
from hsr_jax.gan.regularizer import Levels

BATCH_SIZE = 16

FULL = {
    "ffhq": ImageDataConfig(source="ffhq", manual_dir="downloads/ffhq"),
    "church": ImageDataConfig(source="lsun_church", split="train", manual_dir="downloads/lsun_church"),
}
LIMITED = {
    "ffhq1k": dataclasses.replace(FULL["ffhq"], max_images=1_000),
    "ffhq2k": dataclasses.replace(FULL["ffhq"], max_images=2_000),
    "ffhq10k": dataclasses.replace(FULL["ffhq"], max_images=10_000),
    "dog": ImageDataConfig(source="animal_face/dog", manual_dir="downloads/animal_face"),
    "cat": ImageDataConfig(source="animal_face/cat", manual_dir="downloads/animal_face"),
    "cub": ImageDataConfig(source="cub", manual_dir="downloads/cub"),
}

VIT_DINO = "weights/dino/dino_vitbase16_pretrain"
RESNET50_DINO = "weights/resnet/dino_resnet50_pretrain"
DEIT = "weights/deit/deit_base_patch16_224-b5f2ef4d"
RESNET50 = "weights/resnet/resnet50"
RANDOM_VIT = "random"


def values(fid: float, ppl: float) -> dict[str, float]:
    """The published values of most rows."""
    return {"FID": fid, "PPL": ppl}


def row(
    name: str,
    title: str,
    dataset: str,
    published: Mapping[str, float],
    extractor: str = "none",
    levels: Levels = "all",
    path_length_regularizer: bool = True,
) -> Row:
    """A row of a table with a run of its own.

    Args:
      name: the table's file and the row, such as `table4_5/dog`.
      title: the row as the document names it.
      dataset: a key of `FULL` or `LIMITED`.
      published: the thesis' values.
      extractor: the network whose features are predicted; `none` for the baseline.
      levels: the generator's blocks that are supervised.
      path_length_regularizer: whether StyleGAN2's own regularizer is on.
    """
    preset = presets.paper256()
    config = dataclasses.replace(
        preset,
        workdir=f"runs/hsr/{name}",
        data=(FULL | LIMITED)[dataset],
        batch_size=BATCH_SIZE,
        losses=preset.losses if path_length_regularizer else dataclasses.replace(preset.losses, path_length_weight=0.0),
        ada=AdaConfig(mode="adaptive" if dataset in LIMITED else "none"),
        # DeiT's and an untrained network's blocks are taken as they are, DINO's through the last LayerNorm.
        hsr=HsrConfig(extractor=extractor, levels=levels, final_norm=extractor not in (DEIT, RANDOM_VIT)),
    )
    return Row(title, config, published)


def again(other: Row, title: str, published: Mapping[str, float] | None = None) -> Row:
    """A row of another table: the same run, with the values that this table prints."""
    return Row(title, other.config, published or other.published)
