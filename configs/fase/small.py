"""Models for a CPU: 64 or 128 px, trained from scratch with a spatial cross-entropy."""

from common.augment.landmarks import LandmarkAugmentation
from fase_jax.config import LossConfig, OptimizerConfig
from fase_jax.model import ModelConfig

MODEL_64 = ModelConfig(
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
)

MODEL_128 = ModelConfig(
    image_size=128,
    heatmap_size=32,
    generator_resolution=32,
    feature_resolution=16,
    channel_base=1536,
    channel_max=96,
    w_dim=32,
    encoder_widths=(8, 32, 64, 96),
    encoder_depths=(1, 2, 4, 1),
    num_itls=1,
)

# Sigma in heatmap pixels; the coordinate term makes the mean of the heatmap, not only its peak, precise.
LOSS = LossConfig(kind="softmax", sigma=1.0, weight=1.0, coordinate_weight=1.0)

# Half the paper's strength: in a few dozen epochs there is no time to learn its darkest and most occluded pictures.
AUGMENTATION = LandmarkAugmentation(
    rotation=20.0,
    scaling=0.1,
    occlusion=0.25,
    blur=0.1,
    brightness=0.25,
    brightness_factor=(0.5, 1.5),
    contrast=0.25,
    contrast_factor=(0.5, 1.5),
)


def optimizer(rate: float, warmup_steps: int = 200) -> OptimizerConfig:
    """One cosine for all parts: without a prior nothing deserves a smaller rate."""
    return OptimizerConfig(
        itl_lr=rate,
        encoder_lr=rate,
        generator_lr=rate,
        schedule="cosine",
        warmup_steps=warmup_steps,
        weight_decay=1e-3,
        clip_norm=5.0,
    )
