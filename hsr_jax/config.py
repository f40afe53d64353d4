"""The fields of an HSR run and which of their values fit together; a config file changes a few of them."""

import dataclasses
from typing import Literal

from common.errors import InputError
from common.nn.discriminator import Architecture
from common.nn.hsr_heads import Activation
from common.pretrained.extractor import NormalizationName
from hsr_jax.ada.augment import Pipe
from hsr_jax.gan.phases import LossConfig, ScheduleConfig
from hsr_jax.gan.regularizer import Levels


@dataclasses.dataclass(frozen=True)
class ImageDataConfig:
    """The images and how they are prepared."""

    source: str = ""
    """A folder of images, a zip file in StyleGAN2's format, or a prepared data set: `ffhq`, `lsun_church`, `cub`,
    `animal_face/dog`, `animal_face/cat`, `celeba_hq`."""
    table: str = ""
    """Folder: a CSV file whose column `file` lists the images to use; empty takes all."""
    split: str = "full"
    """Prepared sets: which part, such as `train` of LSUN church."""
    data_dir: str = "data"
    """Prepared sets: the directory in which the records are written and read."""
    manual_dir: str = ""
    """Prepared sets: the directory with the official download."""
    resolution: int = 256
    """Side of the images in pixels, a power of two from 32; others are cropped to a square and resized."""
    mirror: bool = True
    """Doubles the data set by the mirror image of every image (Sec. 4.3.1, thesis)."""
    max_images: int = 0
    """Number of images to train on, drawn by the run's seed (Table 4.5: 1,000, 2,000, 10,000); 0 takes all."""
    labels: bool = False
    """Whether the networks are conditional, by the labels of the data set."""
    cache_mib: int = 2048
    """Memory for decoded images in MiB; those beyond it are decoded again in every epoch."""


@dataclasses.dataclass(frozen=True)
class NetworksConfig:
    """Sizes of generator and discriminator; the defaults are StyleGAN2-ADA's `paper256`."""

    z_dim: int = 512
    """Length of a latent z."""
    w_dim: int = 512
    """Length of a latent w."""
    mapping_layers: int = 8
    """Number of fully connected layers from z to w."""
    channel_base: int = 16384
    """Channels at resolution r are min(channel_base / r, channel_max)."""
    channel_max: int = 512
    """Largest number of channels."""
    architecture: Architecture = "resnet"
    """Architecture of the discriminator: residual blocks, or plain ones."""
    mbstd_group: int = 8
    """Size of the groups whose standard deviation the discriminator sees; divides `mbstd_batch`."""
    mbstd_batch: int = 8
    """Number of images inside which groups form, the batch of one of the reference's GPUs: a divisor of `batch_size`,
    or 0 for the whole batch."""


@dataclasses.dataclass(frozen=True)
class AdaConfig:
    """Adaptive augmentation (ADA) of the images that the discriminator sees."""

    mode: Literal["none", "fixed", "adaptive"] = "adaptive"
    """No augmentation, one of the fixed strength `p`, or one whose strength follows the discriminator."""
    pipe: Pipe = "bgc"
    """The kinds of augmentation. b: blit, g: geometry, c: colour, f: filters, n: noise, last c: cutout."""
    p: float = 0.0
    """Strength at the start of the run, or throughout it with the mode `fixed`."""
    target: float = 0.6
    """Adaptive: the mean sign of the discriminator's logits of real images that the strength is adapted to."""
    kimg: float = 500.0
    """Adaptive: thousands of images in which p can rise from 0 to 1; at most 100 in a run with `resume_from`."""


