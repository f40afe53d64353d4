"""StyleGAN2-ADA's own configurations under their names. A config file starts from one and changes a few fields.

| preset | batch | mbstd group | channel_base | rate | R1 gamma | EMA kimg | EMA ramp-up | mapping layers | kimg |
|---|---|---|---|---|---|---|---|---|---|
| stylegan2 | 32 | 4 | 32768 | 0.002 | 10 | 10 | - | 8 | 25000 |
| paper256 | 64 | 8 | 16384 | 0.0025 | 1 | 20 | - | 8 | 25000 |
| paper512 | 64 | 8 | 32768 | 0.0025 | 0.5 | 20 | - | 8 | 25000 |
| paper1024 | 32 | 4 | 32768 | 0.002 | 2 | 10 | - | 8 | 25000 |
| cifar | 64 | 32 | 32768 | 0.0025 | 0.01 | 500 | 0.05 | 2 | 100000 |

`auto` computes these values from the resolution and the number of devices. The groups of the minibatch deviation form
inside the part of a batch that one GPU of the reference had, of 8 GPUs (cifar: 2).
"""

import dataclasses

from hsr_jax.config import GanConfig, ImageDataConfig, NetworksConfig
from hsr_jax.gan.phases import LossConfig, ScheduleConfig


def auto(resolution: int, devices: int = 1) -> GanConfig:
    """StyleGAN2-ADA's `auto` for a resolution in pixels and a number of GPUs."""
    batch = max(min(devices * min(4096 // resolution, 32), 64), devices)
    per_device = batch // devices
    return _config(
        resolution,
        batch=batch,
        group=min(per_device, 4),
        per_gpu=per_device,
        base=32768 if resolution >= 512 else 16384,
        rate=0.002 if resolution >= 1024 else 0.0025,
        gamma=0.0002 * resolution**2 / batch,
        ema=batch * 10 / 32,
        ramp_up=0.05,
        layers=2,
    )


def stylegan2(resolution: int) -> GanConfig:
    """The configuration of the StyleGAN2 paper, "config F"."""
    return _config(resolution, batch=32, group=4, per_gpu=4, base=32768, rate=0.002, gamma=10.0, ema=10.0)


def paper256() -> GanConfig:
    """The configuration of the StyleGAN2-ADA paper for 256 px."""
    return _config(256, batch=64, group=8, per_gpu=8, base=16384, rate=0.0025, gamma=1.0, ema=20.0)


def paper512() -> GanConfig:
    """The configuration of the StyleGAN2-ADA paper for 512 px."""
    return _config(512, batch=64, group=8, per_gpu=8, base=32768, rate=0.0025, gamma=0.5, ema=20.0)


def paper1024() -> GanConfig:
    """The configuration of the StyleGAN2-ADA paper for 1024 px."""
    return _config(1024, batch=32, group=4, per_gpu=4, base=32768, rate=0.002, gamma=2.0, ema=10.0)


def cifar() -> GanConfig:
    """The configuration for CIFAR-10, without path length regularisation, style mixing and residual blocks."""
    config = _config(
        32, batch=64, group=32, per_gpu=32, base=32768, rate=0.0025, gamma=0.01, ema=500.0, ramp_up=0.05, layers=2
    )
    return dataclasses.replace(
        config,
        networks=dataclasses.replace(config.networks, architecture="orig"),
        losses=dataclasses.replace(config.losses, path_length_weight=0.0, style_mixing=0.0),
        kimg=100_000.0,
    )


def _config(
    resolution: int,
    *,
    batch: int,
    group: int,
    per_gpu: int,
    base: int,
    rate: float,
    gamma: float,
    ema: float,
    ramp_up: float | None = None,
    layers: int = 8,
) -> GanConfig:
    return GanConfig(
        data=ImageDataConfig(resolution=resolution),
        networks=NetworksConfig(mapping_layers=layers, channel_base=base, mbstd_group=group, mbstd_batch=per_gpu),
        g_lr=rate,
        d_lr=rate,
        losses=LossConfig(r1_gamma=gamma),
        schedule=ScheduleConfig(ema_kimg=ema, ema_ramp_up=ramp_up),
        kimg=25_000.0,
        batch_size=batch,
    )
