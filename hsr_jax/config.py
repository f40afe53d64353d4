"""Fields of a GAN training with their default values, and a check that the values fit together."""

import dataclasses
from typing import Literal

from common.errors import InputError
from common.nn.discriminator import Architecture
from common.nn.hsr_heads import Activation
from common.pretrained.extractor import NormalizationName
from hsr_jax.ada.augment import Pipe
from hsr_jax.gan.phases import LossConfig, ScheduleConfig

Levels = Literal["all", "high", "mid", "low"]
"""Name of the supervised levels (Table 4.2, thesis): all four, or the two most, middle or least semantic ones."""


@dataclasses.dataclass(frozen=True)
class ImageDataConfig:
    """Which images are used and how they are prepared."""

    source: str = ""
    """Folder of images, zip file in StyleGAN2's format, or prepared data set: `ffhq`, `lsun_church`, `cub`,
    `animal_face/dog`, `animal_face/cat`, `celeba_hq`."""
    table: str = ""
    """CSV file whose column `file` lists the images of the folder to use; empty takes all."""
    split: str = "full"
    """Part of a prepared data set, such as `train` of LSUN church."""
    data_dir: str = "data"
    """Directory in which the records of prepared data sets are written and read."""
    manual_dir: str = ""
    """Directory with the official download of a prepared data set."""
    resolution: int = 256
    """Side of the images in pixels, a power of two from 8; with `hsr.extractor` from 64. Images of other sizes are
    cropped to a square and resized."""
    mirror: bool = True
    """Whether the mirror image of every image is added to the data set (Sec. 4.3.1, thesis)."""
    max_images: int = 0
    """Number of images to train on, drawn with the run's seed (Table 4.5: 1,000, 2,000, 10,000); 0 takes all."""
    labels: bool = False
    """Whether the networks are conditional on the labels of the data set."""
    cache_mib: int = 2048
    """Memory for decoded images in MiB; images that do not fit are decoded again in every epoch."""


@dataclasses.dataclass(frozen=True)
class NetworksConfig:
    """Sizes of generator and discriminator; the defaults are those of StyleGAN2-ADA's `paper256`."""

    z_dim: int = 512
    """Length of a latent z."""
    w_dim: int = 512
    """Length of a latent w."""
    mapping_layers: int = 8
    """Number of fully connected layers from z to w."""
    channel_base: int = 16384
    """Numerator of the number of channels at resolution r, min(channel_base / r, channel_max)."""
    channel_max: int = 512
    """Largest number of channels."""
    architecture: Architecture = "resnet"
    """Architecture of the discriminator: residual blocks, or plain ones."""
    mbstd_group: int = 8
    """Size of the groups of images whose standard deviation the discriminator sees; a divisor of `mbstd_batch`."""
    mbstd_batch: int = 8
    """Number of consecutive images within which the groups are formed (the batch of one GPU in the reference); a
    divisor of `batch_size`, or 0 for the whole batch."""


@dataclasses.dataclass(frozen=True)
class AdaConfig:
    """Adaptive augmentation (ADA) of the images that the discriminator sees."""

    mode: Literal["none", "fixed", "adaptive"] = "adaptive"
    """Kind of strength: no augmentation, the fixed strength `p`, or a strength that adapts to the discriminator."""
    pipe: Pipe = "bgc"
    """Kinds of augmentation. b: blit, g: geometry, c: colour, f: filters, n: noise, last c: cutout."""
    p: float = 0.0
    """Strength at the start of the run, or during the whole run with mode `fixed`."""
    target: float = 0.6
    """Mean sign of the discriminator's logits of real images at which the adaptive strength does not change."""
    kimg: float = 500.0
    """Thousands of images in which the adaptive strength can rise from 0 to 1; at most 100 with `resume_from`."""


