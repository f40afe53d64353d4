"""The 10,000 training faces of MTFL at 64 px on two CPU cores: a baseline, and a run with HSR that continues it.

    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu.py
    python -m hsr_jax.train --config configs/hsr/mtfl64_cpu.py:hsr

`hsr` continues from the baseline's snapshot with the semantic regularizer, whose extractor is a small ViT at 112 px. To
continue without it for comparison, add `--hsr.extractor none --workdir runs/mtfl64_baseline` to the second command.

The ViT's features after its last LayerNorm have mean squares of 5 to 22 per layer and 65 in total, so that a prediction
of zero has a loss of about 1 with the weight here, as large as the adversarial loss. With the thesis' weight,
`--hsr.weight 1`, the regularizer is forty times the adversarial loss, and the images become alike.
"""

import dataclasses

from configs.hsr.presets import auto
from hsr_jax.config import AdaConfig, HsrConfig, ImageDataConfig, NetworksConfig
from hsr_jax.gan.phases import LossConfig, ScheduleConfig

config = dataclasses.replace(
    auto(64),
    workdir="runs/mtfl64",
    data=ImageDataConfig(source="../shared/data/mtfl", table="train.csv", resolution=64),
    networks=NetworksConfig(
        z_dim=128,
        w_dim=128,
        mapping_layers=2,
        channel_base=1024,
        channel_max=96,
        mbstd_group=4,
        mbstd_batch=16,
    ),
    losses=LossConfig(r1_gamma=0.0002 * 64**2 / 16),  # the rule of `auto` for this batch size
    schedule=ScheduleConfig(ema_kimg=5.0, ema_ramp_up=0.05),
    ada=AdaConfig(kimg=100.0),
    kimg=100.0,
    batch_size=16,
    log_every=50,
    save_kimg=5.0,
    sample_kimg=20.0,
)

hsr = dataclasses.replace(
    config,
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
