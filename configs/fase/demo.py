"""Ten minutes on two cores: drawn faces, 64 px, trained from scratch.

make demo
"""

from configs.fase import small
from fase_jax.config import FaceDataConfig, FaseConfig

config = FaseConfig(
    workdir="runs/demo",
    data=FaceDataConfig(
        dataset="synthetic",
        data_dir="data",
        validation_fraction=0.1,
        synthetic_train=500,
        synthetic_test=100,
        synthetic_size=96,
    ),
    model=small.MODEL_64,
    augmentation=small.AUGMENTATION,
    loss=small.LOSS,
    optimizer=small.optimizer(3e-3, warmup_steps=50),
    decoder="soft_argmax",
    flip_test=True,
    steps=400,
    batch_size=16,
    ema_decay=0.98,
    log_every=20,
    eval_every=400,
    save_every=100,
)
