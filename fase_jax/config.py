"""The fields of a FASE run and which of their values fit together; a config file changes a few of them."""

import dataclasses
from typing import Literal

from common.augment.landmarks import LandmarkAugmentation
from common.errors import InputError
from fase_jax.model import ModelConfig
from fase_jax.transfer import transfer_places

Decoder = Literal["argmax", "smoothed_argmax", "quarter", "local_soft_argmax", "soft_argmax"]


@dataclasses.dataclass(frozen=True)
class FaceDataConfig:
    """The annotated faces and how they are cropped."""

    dataset: Literal["folder", "w300", "wflw", "aflw", "synthetic"] = "folder"
    """A folder of images with annotations, or a prepared data set."""
    root: str = ""
    """Folder: the directory of the images. Prepared sets: the manual directory with the official download."""
    annotations: str = "labels.csv"
    """Folder: a CSV file, a COCO keypoints JSON, or `.` for .pts files, relative to `root`."""
    data_dir: str = "data"
    """Prepared sets: the directory in which the records are written and read."""
    scheme: str = "w300"
    """Folder: w300, wflw, aflw19, five, or the path of a JSON file that declares a scheme."""
    train_subsets: tuple[str, ...] = ()
    """Folder: values of the `subset` column to train on; empty takes every row that is not tested on."""
    test_subsets: tuple[str, ...] = ()
    """Subsets that are evaluated one by one; folder: values of the `subset` column."""
    num_labels: int = 0
    """Number of faces to train on, drawn by the run's seed; 0 takes all."""
    validation_fraction: float = 0.1
    """Share of the training faces held out to choose the best checkpoint, below 1; 0 keeps only the last one."""
    crop: Literal["landmarks", "box", "fabrec", "fabrec_landmarks"] = "landmarks"
    """Square around the landmarks' bounding box, around the given box, or 3FabRec's rule from either."""
    crop_scale: float = 1.25
    """Side of the square over the longer side of the box."""
    crop_extend: tuple[float, float] = (0.0, 0.0)
    """Parts of its height added to the box above and below first (3FabRec: 0.2, 0.12 on 300-W; 0, 0.1 on WFLW)."""
    fill: int = 0
    """Grey level, 0 to 255, of what lies outside the picture, in crops and in augmented faces alike."""
    cache_mib: int = 2048
    """Memory for decoded crops in MiB; faces beyond it are decoded again in every epoch."""
    synthetic_train: int = 600
    """Synthetic: number of training faces."""
    synthetic_test: int = 100
    """Synthetic: number of test faces."""
    synthetic_size: int = 128
    """Synthetic: side of the pictures in pixels."""


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Adam with a learning rate per part (FASE, Sec. 4.3)."""

    itl_lr: float = 1e-4
    """Learning rate of the interleaved transfer layers."""
    encoder_lr: float = 2e-5
    """Learning rate of the encoder; ignored if it is frozen."""
    generator_lr: float = 1e-4
    """Learning rate of the generator, which is trained only with `prior='none'`."""
    b1: float = 0.9
    """Decay of the mean of the gradients."""
    b2: float = 0.99
    """Decay of the mean of their squares."""
    schedule: Literal["epochs", "cosine"] = "epochs"
    """`epochs`: multiply by `decay` every `decay_epochs`; `cosine`: linear warm-up, then cosine to zero."""
    decay: float = 0.995
    """Epochs: factor of the learning rates."""
    decay_epochs: int = 10
    """Epochs: number of epochs between two factors."""
    warmup_steps: int = 0
    """Cosine: steps of the linear warm-up."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the kernels."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 leaves them as they are."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """The loss of the heatmaps and its targets."""

    kind: Literal["mse", "softmax"] = "mse"
    """`mse`: the paper's; `softmax`: spatial cross-entropy and coordinates, which trains faster from scratch."""
    target: Literal["gaussian", "fabrec"] = "gaussian"
    """A plain Gaussian, or 3FabRec's windowed one at whole pixels."""
    sigma: float = 3.0
    """Standard deviation of the target in heatmap pixels."""
    weight: float = 300.0
    """Factor of the heatmap term."""
    coordinate_weight: float = 0.0
    """Softmax: factor of the mean coordinate error (heatmap pixels)."""


