"""Start of a training: the check of its configuration, labels, and the snapshot of another run or a public one."""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from common.config import config_from_dict, config_to_dict
from common.errors import InputError
from common.train import sharding
from common.weights import formats
from hsr_jax import build, snapshot, train
from hsr_jax.config import AdaConfig, GanConfig, ImageDataConfig, NetworksConfig, check
from hsr_jax.gan.phases import LossConfig, ScheduleConfig
from hsr_jax.gan.state import create_gan_state

SMALL = GanConfig(
    data=ImageDataConfig(resolution=32),
    networks=NetworksConfig(4, 4, 1, channel_base=64, channel_max=4, mbstd_group=2, mbstd_batch=2),
    losses=LossConfig(r1_gamma=0.0, path_length_weight=0.0),
    ada=AdaConfig("none"),
    kimg=0.008,
    batch_size=8,
    samples=3,
)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"data.resolution": 48}, "data.resolution: 48 is not a power of two"),
        ({"batch_size": 7}, "networks.mbstd_batch: 2 does not divide a batch of 7"),
        ({"networks.mbstd_group": 3, "networks.mbstd_batch": 4}, "networks.mbstd_group: 3 does not divide 4"),
        ({"samples": 0}, "field samples: 0 is less than 1"),
        ({"schedule.g_interval": 0}, "schedule.g_interval: 0 is less than 1"),
        ({"ada.mode": "fixed"}, "ada.p: 0.0 has no effect with ada.mode fixed"),
        ({"ada.p": 0.5}, "ada.p: 0.5 has no effect with ada.mode none"),
        ({"hsr.extractor": "random"}, "hsr.start_kimg: 500 is not before the end of the run, kimg 0.008"),
    ],
)
def test_values_that_do_not_fit_together(changes, message):
    check(SMALL)
    nested = config_to_dict(SMALL)
    for name, value in changes.items():
        *groups, field = name.split(".")
        target = nested
        for group in groups:
            target = target[group]
        target[field] = value
    with pytest.raises(InputError, match=message):
        train.describe(config_from_dict(GanConfig, nested))


def test_the_path_lengths_part_of_the_batch_is_split_too():
    losses = dataclasses.replace(SMALL.losses, path_length_weight=2.0)
    with pytest.raises(InputError, match="batch_size: 8 is not a multiple of 8 devices times 2; take 16"):
        train.train(dataclasses.replace(SMALL, losses=losses))


def test_a_run_from_a_snapshot_follows_the_rules_of_resuming():
    """The average is not ramped up, because its first step would forget the snapshot, and p may change faster."""
    schedule = ScheduleConfig(ema_kimg=5.0, ema_ramp_up=0.05)
    config = dataclasses.replace(SMALL, schedule=schedule, ada=AdaConfig(kimg=500.0))
    gan, mesh = build.build_gan(config), sharding.make_mesh()
    fresh, started = (
        build.build_phases(dataclasses.replace(config, resume_from=start), gan, mesh, None)
        for start in ("", "runs/other")
    )
    assert (fresh.schedule.ema_ramp_up, started.schedule.ema_ramp_up) == (0.05, None)
    rise = lambda phases: float(phases.control(jnp.float32(0.1), jnp.float32(0.9))) - 0.1
    np.testing.assert_allclose(rise(started), 5 * rise(fresh), rtol=1e-4)


@pytest.fixture
def labelled(tmp_path):
    folder, rng = tmp_path / "images", np.random.default_rng(0)
    folder.mkdir()
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{i}.png")
    (folder / "dataset.json").write_text(json.dumps({"labels": [[f"{i}.png", i % 3] for i in range(6)]}))
    return folder


def test_class_labels_make_a_conditional_run(labelled, tmp_path, capsys):
    data = ImageDataConfig(source=str(labelled), resolution=32, labels=True)
    config = dataclasses.replace(SMALL, workdir=str(tmp_path / "run"), data=data)
    train.describe(config)
    conditional = capsys.readouterr().out
    train.describe(dataclasses.replace(config, data=dataclasses.replace(data, labels=False)))
    assert conditional.splitlines()[-4:] != capsys.readouterr().out.splitlines()[-4:]
    train.train(config)
    generator, _ = snapshot.load(config.workdir)
    assert generator.c_dim == 3
    assert [path.name for path in Path(config.workdir, "samples").iterdir()] == ["000000.0.png"]
    # The averaged generator is stored with the grid, and equals the generator of the run.
    (stored,) = Path(config.workdir, "snapshots").iterdir()
    again, variables = snapshot.load(str(stored))
    assert again.c_dim == 3 and again.resolution == 32
    jax.tree.map(np.testing.assert_array_equal, variables, snapshot.load(config.workdir)[1])


def drawn(template, seed: int):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), template)


@pytest.mark.parametrize("averages_only", [False, True])
def test_a_public_checkpoint_gives_generator_average_and_discriminator(averages_only, tmp_path, save_arrays):
    gan = build.build_gan(SMALL)
    g, d = build.shapes(gan)
    parts = {
        "G": (drawn(g, 0), gan.generator),
        "G_ema": (drawn(g, 1), gan.generator),
        "D": (drawn(d, 2), gan.discriminator),
    }
    if averages_only:
        del parts["G"]
    arrays = {}
    for name, (variables, module) in parts.items():
        layout = "stylegan2-ada-discriminator" if name == "D" else "stylegan2-ada"
        arrays |= {f"{name}.{key}": x for key, x in formats.find(layout).arrays(variables, module).items()}
    path = save_arrays(tmp_path / "network.safetensors", arrays)
    new = create_gan_state(drawn(g, 3), drawn(d, 4)["params"], optax.sgd(1.0), optax.sgd(1.0), jax.random.key(0))
    started = snapshot.with_networks_of(path, new)
    trained = parts["G_ema" if averages_only else "G"][0]
    jax.tree.map(np.testing.assert_array_equal, started.g_params, trained["params"])
    jax.tree.map(np.testing.assert_array_equal, started.g_model_state["stats"], trained["stats"])
    jax.tree.map(np.testing.assert_array_equal, started.ema_params, parts["G_ema"][0]["params"])
    jax.tree.map(np.testing.assert_array_equal, started.d_params, parts["D"][0]["params"])
    # The arrays are copies, because a step donates its state.
    assert started.g_params["mapping"]["fc0"]["kernel"] is not started.ema_params["mapping"]["fc0"]["kernel"]
