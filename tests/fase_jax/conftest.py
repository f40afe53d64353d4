"""A model that compiles in seconds, and faces to train it with."""

import numpy as np
import pytest
from PIL import Image

from common.data.faces.schemes import FIVE
from fase_jax import train
from fase_jax.config import FaceDataConfig, FaseConfig, LossConfig, OptimizerConfig
from fase_jax.model import ModelConfig

TINY = ModelConfig(
    image_size=32,
    heatmap_size=16,
    generator_resolution=16,
    feature_resolution=4,
    channel_base=128,
    channel_max=8,
    w_dim=8,
    encoder_widths=(4, 4, 8, 8),
    encoder_depths=(1, 1, 1, 1),
    num_itls=2,
)


@pytest.fixture
def tiny():
    """Sizes of the tests' model: images of 32 px, f of 4 px, heatmaps of 16 px."""
    return TINY


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """A folder with `labels.csv` and 20 pictures of five bright dots: 16 in subset `train`, 4 in subset `test`."""
    folder, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    lines = ["file,subset," + ",".join(f"{a}{k}" for k in range(FIVE.count) for a in "xy")]
    base = np.array([[18.0, 20], [42, 20], [30, 32], [20, 44], [40, 44]])
    for i in range(20):
        points = base + rng.normal(0, 2, base.shape)
        y, x = np.mgrid[:64, :60]
        dots = np.exp(-((x[..., None] - points[:, 0]) ** 2 + (y[..., None] - points[:, 1]) ** 2) / 8)
        colours = np.eye(3)[[0, 1, 2, 0, 1]] * 200 + 55
        Image.fromarray(np.clip(dots @ colours, 0, 255).astype(np.uint8)).save(folder / f"{i}.png")
        values = ",".join(f"{v:.3f}" for v in points.ravel())
        lines.append(f"{i}.png,{'train' if i < 16 else 'test'},{values}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def config(faces, tmp_path):
    """A run on `faces` that takes seconds."""
    return tiny_run(faces, tmp_path / "run")


@pytest.fixture(scope="session")
def trained(faces, tmp_path_factory):
    """The configuration of a finished run, which tests must not change, and the speed of the run."""
    config = tiny_run(faces, tmp_path_factory.mktemp("trained") / "run")
    return config, train.train(config)


def tiny_run(faces, workdir) -> FaseConfig:
    """A run of four steps on the pictures in the folder `faces`."""
    return FaseConfig(
        workdir=str(workdir),
        data=FaceDataConfig(root=str(faces), scheme="five", train_subsets=("train",), test_subsets=("test",)),
        model=TINY,
        loss=LossConfig(kind="softmax", sigma=1.0, weight=1.0, coordinate_weight=1.0),
        optimizer=OptimizerConfig(itl_lr=1e-2, encoder_lr=1e-2, generator_lr=1e-2),
        decoder="soft_argmax",
        steps=4,
        batch_size=8,
        ema_decay=0.9,
        log_every=1,
        eval_every=2,
        save_every=2,
    )
