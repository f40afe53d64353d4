"""MTFL's 10,000 training faces at 64 px on two CPU cores: the baseline that HSR starts from.

python -m hsr_jax.train --config configs/hsr/mtfl64_cpu.py
"""

import dataclasses

from configs.hsr.presets import auto
from hsr_jax.config import AdaConfig, ImageDataConfig, NetworksConfig
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
    losses=LossConfig(r1_gamma=0.0002 * 64**2 / 16),  # `auto`'s rule for this batch
    schedule=ScheduleConfig(ema_kimg=5.0, ema_ramp_up=0.05),
    ada=AdaConfig(kimg=100.0),
    kimg=100.0,
    batch_size=16,
    log_every=50,
    save_kimg=5.0,
    sample_kimg=20.0,
)
