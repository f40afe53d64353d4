"""The demo: a model for drawn faces at 64 px, trained from scratch in less than ten minutes on two cores.

make demo
"""

from common.augment.landmarks import LandmarkAugmentation
from fase_jax.config import FaceDataConfig, FaseConfig, LossConfig, OptimizerConfig
from fase_jax.model import ModelConfig

config = FaseConfig(
    workdir="runs/demo",
    data=FaceDataConfig(
        dataset="synthetic",
        synthetic_train=500,
        synthetic_test=100,
        synthetic_size=96,
    ),
    model=ModelConfig(
        image_size=64,
        heatmap_size=32,
        generator_resolution=32,
        feature_resolution=8,
        channel_base=1024,
        channel_max=96,
        w_dim=32,
        encoder_widths=(16, 32, 64, 96),
        encoder_depths=(1, 2, 4, 1),
        num_itls=1,
    ),
    # Half the strength of the paper: a dozen epochs are too few to learn its darkest and most occluded pictures.
    augmentation=LandmarkAugmentation(
        rotation=20.0,
        scaling=0.1,
        occlusion=0.25,
        blur=0.1,
        brightness=0.25,
        brightness_factor=(0.5, 1.5),
        contrast=0.25,
        contrast_factor=(0.5, 1.5),
    ),
    # The coordinate term makes the mean of a heatmap precise, not only its peak.
    loss=LossConfig(kind="softmax", sigma=1.0, weight=1.0, coordinate_weight=1.0),
    # All parts have the same rate, because none is pretrained.
    optimizer=OptimizerConfig(
        itl_lr=3e-3,
        encoder_lr=3e-3,
        generator_lr=3e-3,
        schedule="cosine",
        warmup_steps=50,
        weight_decay=1e-3,
        clip_norm=5.0,
    ),
    decoder="soft_argmax",
    flip_test=True,
    steps=400,
    batch_size=16,
    ema_decay=0.98,
    log_every=20,
    eval_every=400,
    save_every=100,
)
