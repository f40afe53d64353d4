"""Every field of a FASE run. A config file changes a few of them; the command line overrides any by name."""

import dataclasses
from typing import Literal

from common.augment.landmarks import LandmarkAugmentation
from fase_jax.model import ModelConfig

Decoder = Literal["argmax", "smoothed_argmax", "quarter", "local_soft_argmax", "soft_argmax"]


@dataclasses.dataclass(frozen=True)
class FaceDataConfig:
    """Where the annotated faces are and how they are cropped."""

    dataset: Literal["folder", "w300", "wflw", "aflw", "synthetic"] = "folder"
    """A folder of images with annotations, or a prepared data set."""
    root: str = ""
    """Folder: where the images are. Prepared sets: the manual directory with the official download."""
    annotations: str = "labels.csv"
    """Folder: a CSV file, a COCO keypoints JSON, or `.` for .pts files, relative to `root`."""
    data_dir: str = "data"
    """Prepared sets: where the records are written and read."""
    scheme: str = "w300"
    """Folder: w300, wflw, aflw19, five, or the path of a JSON file that declares a scheme."""
    train_subsets: tuple[str, ...] = ()
    """Folder: values of the `subset` column to train on; empty takes every row that is not tested on."""
    test_subsets: tuple[str, ...] = ()
    """Subsets evaluated one by one; folder: values of the `subset` column."""
    num_labels: int = 0
    """Train on this many faces, drawn by the run's seed; 0 takes all."""
    validation_fraction: float = 0.1
    """Share of the training faces held out to choose the best checkpoint; 0 keeps the last one only."""
    crop: Literal["landmarks", "box", "fabrec", "fabrec_landmarks"] = "landmarks"
    """Square around the landmarks' bounding box, around the given box, or 3FabRec's rule from either."""
    crop_scale: float = 1.25
    """Side of the square over the longer side of the box."""
    crop_extend: tuple[float, float] = (0.0, 0.0)
    """Parts of its height added to the box above and below first (3FabRec: 0.2, 0.12 on 300-W; 0, 0.1 on WFLW)."""
    fill: int = 0
    """Grey level, 0 to 255, of what lies outside the picture, in crops and in augmented faces alike."""
    cache_mib: int = 2048
    """Memory for decoded crops; faces beyond it are decoded again every epoch."""
    synthetic_train: int = 600
    """Synthetic: number of training faces."""
    synthetic_test: int = 100
    """Synthetic: number of test faces."""
    synthetic_size: int = 128
    """Synthetic: side of the pictures in pixels."""


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Adam with one learning rate a part (FASE, Sec. 4.3)."""

    itl_lr: float = 1e-4
    """Learning rate of the interleaved transfer layers."""
    encoder_lr: float = 2e-5
    """Learning rate of the encoder; ignored when it is frozen."""
    generator_lr: float = 1e-4
    """Learning rate of the generator; used by `prior='none'` alone."""
    b1: float = 0.9
    b2: float = 0.99
    schedule: Literal["epochs", "cosine"] = "epochs"
    """`epochs`: multiply by `decay` every `decay_epochs`; `cosine`: linear warm-up, then cosine to zero."""
    decay: float = 0.995
    decay_epochs: int = 10
    warmup_steps: int = 0
    """Cosine: steps of the linear warm-up."""
    weight_decay: float = 0.0
    """Decoupled weight decay of the kernels."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 leaves them."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """What the heatmaps are compared with."""

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
    """300-W with all labels: Table 1, 3.42 % inter-ocular NME on the full test set."""

    workdir: str = "runs/fase"
    """Checkpoints, logs and results; a run started again in the same place resumes."""
    seed: int = 0
    data: FaceDataConfig = FaceDataConfig()
    model: ModelConfig = ModelConfig()
    prior: str = "none"
    """A checkpoint of generator and encoder, or `none`, which trains everything from scratch."""
    finetune_encoder: bool = True
    """Table 6: off costs 1.1 points with all labels, 1.8 with 50."""
    frozen_batch_norm: bool = False
    """Keep the encoder's running statistics, as evaluation does, while fine-tuning."""
    augmentation: LandmarkAugmentation = LandmarkAugmentation()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    decoder: Decoder = "smoothed_argmax"
    """How heatmaps become coordinates; choose on a validation split."""
    flip_test: bool = False
    """Average the heatmaps of a face and of its mirror image."""
    steps: int = 200_000
    batch_size: int = 8
    """Global batch size; a multiple of the number of devices."""
    accumulate: int = 1
    """Micro-batches a step; the batch size is a multiple of it."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the activations; parameters and heatmaps stay float32."""
    ema_decay: float = 0.0
    """Evaluate an exponential moving average of the parameters; 0 turns it off."""
    log_every: int = 50
    eval_every: int = 2000
    """Steps between evaluations on the validation split."""
    save_every: int = 1000
    """Steps between checkpoints."""


config = FaseConfig()
