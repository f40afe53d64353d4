"""The fields of a FASE run, and the check that their values fit together. A config file changes a few of them."""

import dataclasses
from typing import Literal

from common.augment.landmarks import LandmarkAugmentation
from common.errors import InputError
from fase_jax.model import ModelConfig
from fase_jax.transfer import transfer_places

Decoder = Literal["argmax", "smoothed_argmax", "quarter", "local_soft_argmax", "soft_argmax"]


@dataclasses.dataclass(frozen=True)
class FaceDataConfig:
    """The annotated faces, and the rule that crops them."""

    dataset: Literal["folder", "w300", "wflw", "aflw", "synthetic"] = "folder"
    """`folder` for a folder of images with annotations, or the name of a prepared data set."""
    root: str = ""
    """Folder: the directory of the images. Prepared sets: the manual directory with the official download."""
    annotations: str = "labels.csv"
    """Folder: a CSV file or a COCO keypoints JSON, relative to `root`, or `.` for .pts files."""
    data_dir: str = "data"
    """Prepared sets: the directory in which the records are written and read."""
    scheme: str = "w300"
    """Folder: scheme of the landmarks: w300, wflw, aflw19, five, or the path of a JSON file that declares one."""
    train_subsets: tuple[str, ...] = ()
    """Folder: values of the `subset` column to train on; empty: all but `test_subsets`."""
    test_subsets: tuple[str, ...] = ()
    """Subsets to evaluate one by one (folder: values of the `subset` column); empty: all of a prepared set."""
    num_labels: int = 0
    """Number of faces to draw for training and validation, by the run's seed; 0 takes all."""
    validation_fraction: float = 0.1
    """Share of these faces held out to choose the best checkpoint, below 1; 0: there is only a last checkpoint."""
    crop: Literal["landmarks", "box", "fabrec", "fabrec_landmarks"] = "landmarks"
    """Square around the landmarks' bounding box or the given box, or 3FabRec's rule from the given box or landmarks."""
    crop_scale: float = 1.25
    """Side of the square as a multiple of the box's longer side."""
    crop_extend: tuple[float, float] = (0.0, 0.0)
    """Growth of the box above and below, in parts of its height (3FabRec: 0.2, 0.12 on 300-W; 0, 0.1 on WFLW)."""
    fill: int = 0
    """Grey level, 0 to 255, of what lies outside the picture, in crops and in augmented faces alike."""
    cache_mib: int = 2048
    """Memory for decoded crops in MiB; faces that do not fit are decoded again in every epoch."""
    synthetic_train: int = 600
    """Synthetic: number of training faces."""
    synthetic_test: int = 100
    """Synthetic: number of test faces."""
    synthetic_size: int = 128
    """Synthetic: side of the pictures in pixels."""


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Adam with one learning rate per part of the model (FASE, Sec. 4.3)."""

    itl_lr: float = 1e-4
    """Learning rate of the interleaved transfer layers."""
    encoder_lr: float = 2e-5
    """Learning rate of the encoder, unless it is frozen."""
    generator_lr: float = 1e-4
    """Learning rate of the generator, which is trained only with `prior='none'`."""
    b1: float = 0.9
    """Decay of Adam's mean of the gradients."""
    b2: float = 0.99
    """Decay of Adam's mean of the squared gradients."""
    schedule: Literal["epochs", "cosine"] = "epochs"
    """`epochs`: multiply the rates by `decay` every `decay_epochs`; `cosine`: linear warm-up, then cosine to zero."""
    decay: float = 0.995
    """Schedule `epochs`: factor of the learning rates."""
    decay_epochs: int = 10
    """Schedule `epochs`: number of epochs after which the rates are multiplied by `decay`."""
    warmup_steps: int = 0
    """Schedule `cosine`: number of steps of the linear warm-up."""
    weight_decay: float = 0.0
    """Decoupled weight decay of all parameters but biases and other vectors."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0: no clipping."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """The loss on heatmaps and the targets that it renders."""

    kind: Literal["mse", "softmax"] = "mse"
    """`mse`: the paper's loss; `softmax`: cross-entropy over positions and coordinate error, faster from scratch."""
    target: Literal["gaussian", "fabrec"] = "gaussian"
    """`gaussian`: centred on the landmark; `fabrec`: 3FabRec's, windowed and centred on a whole pixel."""
    sigma: float = 3.0
    """Standard deviation of the target's Gaussian in heatmap pixels."""
    weight: float = 300.0
    """Factor of the squared error or the cross-entropy."""
    coordinate_weight: float = 0.0
    """Loss `softmax`: factor of the coordinate error, which is in heatmap pixels."""


