"""300-W from scratch on two CPU cores: trained on the 2,012 faces in `../shared/data/300w`, tested on `lfpw_test`.

    python -m fase_jax.train --config configs/fase/w300_cpu.py
    python -m fase_jax.repeat --runs 2 --config configs/fase/w300_cpu.py:few
    python -m fase_jax.repeat --runs 3 --config configs/fase/w300_cpu.py:few --data.num_labels 50 --workdir runs/w300_50

The folder holds crops of the benchmark's faces, without iBUG and part of HELEN. `few` trains with 201 faces and holds
none out, so that its last checkpoint is the result. Its augmentation is stronger than with all labels. Its number of
steps is the best one for `lfpw_train` with 50 training faces of `helen_train` and `afw` (seed 100).
"""

import dataclasses

from configs.fase import demo
from fase_jax.config import FaceDataConfig

config = dataclasses.replace(
    demo.config,
    workdir="runs/w300_cpu",
    data=FaceDataConfig(
        root="../shared/data/300w",
        annotations="landmarks_68.csv",
        train_subsets=("lfpw_train", "helen_train", "afw"),
        test_subsets=("lfpw_test",),
        validation_fraction=0.05,
    ),
    model=dataclasses.replace(
        demo.config.model,
        image_size=128,
        feature_resolution=16,
        channel_base=1536,
        encoder_widths=(8, 32, 64, 96),
    ),
    optimizer=dataclasses.replace(demo.config.optimizer, warmup_steps=200),
    steps=2400,
    ema_decay=0.995,
    log_every=50,
    eval_every=800,
    save_every=200,
)

few = dataclasses.replace(
    config,
    workdir="runs/w300_201",
    data=dataclasses.replace(config.data, num_labels=201, validation_fraction=0.0),
    augmentation=dataclasses.replace(config.augmentation, rotation=30.0, occlusion=0.4, brightness=0.45, contrast=0.45),
    optimizer=dataclasses.replace(config.optimizer, warmup_steps=100),
    steps=1200,
)
