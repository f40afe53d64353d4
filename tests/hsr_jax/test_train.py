"""Tests the training command end to end with random images of 64 px, tiny networks and a tiny ResNet as extractor."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from common.config import config_to_dict
from common.errors import InputError
from common.nn.resnet import ResNet
from common.train.checkpoint import Checkpoints
from common.weights import formats
from hsr_jax import build, snapshot, train
from hsr_jax.config import AdaConfig, GanConfig, HsrConfig, ImageDataConfig, NetworksConfig
from hsr_jax.gan.phases import LossConfig, ScheduleConfig
from hsr_jax.gan.state import create_gan_state


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Folder with 12 random images."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def extractor(tmp_path_factory, save_arrays):
    """Path of a checkpoint of an untrained ResNet with 4 channels, in torchvision's names."""
    module = ResNet((4, 4, 4, 4), (1, 1, 1, 1))
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    path = tmp_path_factory.mktemp("extractor") / "resnet.safetensors"
    return save_arrays(path, formats.find("resnet").arrays(variables, module))


@pytest.fixture(scope="module")
def whole(images, extractor, tmp_path_factory):
    """Configuration of a finished run, which tests must not change: four batches of 8, the last two with the
    regularizer. Geometric augmentation and path lengths have their own tests, because they take long to compile."""
    config = GanConfig(
        workdir=str(tmp_path_factory.mktemp("whole") / "run"),
        data=ImageDataConfig(source=str(images), resolution=64),
        networks=NetworksConfig(
            z_dim=6, w_dim=6, mapping_layers=1, channel_base=128, channel_max=4, mbstd_group=4, mbstd_batch=0
        ),
        losses=LossConfig(path_length_weight=0.0),
        schedule=ScheduleConfig(d_interval=3, ema_kimg=0.1),
        ada=AdaConfig(pipe="color", p=0.2, kimg=0.1),
        hsr=HsrConfig(extractor=extractor, start_kimg=0.016, hidden=8, image_size=32),
        kimg=0.032,
        batch_size=8,
        log_every=1,
        save_kimg=0.008,
        sample_kimg=0.016,
        samples=4,
    )
    train.train(config)
    return config


@pytest.fixture
def config(whole, tmp_path):
    """The same configuration for a new run."""
    return dataclasses.replace(whole, workdir=str(tmp_path / "run"))


def metrics(workdir: str) -> str:
    return Path(workdir, "metrics.jsonl").read_text()


def leaves(workdir: str) -> dict:
    checkpoints = Checkpoints(workdir)
    return checkpoints._header("last", checkpoints.latest())["leaves"]


def test_what_a_run_leaves(whole):
    lines = metrics(whole.workdir).splitlines()
    assert ["train/loss/hsr" in line for line in lines] == [False, False, True, True]
    assert ["train/r1" in line for line in lines] == [True, False, False, True]
    assert [p.name for p in Path(whole.workdir, "samples").iterdir()] == ["000000.0.png"]


def test_a_killed_run_resumes_to_the_same_numbers(whole, config, tmp_path):
    script = tmp_path / "config.py"
    script.write_text(
        "from common.config import config_from_dict\nfrom hsr_jax.config import GanConfig\n"
        f"config = config_from_dict(GanConfig, {config_to_dict(config)!r})\n"
    )
    command = [sys.executable, "-m", "hsr_jax.train", "--config", str(script)]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "8"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while Checkpoints(config.workdir).latest() is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert Checkpoints(config.workdir).latest() is not None
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL, timeout=300)
    assert leaves(config.workdir) == leaves(whole.workdir)
    assert metrics(config.workdir) == metrics(whole.workdir)


def untrained(config):
    """State before the first batch."""
    gan = build.build_gan(config)
    g_variables, d_variables = build.initialize(gan, config.seed)
    return create_gan_state(g_variables, d_variables["params"], optax.sgd(1.0), optax.sgd(1.0), jax.random.key(0))


def test_a_run_starts_from_the_networks_of_another(whole):
    module, variables = snapshot.load(whole.workdir)
    new = untrained(whole)
    started = snapshot.with_networks_of(whole.workdir, new)
    jax.tree.map(np.testing.assert_array_equal, started.ema_params, variables["params"])
    for kind in ("g_params", "d_params"):
        pairs = zip(*(jax.tree.leaves(getattr(s, kind)) for s in (started, new)), strict=True)
        assert any((np.asarray(a) != np.asarray(b)).any() for a, b in pairs)
    assert started.step == 0 and module.resolution == 64


def test_a_snapshot_of_other_networks_is_refused(whole):
    sizes = dataclasses.replace(whole.networks, channel_max=8)
    new = untrained(dataclasses.replace(whole, networks=sizes))
    with pytest.raises(InputError, match="checkpoint of another model"):
        snapshot.with_networks_of(whole.workdir, new)


def test_fields_that_do_not_fit(config):
    hsr = dataclasses.replace(config.hsr, image_size=40)
    with pytest.raises(InputError, match="hsr.image_size: 40 px .* multiple of 32 .*; take 32"):
        train.train(dataclasses.replace(config, hsr=hsr))
    data = dataclasses.replace(config.data, resolution=32)
    with pytest.raises(InputError, match="data.resolution: 32 .* at least 64"):
        train.train(dataclasses.replace(config, data=data))
    with pytest.raises(InputError, match="field data.source: empty"):
        train.train(dataclasses.replace(config, data=ImageDataConfig()))
    assert not Path(config.workdir).exists()


def test_dry_run_writes_nothing(config, capsys):
    train.describe(config)
    assert "generator" in capsys.readouterr().out and not Path(config.workdir).exists()
