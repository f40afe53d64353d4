"""300-W on two CPU cores from scratch: the 2,012 training faces of `../shared/data/300w`, tested on `lfpw_test`.

    python -m fase_jax.train --config configs/fase/w300_cpu.py
    python -m fase_jax.train --config configs/fase/w300_cpu.py --data.num_labels 201 --workdir runs/w300_201

The folder holds crops of the benchmark's faces; iBUG and part of HELEN are missing there.
"""

from configs.fase import small
from fase_jax.config import FaceDataConfig, FaseConfig

config = FaseConfig(
    workdir="runs/w300_cpu",
    data=FaceDataConfig(
        root="../shared/data/300w",
        annotations="landmarks_68.csv",
        train_subsets=("lfpw_train", "helen_train", "afw"),
        test_subsets=("lfpw_test",),
        validation_fraction=0.05,
    ),
    model=small.MODEL_128,
    augmentation=small.AUGMENTATION,
    loss=small.LOSS,
    optimizer=small.optimizer(3e-3),
    decoder="soft_argmax",
    flip_test=True,
    steps=2400,
    batch_size=16,
    ema_decay=0.995,
    log_every=50,
    eval_every=800,
    save_every=200,
)
