"""The run of `mtfl64_cpu` continued from its snapshot with the semantic regularizer, by a small ViT at 112 px.

    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu_hsr.py

The baseline beside it is the same command with `--hsr.extractor none --workdir runs/mtfl64_baseline`. The features of
this ViT through its last LayerNorm have a mean square of 5 to 22 by layer, 65 in all: the weight makes the error of
predicting zero 1, which is the size of the adversarial loss. With the document's weight, `--hsr.weight 1`, the
regularizer is forty times the adversarial loss and the images become alike.
"""

import dataclasses

from configs.hsr.mtfl64_cpu import config as start
from hsr_jax.config import HsrConfig

config = dataclasses.replace(
    start,
    workdir="runs/mtfl64_hsr",
    resume_from="runs/mtfl64",
    hsr=HsrConfig(
        extractor="../shared/weights/dinov2_vits14.safetensors",
        weight=0.015,
        start_kimg=0.0,
        hidden=512,
        image_size=112,
    ),
    kimg=20.0,
)
