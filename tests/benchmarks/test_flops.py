"""Tests `benchmarks.flops` against XLA's count of the same programs, and the shares and errors of benchmarks."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import pytest

from benchmarks import flops, hsr, scaling
from common.errors import InputError
from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator
from common.nn.vit import ViT
from common.pretrained import extractor
from common.train import sharding
from hsr_jax.ada.augment import PIPES
from hsr_jax.ada.geometry import resample
from hsr_jax.build import build_gan, shapes
from hsr_jax.config import GanConfig, HsrConfig, ImageDataConfig, NetworksConfig

# 8, 16 and 32 px with 64, 32 and 16 channels: a value takes at least 100 multiply-adds.
CONFIG = GanConfig(
    data=ImageDataConfig(resolution=32),
    networks=NetworksConfig(64, 48, 2, channel_base=1024, channel_max=64, mbstd_group=4, mbstd_batch=4),
    ada=dataclasses.replace(GanConfig().ada, p=0.5),
    batch_size=8,
)
GAN = build_gan(CONFIG)
PIPE = PIPES["bgc"]


@pytest.mark.parametrize("name", flops.PASSES)
def test_nothing_is_computed_twice(name):
    """XLA counts the products of the formula, and elementwise operations.

    If a pass of a network were computed twice, even the phase with the most passes would have a seventh more.
    """
    run = hsr.training(CONFIG, sharding.make_mesh(jax.devices("cpu")[:1]), [name])
    count = flops.counted(getattr(run.phases, name), *run.shapes())
    assert run.formula()[name] < count < 1.1 * run.formula()[name]


def test_the_semantic_regularizer_costs_one_pass_of_its_extractor(monkeypatch):
    monkeypatch.setattr(extractor, "RANDOM", ViT(width=128, heads=2))
    config = dataclasses.replace(
        CONFIG,
        data=ImageDataConfig(resolution=64),
        networks=dataclasses.replace(CONFIG.networks, mapping_layers=1, channel_base=2048),
        hsr=HsrConfig(extractor="random", hidden=64, image_size=112),
        batch_size=4,
    )
    values = hsr.operations(config, ["g_main_hsr"])
    # A second pass of the extractor or of a head would be a tenth more.
    assert 1 < values["g_main_hsr, ratio to the formula"] < 1.1


def total(layers, *kinds) -> int:
    return sum(layer.multiply_adds for layer in layers if not kinds or layer.kind in kinds)


@pytest.mark.parametrize("size", [8, 32])
def test_forward_pass_of_a_generator(size):
    net = Generator(size, 24, w_dim=40, num_layers=3, channel_base=1024, channel_max=96)
    z = jax.ShapeDtypeStruct((2, 24), jnp.float32)
    variables = jax.eval_shape(net.init, jax.random.key(0), z)
    count = flops.counted(lambda v, z: net.apply(v, z)[0], variables, z)
    assert 1 < count / (2 * 2 * total(flops.generator(net))) < 1.1


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_forward_pass_of_a_discriminator(architecture):
    net = Discriminator(32, architecture=architecture, channel_base=1024, channel_max=96, mbstd_channels=2)
    images = jax.ShapeDtypeStruct((4, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(net.init, jax.random.key(0), images)
    count = flops.counted(lambda v, x: net.apply(v, x)[0], variables, images)
    assert 1 < count / (2 * 4 * total(flops.discriminator(net))) < 1.1


@pytest.mark.parametrize("size", [8, 64])
def test_resampling_of_the_augmentation(size):
    """The larger image would repeat itself by reflection; the resampling leaves the repetition out."""
    images, matrix = (jax.ShapeDtypeStruct((2, *shape), jnp.float32) for shape in ((size, size, 3), (2, 3)))
    count = flops.counted(resample, images, matrix)
    products = 2 * 2 * total(flops.augmentation(size, PIPE))
    # There are further operations per sampled position: 30 per axis for the position and its weights, 4 products of
    # weights, and a product and a sum for each of 4 pixels of 3 channels.
    assert products < count < products + 100 * 2 * (2 * size + 10) ** 2
    assert not list(flops.augmentation(size, PIPES["color"]))


def test_every_kernel_has_its_layer():
    """Each kernel is multiplied once with every pixel of an image, except at the border."""
    g, d = shapes(GAN)
    for params, layers in (
        (g["params"], flops.generator(GAN.generator)),
        (d["params"], flops.discriminator(GAN.discriminator)),
    ):
        layers = {layer.name: layer.multiply_adds for layer in layers}
        for path, kernel in jax.tree_util.tree_leaves_with_path(params):
            names = [key.key for key in path if key.key not in ("mapping", "synthesis")]
            if names[-1] == "kernel":
                pixels = layers.pop(".".join(names[:-1])) / math.prod(kernel.shape)
                assert math.sqrt(pixels) == int(math.sqrt(pixels)) or 1 < pixels < 32**2, names
        assert all(name.endswith(("blur", "img", "demodulation")) for name in layers)


def test_networks_with_labels_are_refused():
    with pytest.raises(ValueError, match="unconditional"):
        list(flops.generator(GAN.generator.clone(c_dim=2)))


def test_shares_of_the_time():
    seconds = {"g_main": 3.0, "g_reg": 1.0, "d_main": 4.0, "d_reg": 2.0, "finish": 0.0}
    assert hsr.shares(seconds) == {
        "training (s/kimg)": 10.0,
        "training, R1 (%)": 20.0,
        "training, path length (%)": 10.0,
    }
    assert hsr.shares({"g_main": 3.0}) == {}
    with_hsr = hsr.shares(seconds | {"g_main_hsr": 13.0})
    assert with_hsr["training with HSR (s/kimg)"] == 20 and with_hsr["training with HSR, R1 (%)"] == 10
    assert [hsr.interval(CONFIG, name) for name in ("g_main", "g_reg", "d_reg")] == [1, 4, 16]


def test_scaling_says_that_the_compiler_is_missing(monkeypatch):
    monkeypatch.setattr(scaling.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="libtpu"):
        scaling.main(["--topology", "v5e:2x2"])
