"""The run of `mtfl64_cpu` continued from its snapshot with the semantic regularizer, by a small ViT at 112 px.

    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu_hsr.py

The baseline beside it is the same command with `--hsr.extractor none --workdir runs/mtfl64_baseline`.
"""

import dataclasses

from configs.hsr.mtfl64_cpu import config as start
from hsr_jax.config import Semantics

config = dataclasses.replace(
    start,
    workdir="runs/mtfl64_hsr",
    start="runs/mtfl64",
    hsr=Semantics(extractor="../shared/weights/dinov2_vits14.safetensors", start_kimg=0.0, hidden=512, image_size=112),
    kimg=40.0,
)
