"""Every field of a training of an attribute classifier."""

import dataclasses

from hsr_jax.attributes.data import AttributeDataConfig


@dataclasses.dataclass(frozen=True)
class AttributesConfig:
    """A classifier of attributes; the default is one of CelebA-HQ's 40."""

    workdir: str = "runs/attributes"
    """Checkpoints, logs and results; a run started again in the same place resumes."""
    seed: int = 0
    """Seed of the weights, of the order of the images, of their augmentation and of the choice of validation images."""
    data: AttributeDataConfig = AttributeDataConfig()
    image_size: int = 256
    """Side of the network's input in pixels, a power of two; images of another size are averaged or repeated to it."""
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Channels of the 3x3 convolutions in each stage of the ResNet."""
    depths: tuple[int, int, int, int] = (2, 2, 2, 2)
    """Number of blocks in each stage of the ResNet."""
    learning_rate: float = 1e-3
    """Learning rate of AdamW at the start; it falls to 0 by a cosine."""
    weight_decay: float = 0.05
    """Weight decay of the kernels."""
    steps: int = 10_000
    """Length of the run in batches."""
    batch_size: int = 64
    """Global batch size; a multiple of the number of devices."""
    log_every: int = 50
    """Steps between log lines."""
    eval_every: int = 1000
    """Steps between evaluations of the validation images, by which the best state is chosen."""
    save_every: int = 1000
    """Steps between checkpoints."""
