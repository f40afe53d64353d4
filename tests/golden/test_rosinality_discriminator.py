"""A discriminator in rosinality's checkpoint layout against the numbers of its official implementation."""

import functools
import json

import jax
import numpy as np
import pytest
from reference import Case

from common.nn.discriminator import Discriminator
from common.weights.networks.discriminator import ADA, ROSINALITY


@functools.cache
def case() -> Case:
    return Case("rosinality_g")


def discriminators() -> list[str]:
    return [name for name, variant in case().variants.items() if "n_mlp" not in variant["config"]]


@pytest.mark.parametrize("name", discriminators())
def test_logits(name):
    state_dict, config = case().net(name), case().variants[name]["config"]
    discriminator = ROSINALITY.infer(state_dict)
    # 512 channels up to 32 px, 256 m at 64 px and half of it at every doubling.
    full = Discriminator(config["size"], channel_base=16384 * config["cm"])
    assert discriminator.resolution == full.resolution and discriminator.mbstd_channels == 1
    variables = ROSINALITY.variables(state_dict, full)
    jax.tree.map(np.testing.assert_array_equal, variables, ROSINALITY.variables(state_dict))
    run = jax.jit(full.apply, compiler_options={"xla_backend_optimization_level": 0})
    logits, _ = run(variables, np.moveaxis(case().inputs()[f"{name}/img"], 1, -1))
    case().compare(f"{name}/logits", logits[:, None])


@pytest.mark.parametrize("path", sorted(case().path.glob("disc_name_map_size*.json")), ids=lambda path: path.stem)
def test_names_are_those_of_the_map(path):
    """The two tables together give the stored map from rosinality's names to StyleGAN2-ADA's."""
    discriminator = Discriminator(int(path.stem.removeprefix("disc_name_map_size")))
    ada = {row.path: row.source for row in ADA.table(discriminator)}
    ours = {row.source: ada[row.path] for row in ROSINALITY.table(discriminator)}
    assert ours == {entry["rosinality"]: entry["ada"] for entry in json.loads(path.read_text())}