@dataclasses.dataclass(frozen=True)
class HsrConfig:
    """Hierarchical semantic regularizer (Sec. 4.2.2, thesis)."""

    extractor: str = "none"
    """Pretrained network whose features are predicted (Table 4.1): file of a public ViT, ResNet, ArcFace, VGG-16 or
    AlexNet (alone or with LPIPS) or of FID's Inception; directory that `common.weights import` wrote; `random` for an
    untrained ViT-B/16; `none` for the baseline."""
    final_norm: bool = True
    """Whether a ViT's features go through its last LayerNorm, as in the public code with DINO but not with DeiT."""
    levels: Levels = "all"
    """Levels of the generator's blocks that are supervised (Table 4.2)."""
    start_kimg: float = 500.0
    """Thousands of images of this run before the regularizer starts (Sec. 4.3.1); 0 for a run that starts from a
    snapshot of a baseline."""
    weight: float = 1.0
    """Factor of the regularizer in the generator's loss."""
    hidden: int = 4096
    """Number of channels between the two convolutions of a head."""
    activation: Activation = "leaky_relu"
    """Activation of a head: `leaky_relu` as in the thesis, or `relu` as in the public code."""
    normalization: NormalizationName = "own"
    """Normalisation of the extractor's input: `own`, as in its training, or `hsr`, the public code's mix of the
    statistics of two networks."""
    image_size: int = 224
    """Side of the extractor's input in pixels; a multiple of its patch size or stride."""
    target_gradient: bool = False
    """Whether the gradient also flows through the extractor's features of the generated image."""


@dataclasses.dataclass(frozen=True)
class GanConfig:
    """Training of StyleGAN2-ADA, by default with the settings of its `paper256`, with or without HSR."""

    workdir: str = "runs/hsr"
    """Directory of checkpoints, logs, sample grids and results; a run started again in it resumes."""
    seed: int = 0
    """Seed of the weights, the latents, the augmentation, the order of the images and the choice of a subset."""
    data: ImageDataConfig = ImageDataConfig()
    networks: NetworksConfig = NetworksConfig()
    g_lr: float = 0.0025
    """Learning rate of the generator and of the heads; Adam with betas 0 and 0.99."""
    d_lr: float = 0.0025
    """Learning rate of the discriminator; Adam with betas 0 and 0.99."""
    losses: LossConfig = LossConfig(r1_gamma=1.0)
    schedule: ScheduleConfig = ScheduleConfig(ema_kimg=20.0)
    ada: AdaConfig = AdaConfig()
    hsr: HsrConfig = HsrConfig()
    resume_from: str = ""
    """Snapshot to start from: work directory of a run with the same networks, or checkpoint in StyleGAN2-ADA's or
    rosinality's layout. As in StyleGAN2-ADA, `schedule.ema_ramp_up` is then ignored and `ada.kimg` is at most 100."""
    kimg: float = 25000.0
    """Length of the run in thousands of real images shown."""
    batch_size: int = 64
    """Global batch size; a multiple of the number of devices."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type of the convolutions at the four highest resolutions; activations of 16 bits are clamped at 256."""
    log_every: int = 50
    """Number of batches between log lines."""
    save_kimg: float = 50.0
    """Thousands of images between checkpoints."""
    sample_kimg: float = 200.0
    """Thousands of images between sample grids, each with the averaged generator in `snapshots/{kimg}.safetensors`."""
    samples: int = 64
    """Number of images in a sample grid."""

    @property
    def steps(self) -> int:
        """Number of batches of the run."""
        return round(1000 * self.kimg / self.batch_size)


def check(config: GanConfig) -> None:
    """Checks that the values fit together. Raises `InputError` with the field and the remedy if they do not."""
    n, s, batch = config.networks, config.schedule, config.batch_size
    size = config.data.resolution
    if size < 8 or size & (size - 1):
        raise InputError(f"field data.resolution: {size} is not a power of two from 8; take 64, 128 or 256")
    at_least_one = {"samples": config.samples, "batch_size": batch, "log_every": config.log_every}
    at_least_one |= {f"schedule.{name}": getattr(s, name) for name in ("g_interval", "d_interval", "ada_interval")}
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"field {name}: {value} is less than 1; take at least 1")
    mbstd_batch = n.mbstd_batch or batch
    if batch % mbstd_batch:
        raise InputError(
            f"field networks.mbstd_batch: {mbstd_batch} does not divide a batch of {batch}; take a divisor, or 0"
        )
    if n.mbstd_group and mbstd_batch % min(n.mbstd_group, mbstd_batch):
        raise InputError(f"field networks.mbstd_group: {n.mbstd_group} does not divide {mbstd_batch}; take a divisor")
    mode, p = config.ada.mode, config.ada.p
    if (mode == "fixed" and p <= 0) or (mode == "none" and p > 0):
        raise InputError(
            f"field ada.p: {p} has no effect with ada.mode {mode}; take a p above 0 for fixed, and 0 for none"
        )
    if config.hsr.extractor != "none" and config.hsr.start_kimg >= config.kimg:
        raise InputError(
            f"field hsr.start_kimg: {config.hsr.start_kimg:g} is not before the end of the run, kimg {config.kimg:g}; "
            "take less, or 0 if the run starts from a snapshot"
        )
