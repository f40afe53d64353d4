"""Fields of the training of an attribute classifier."""

import dataclasses

from hsr_jax.attributes.data import AttributeDataConfig


@dataclasses.dataclass(frozen=True)
class AttributesConfig:
    """Training of a classifier of attributes, by default of CelebA-HQ's 40 attributes."""

    workdir: str = "runs/attributes"
    """Directory of checkpoints, logs and results; a run started again in it resumes."""
    seed: int = 0
    """Seed of the weights, the order and the augmentation of the images, and the choice of validation images."""
    data: AttributeDataConfig = AttributeDataConfig()
    image_size: int = 256
    """Side of the network's input in pixels, a power of two; images of other sizes are resized to it."""
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Number of channels of the 3x3 convolutions in each stage of the ResNet."""
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    """Number of blocks in each stage of the ResNet."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW at the start; it falls to 0 along a cosine."""
    weight_decay: float = 0.05
    """Weight decay of the kernels; biases and scales have none."""
    steps: int = 10_000
    """Length of the run in batches."""
    batch_size: int = 64
    """Global batch size; a multiple of the number of devices."""
    log_every: int = 50
    """Number of steps between log lines."""
    eval_every: int = 1000
    """Number of steps between evaluations on the validation images, which decide which state is the best."""
    save_every: int = 1000
    """Number of steps between checkpoints."""