@dataclasses.dataclass(frozen=True)
class HsrConfig:
    """The hierarchical semantic regularizer (Sec. 4.2.2, thesis)."""

    extractor: str = "none"
    """Pretrained network whose features are predicted (Table 4.1): the file of a public ViT or ResNet, or of ArcFace,
    VGG-16 and AlexNet with LPIPS, FID's Inception; a directory that `common.weights import` wrote, `random` for an
    untrained ViT-B/16, or `none`, the baseline."""
    final_norm: bool = True
    """ViT: whether the features go through its last LayerNorm, as in the public code with DINO but not with DeiT."""
    levels: Levels = "all"
    """The generator's blocks that are supervised (Table 4.2)."""
    start_kimg: float = 500.0
    """Thousands of images of this run before the regularizer joins (Sec. 4.3.1); 0 for one that starts from a snapshot
    of a baseline."""
    weight: float = 1.0
    """Factor of the regularizer in the generator's loss."""
    hidden: int = 4096
    """Number of channels between the two convolutions of a predictor."""
    activation: Activation = "leaky_relu"
    """Activation of a predictor: `leaky_relu` is the document's, `relu` the public code's."""
    normalization: NormalizationName = "own"
    """Normalisation of the extractor's input: `own`, with which it was trained, or `hsr`, the public code's mix of two
    networks' statistics."""
    image_size: int = 224
    """Side of the extractor's input in pixels; a multiple of its patches or strides."""
    target_gradient: bool = False
    """Whether the gradient also goes through the features of the generated image, not only the predictions."""


@dataclasses.dataclass(frozen=True)
class GanConfig:
    """StyleGAN2-ADA with its `paper256`."""

    workdir: str = "runs/hsr"
    """Directory of checkpoints, logs, sample grids and results; a run started again in the same place resumes."""
    seed: int = 0
    """Seed of weights, latents, augmentation, the order of images and the choice of a subset."""
    data: ImageDataConfig = ImageDataConfig()
    networks: NetworksConfig = NetworksConfig()
    g_lr: float = 0.0025
    """Learning rate of the generator and of the predictors; Adam with betas 0 and 0.99."""
    d_lr: float = 0.0025
    """Learning rate of the discriminator."""
    losses: LossConfig = LossConfig(r1_gamma=1.0)
    schedule: ScheduleConfig = ScheduleConfig(ema_kimg=20.0)
    ada: AdaConfig = AdaConfig()
    hsr: HsrConfig = HsrConfig()
    resume_from: str = ""
    """Snapshot to start from: the work directory of a run with the same networks, or a public checkpoint in
    StyleGAN2-ADA's or rosinality's layout. As in StyleGAN2-ADA, the average is then not ramped up and `ada.kimg` is at
    most 100."""
    kimg: float = 25000.0
    """Length of the run in thousands of real images shown."""
    batch_size: int = 64
    """Global batch size; a multiple of the number of devices."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type of the convolutions of the four highest resolutions; activations of 16 bits are clamped at 256."""
    log_every: int = 50
    """Steps between log lines."""
    save_kimg: float = 50.0
    """Thousands of images between checkpoints."""
    sample_kimg: float = 200.0
    """Thousands of images between sample grids."""
    samples: int = 64
    """Number of images in a sample grid. The averaged generator is stored with it, `snapshots/{kimg}.safetensors`."""

    @property
    def steps(self) -> int:
        """Number of batches of the run."""
        return round(1000 * self.kimg / self.batch_size)


def check(config: GanConfig) -> None:
    """Checks values that have a right type but fit no run; `InputError` names the field and the remedy."""
    n, s, batch = config.networks, config.schedule, config.batch_size
    size = config.data.resolution
    if size < 8 or size & (size - 1):
        raise InputError(f"field data.resolution: {size} is no power of two from 8; take 64, 128 or 256")
    at_least_one = {"samples": config.samples, "batch_size": batch, "log_every": config.log_every}
    at_least_one |= {f"schedule.{name}": getattr(s, name) for name in ("g_interval", "d_interval", "ada_interval")}
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"field {name}: {value} is less than 1")
    whole = n.mbstd_batch or batch
    if batch % whole:
        raise InputError(
            f"field networks.mbstd_batch: {whole} does not divide a batch of {batch}; take a divisor, or 0"
        )
    if n.mbstd_group and whole % min(n.mbstd_group, whole):
        raise InputError(f"field networks.mbstd_group: groups of {n.mbstd_group} do not fit into {whole} images")
    if (config.ada.mode == "fixed") != (config.ada.p > 0) and config.ada.mode != "adaptive":
        raise InputError(
            f"field ada.p: {config.ada.p} with ada.mode {config.ada.mode} does nothing; fixed needs a p, none has none"
        )
    if config.hsr.extractor != "none" and config.hsr.start_kimg >= config.kimg:
        raise InputError(
            f"field hsr.start_kimg: {config.hsr.start_kimg:g} is not before the end of the run, kimg {config.kimg:g}; "
            "take less, 0 where the run starts from a snapshot"
        )