@dataclasses.dataclass(frozen=True)
class FaseConfig:
    """FASE with the paper's settings: 300-W with all labels has 3.42 % inter-ocular NME (Table 1, full test set)."""

    workdir: str = "runs/fase"
    """Directory of checkpoints, logs and results; the same command started again resumes the run in it."""
    seed: int = 0
    """Seed of the initial weights, the augmentation, the order of the faces, and the drawn faces."""
    data: FaceDataConfig = FaceDataConfig()
    model: ModelConfig = ModelConfig()
    prior: str = "none"
    """Directory of a pretrained generator and encoder, or a FASE run's; `none`: everything is trained from scratch."""
    finetune_encoder: bool = True
    """Whether a prior's encoder is trained; freezing it costs 1.1 points on 300-W, 1.8 with 50 labels (Table 6)."""
    frozen_batch_norm: bool = False
    """Whether the encoder's batch normalisation is fixed in training to its running statistics, as in evaluation."""
    augmentation: LandmarkAugmentation = LandmarkAugmentation()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    decoder: Decoder = "smoothed_argmax"
    """Rule that turns heatmaps into coordinates; `soft_argmax` needs `loss.kind softmax`."""
    flip_test: bool = False
    """Whether predicted heatmaps are the mean of those from a face and from its mirror image."""
    steps: int = 200_000
    """Number of training steps."""
    batch_size: int = 8
    """Number of faces per step over all devices; a multiple of the number of devices times `accumulate`."""
    accumulate: int = 1
    """Number of parts of a batch whose gradients are computed one after the other, to save memory."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the activations; parameters and heatmaps are float32 in either case."""
    ema_decay: float = 0.0
    """Decay of the moving average of the parameters, which evaluation then uses; 0: no average."""
    log_every: int = 50
    """Steps between log lines."""
    eval_every: int = 2000
    """Steps between evaluations on the validation split."""
    save_every: int = 1000
    """Steps between checkpoints."""


def check(config: FaseConfig) -> None:
    """Raises `InputError` with the field and the remedy if values have the right types but no run can have them."""
    data, model, optimizer = config.data, config.model, config.optimizer
    if config.decoder == "soft_argmax" and config.loss.kind == "mse":
        raise InputError(
            "field decoder: soft_argmax puts every landmark near the centre of heatmaps trained by loss.kind mse, for "
            "their softmax is nearly flat; take smoothed_argmax, or train with loss.kind softmax"
        )
    at_least_one = {name: getattr(config, name) for name in ("accumulate", "log_every", "eval_every", "save_every")}
    at_least_one |= {"steps": config.steps, "optimizer.decay_epochs": optimizer.decay_epochs}
    at_least_one |= {f"data.{n}": getattr(data, n) for n in ("synthetic_train", "synthetic_test", "synthetic_size")}
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"field {name}: {value} is out of range; take 1 or more")
    if config.batch_size < 1 or config.batch_size % config.accumulate:
        multiple = max(config.batch_size // config.accumulate, 1) * config.accumulate
        raise InputError(f"field batch_size: {config.batch_size} is not a multiple of accumulate; take {multiple}")
    ranges = {
        "data.validation_fraction": (data.validation_fraction, "[0, 1)", 0 <= data.validation_fraction < 1),
        "data.num_labels": (data.num_labels, "0 (all) or more", data.num_labels >= 0),
        "data.crop_scale": (data.crop_scale, "more than 0", data.crop_scale > 0),
        "data.fill": (data.fill, "0 to 255", 0 <= data.fill <= 255),
        "loss.sigma": (config.loss.sigma, "more than 0", config.loss.sigma > 0),
        "ema_decay": (config.ema_decay, "[0, 1)", 0 <= config.ema_decay < 1),
    }
    for name, (value, allowed, fits) in ranges.items():
        if not fits:
            raise InputError(f"field {name}: {value} is out of range; take {allowed}")
    warmup, last = optimizer.warmup_steps, config.steps - 1
    if optimizer.schedule == "cosine" and not 0 <= warmup <= last:
        raise InputError(f"field optimizer.warmup_steps: {warmup} is out of range; take 0 to {last}")
    _check_sizes(model)


def _check_sizes(model: ModelConfig) -> None:
    for name in ("generator_resolution", "heatmap_size", "feature_resolution"):
        size = getattr(model, name)
        if size < 4 or size & (size - 1):
            raise InputError(f"field model.{name}: {size} is not a power of two; take 4, 8, 16, ...")
    if not model.feature_resolution < model.heatmap_size <= model.generator_resolution:
        raise InputError(
            f"field model.heatmap_size: {model.heatmap_size} is out of range; take more than model.feature_resolution, "
            f"{model.feature_resolution}, and at most model.generator_resolution, {model.generator_resolution}"
        )
    try:
        transfer_places(model.feature_resolution, model.heatmap_size, model.num_itls, model.placement)
    except ValueError as error:
        raise InputError(f"field model.num_itls: {error}; take fewer") from error
    if len(model.encoder_widths) != 4 or len(model.encoder_depths) != 4:
        raise InputError(
            "fields model.encoder_widths, model.encoder_depths: the encoder has 4 stages; give 4 values each"
        )
    # The feature maps of the encoder's third stage have an eighth of the input's side; a strided convolution makes f.
    unit = 8 * model.feature_resolution
    if model.image_size < 1 or model.image_size % unit:
        raise InputError(
            f"field model.image_size: {model.image_size} is not a multiple of 8 times model.feature_resolution; "
            f"take {max(1, round(model.image_size / unit)) * unit}"
        )
