"""The settings that all tables of Chapter 4 of the thesis share (Sec. 4.3.1). Each `table*.py` holds one table.

    python -m hsr_jax.tables --table 4.4
    python -m hsr_jax.train --config configs/hsr/table4_5.py:dog_hsr

The thesis trained StyleGAN2-ADA's `paper256` with batches of 16 and mirrored images on two A6000 GPUs with 48 GB each.
Augmentation is adaptive for limited data (Tables 4.1, 4.2, 4.4, 4.5) and off for all data (Table 4.3). The thesis does
not state the length of its runs; here it is the preset's. With HSR, all four levels predict features of DINO's ViT-B/16
from 500 kimg on, and augmentation is the same as in the baseline. The public code of HSR differs: it has no
augmentation, a ReLU and another normalisation (`--ada.mode none --hsr.activation relu --hsr.normalization hsr`).

Data sets are prepared from their downloads in `downloads/`. `python -m common.weights list` says how to import the
extractors.
"""

import dataclasses
from collections.abc import Mapping

from common.tables import Row
from configs.hsr import presets
from hsr_jax.config import AdaConfig, HsrConfig, ImageDataConfig, Levels

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
    """The published values of a row in most tables."""
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
    """Makes a row of a table with a run of its own.

    Args:
      name: names of the table's file and of the row, such as `table4_5/dog`.
      title: name of the row in the thesis.
      dataset: a key of `FULL` or `LIMITED`.
      published: values in the thesis.
      extractor: network whose features are predicted; `none` for the baseline.
      levels: blocks of the generator that are supervised.
      path_length_regularizer: whether StyleGAN2's path length regularisation is on.
    """
    preset = presets.paper256()
    config = dataclasses.replace(
        preset,
        workdir=f"runs/hsr/{name}",
        data=(FULL | LIMITED)[dataset],
        batch_size=BATCH_SIZE,
        losses=preset.losses if path_length_regularizer else dataclasses.replace(preset.losses, path_length_weight=0.0),
        ada=AdaConfig(mode="adaptive" if dataset in LIMITED else "none"),
        # DINO's features are taken after the last LayerNorm, those of DeiT and of an untrained ViT before it.
        hsr=HsrConfig(extractor=extractor, levels=levels, final_norm=extractor not in (DEIT, RANDOM_VIT)),
    )
    return Row(title, config, published)


def same_run(row: Row, title: str, published: Mapping[str, float] | None = None) -> Row:
    """Makes a row that shares the run, and unless others are given the values, of another table's row."""
    return Row(title, row.config, published or row.published)
