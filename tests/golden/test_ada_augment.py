"""StyleGAN2-ADA's augmentation against the numbers of the official implementation, one augmentation after the other."""

import dataclasses
import functools
import re
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ada_reference import percentile, reference_margins
from reference import Case, nchw

from common.ops.resample import lowpass
from hsr_jax.ada import geometry
from hsr_jax.ada.augment import PIPES, AugmentPipe, Parameters, apply
from hsr_jax.ada.filter import filter_bank

CASE = Case("ada_augment")
# case.json: "abs 2e-5*range (geometric: allow 1e-4)"
TOLERANCE, GEOMETRIC = 2e-5, 1e-4
# Constants of the arrays named "wide", found by trying because the case does not state them. Their pipe is 'geom'.
WIDE = {"SCALE_STD": 0.5, "ANISO_STD": 0.4, "XFRAC_STD": 0.3}
SUFFIXES = r"@(first|stride\d+|mean_std)"
IMAGES = sorted({key.split("@")[0] for key in CASE.expected if re.search(SUFFIXES, key)})
KEY = jax.random.key(0)

applied = jax.jit(apply, static_argnames="margins")


def split(name: str) -> tuple[str, str, float]:
    """
    >>> split("48gray/bgc/p0.35")
    ('48gray', 'bgc', 0.35)
    """
    size, augmentation, q = name.split("/")[:3]
    return size, augmentation, float(q.removeprefix("p"))


@functools.cache
def image(size: str) -> jax.Array:
    """Images [B, H, W, C] that "64", "48gray" or "rect32x48" names."""
    rectangle, number, gray = re.fullmatch(r"(rect)?([\dx]+)(gray)?", size).groups()
    x = CASE.inputs()["img_rect" if rectangle else f"img_gray{number}" if gray else f"img{number}"]
    assert "x".join(map(str, x.shape[2:])) == (number if rectangle else f"{number}x{number}")
    return jnp.asarray(np.moveaxis(x, 1, -1))


def pipe_of(augmentation: str) -> AugmentPipe:
    if without := re.fullmatch(r"(\w+)_without_(\w+)", augmentation):
        return dataclasses.replace(PIPES[without[1]], **{without[2]: 0.0})
    if augmentation in PIPES:
        return PIPES[augmentation]
    return AugmentPipe(**{augmentation: 1.0})


def parameters_of(augmentation: str, q: float, shape: tuple[int, ...]) -> Parameters:
    if augmentation == "all_geom_default_stds_wide":
        with mock.patch.multiple(geometry, **WIDE):
            return percentile(KEY, q, shape, PIPES["geom"])
    return percentile(KEY, q, shape, pipe_of(augmentation))


def compare(name: str, images: np.ndarray, tolerance: float):
    """Compares images [B, C, H, W] with every array that is stored under their name."""
    for key in [key for key in CASE.expected if key.split("@")[0] == name]:
        suffix = key.split("@")[1]
        if suffix == "mean_std":
            wide = images.astype(np.float64)
            part = np.stack([wide.mean((2, 3)), wide.std((2, 3))])
        elif suffix == "first":
            part = images[:1]
        else:
            step = int(suffix.removeprefix("stride"))
            part = images[:, :, ::step, ::step]
        CASE.compare(key, part, rtol=0, atol=0, absolute=tolerance)


def margins_of(parameters: Parameters, images: jax.Array) -> list:
    """Margins to test: None for the fixed ones, and the reference's if there is a map."""
    if parameters.matrix is None:
        return [None]
    return [None, reference_margins(parameters.matrix, *images.shape[1:3])]


def test_filters():
    CASE.compare("Hz_geom", lowpass(geometry.SYM6), rtol=0, atol=0, absolute=1e-7)
    CASE.compare("Hz_fbank", filter_bank(), rtol=0, atol=0, absolute=1e-7)


@pytest.mark.parametrize("name", [name for name in IMAGES if "_grad/" not in name])
def test_images(name):
    size, augmentation, q = split(name)
    images = image(size)
    parameters = parameters_of(augmentation, q, images.shape)
    tolerance = TOLERANCE * float(jnp.ptp(images)) if parameters.matrix is None else GEOMETRIC
    for margins in margins_of(parameters, images):
        compare(name, nchw(applied(images, parameters, margins)), tolerance)


@pytest.mark.parametrize("name", [name for name in IMAGES if "_grad/" in name])
def test_gradients(name):
    size, augmentation, q = split(name)
    images = image(size)
    cotangent = jnp.asarray(np.moveaxis(CASE.inputs()[f"grad_out{size}"], 1, -1))
    parameters = parameters_of(augmentation.removesuffix("_grad"), q, images.shape)
    for margins in margins_of(parameters, images):
        total = lambda images, margins=margins: jnp.vdot(applied(images, parameters, margins), cotangent)
        compare(name, nchw(jax.grad(total)(images)), GEOMETRIC)


@pytest.mark.parametrize("name", sorted({k.rsplit("/", 1)[0] for k in CASE.expected if "/noise/" in k}))
def test_noise(name):
    _, augmentation, q = split(name)
    batch, channels, height, width = map(
        int, re.search(r"noise: statistics only \((\d+)x(\d+)x(\d+)x(\d+)", CASE.config["what"]).groups()
    )
    zeros = jnp.zeros((batch, height, width, channels))
    parameters = percentile(KEY, q, zeros.shape, pipe_of(augmentation))
    noise = np.asarray(applied(zeros, parameters), np.float64)
    CASE.compare(f"{name}/sigma_exact", parameters.noise[0][0], rtol=1e-6, atol=0)
    # Both sides are estimates from n normal numbers, with relative standard errors of 1 / sqrt(2 n) for the deviation
    # and sqrt((pi / 2 - 1) / n) for the mean of |x|. The tolerance is four standard errors of their difference.
    error = 4 * np.sqrt(2 / noise.size)
    CASE.compare(f"{name}/std", noise.std(), rtol=error * np.sqrt(1 / 2), atol=0)
    CASE.compare(f"{name}/mean_abs", np.abs(noise).mean(), rtol=error * np.sqrt(np.pi / 2 - 1), atol=0)