@dataclasses.dataclass(frozen=True)
class FaseConfig:
    """FASE with the paper's settings: 300-W with all labels has 3.42 % inter-ocular NME (Table 1, full test set)."""

    workdir: str = "runs/fase"
    """Directory of checkpoints, logs and results; a run started again in the same place resumes."""
    seed: int = 0
    """Seed of weights, augmentation, the order of faces and the draw of labels."""
    data: FaceDataConfig = FaceDataConfig()
    model: ModelConfig = ModelConfig()
    prior: str = "none"
    """A checkpoint of generator and encoder, or `none`, which trains everything from scratch."""
    finetune_encoder: bool = True
    """Whether the encoder is trained; a frozen one costs 1.1 points with all labels, 1.8 with 50 (Table 6)."""
    frozen_batch_norm: bool = False
    """Whether the encoder keeps its running statistics during fine-tuning, as in evaluation."""
    augmentation: LandmarkAugmentation = LandmarkAugmentation()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    decoder: Decoder = "smoothed_argmax"
    """How heatmaps become coordinates, to be chosen on a validation split; `soft_argmax` needs the softmax loss."""
    flip_test: bool = False
    """Whether the heatmaps of a face and of its mirror image are averaged."""
    steps: int = 200_000
    """Number of training steps."""
    batch_size: int = 8
    """Global batch size; a multiple of the number of devices times `accumulate`."""
    accumulate: int = 1
    """Number of micro-batches per step; divides the batch size."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the activations; parameters and heatmaps stay float32."""
    ema_decay: float = 0.0
    """Decay of the moving average of the parameters, which is then what is evaluated; 0 keeps none."""
    log_every: int = 50
    """Steps between log lines."""
    eval_every: int = 2000
    """Steps between evaluations on the validation split."""
    save_every: int = 1000
    """Steps between checkpoints."""


def check(config: FaseConfig) -> None:
    """Checks values that have a right type but fit no run; `InputError` names the field and the remedy."""
    data, model, optimizer = config.data, config.model, config.optimizer
    if config.decoder == "soft_argmax" and config.loss.kind == "mse":
        raise InputError(
            "field decoder: the softmax of heatmaps that the mse loss trains is nearly flat, so that soft_argmax puts "
            "every landmark into the centre; take smoothed_argmax, or loss.kind softmax"
        )
    at_least_one = {name: getattr(config, name) for name in ("accumulate", "log_every", "eval_every", "save_every")}
    at_least_one |= {"steps": config.steps, "optimizer.decay_epochs": optimizer.decay_epochs}
    at_least_one |= {f"data.{n}": getattr(data, n) for n in ("synthetic_train", "synthetic_test", "synthetic_size")}
    for name, value in at_least_one.items():
        if value < 1:
            raise InputError(f"field {name}: {value} is less than 1")
    if config.batch_size < 1 or config.batch_size % config.accumulate:
        raise InputError(f"field batch_size: {config.batch_size} is no multiple of accumulate, {config.accumulate}")
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
    if optimizer.schedule == "cosine" and not 0 <= optimizer.warmup_steps < config.steps:
        raise InputError(f"field optimizer.warmup_steps: {optimizer.warmup_steps} must be below steps, {config.steps}")
    _check_sizes(model)


def _check_sizes(model: ModelConfig) -> None:
    for name in ("generator_resolution", "heatmap_size", "feature_resolution"):
        size = getattr(model, name)
        if size < 4 or size & (size - 1):
            raise InputError(f"field model.{name}: {size} is no power of two from 4")
    if not model.feature_resolution < model.heatmap_size <= model.generator_resolution:
        raise InputError(
            f"field model.heatmap_size: {model.heatmap_size} px must lie above model.feature_resolution, "
            f"{model.feature_resolution} px, and not above model.generator_resolution, {model.generator_resolution} px"
        )
    try:
        transfer_places(model.feature_resolution, model.heatmap_size, model.num_itls, model.placement)
    except ValueError as error:
        raise InputError(f"field model.num_itls: {error}; take fewer, or other sizes") from error
    if len(model.encoder_widths) != 4 or len(model.encoder_depths) != 4:
        raise InputError("fields model.encoder_widths, model.encoder_depths: one value is needed for each of 4 stages")
    # The encoder's third stage has an eighth of the input's side, and a stride brings it to the feature code f.
    unit = 8 * model.feature_resolution
    if model.image_size < 1 or model.image_size % unit:
        raise InputError(
            f"field model.image_size: {model.image_size} is no multiple of 8 times model.feature_resolution; "
            f"take {max(1, round(model.image_size / unit)) * unit}"
        )
