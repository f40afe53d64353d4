"""What all tables of Chapter 4 of the thesis share (Sec. 4.3.1); each `table4_*.py` changes a few fields.

StyleGAN2-ADA's `paper256` with batches of 16 on two 48 GB A6000 GPUs, mirrored images; adaptive augmentation where data
are limited (Tables 4.1, 4.2, 4.4, 4.5), none with all data (Table 4.3). The document does not tell the length of the
runs: it is the preset's. With HSR, all four levels of ViT-B/16 DINO join after 500 kimg, and augmentation goes on as in
the baseline; the public code of HSR has none, a ReLU and another normalisation: `--ada.mode none
--hsr.activation relu --hsr.normalization hsr`.

The data sets are prepared from their downloads under `downloads/`; the extractors are what `python -m common.weights
list` says how to import.
"""

import dataclasses

from configs.hsr import presets
from hsr_jax.config import AdaConfig, GanConfig, HsrConfig, ImageDataConfig
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


def paper(
    name: str, dataset: str, extractor: str = "none", levels: Levels = "all", path_length_regularizer: bool = True
) -> GanConfig:
    """One row of a table: data set, extractor of HSR (`none`: the baseline), supervised levels, PLR on or off."""
    preset = presets.paper256()
    return dataclasses.replace(
        preset,
        workdir=f"runs/hsr/{name}",
        data=(FULL | LIMITED)[dataset],
        batch_size=BATCH_SIZE,
        losses=preset.losses if path_length_regularizer else dataclasses.replace(preset.losses, path_length_weight=0.0),
        ada=AdaConfig(mode="adaptive" if dataset in LIMITED else "none"),
        # DeiT's and an untrained network's blocks are taken as they are, DINO's through the last LayerNorm.
        hsr=HsrConfig(extractor=extractor, levels=levels, final_norm=extractor not in (DEIT, RANDOM_VIT)),
    )


config = paper("paper", "dog", VIT_DINO)
