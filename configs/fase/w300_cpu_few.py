"""300-W on two CPU cores from scratch with few labels: `w300_cpu` with 201 of its 2,012 training faces, or 50.

    python -m fase_jax.train --config configs/fase/w300_cpu_few.py
    python -m fase_jax.repeat --runs 3 --config configs/fase/w300_cpu_few.py --data.num_labels 50 --workdir runs/w300_50

No face is held out, so the last state is the result. The length was chosen with 50 faces of `helen_train` and `afw`
(seed 100) by their error on `lfpw_train`; the augmentation is stronger than with all labels.
"""

import dataclasses

from configs.fase.w300_cpu import config as full

config = dataclasses.replace(
    full,
    workdir="runs/w300_201",
    data=dataclasses.replace(full.data, num_labels=201, validation_fraction=0.0),
    augmentation=dataclasses.replace(full.augmentation, rotation=30.0, occlusion=0.4, brightness=0.45, contrast=0.45),
    optimizer=dataclasses.replace(full.optimizer, warmup_steps=100),
    steps=1200,
)
