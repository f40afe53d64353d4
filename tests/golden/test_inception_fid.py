"""FID's Inception-v3 behind both preprocessings against the numbers of pytorch-fid and torch-fidelity."""

import functools

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.inception import INPUT_SIZE, InceptionV3, pytorch_fid_input, torch_fidelity_input
from common.ops.resize import resize_tf1
from common.weights.networks.inception import PYTORCH_FID

# The layers after which pytorch-fid's blocks end.
BLOCKS = {"block0": "MaxPool_3a_3x3", "block1": "MaxPool_5a_3x3", "block2": "Mixed_6e"}


@functools.cache
def case() -> Case:
    return Case("inception_fid")


@functools.cache
def variables() -> dict:
    (net,) = case().manifest["nets"]
    return PYTORCH_FID.variables(case().net(net))


@functools.cache
def program():
    """The network is hardly optimised: its convolutions are library calls and compiling takes the time."""
    return jax.jit(InceptionV3().apply, compiler_options={"xla_backend_optimization_level": 0})


def sizes(variant: str) -> list[str]:
    return sorted({name.split("/")[1] for name in case().expected if name.startswith(f"{variant}/")})


def images(size: str) -> np.ndarray:
    """Images [B, H, W, 3] in [0, 1]."""
    return np.moveaxis(case().inputs()[f"img{size}"].clip(0, 1), 1, -1)


def pixels(size: str) -> np.ndarray:
    """Images uint8 [B, H, W, 3]."""
    return np.round(255 * images(size)).astype(np.uint8)


def step(key: str) -> int:
    """The number in a suffix `@sub7` or `@100`."""
    return int(key.partition("@")[2].removeprefix("sub"))


@pytest.mark.parametrize("size", sizes("pytorch_fid"))
def test_pytorch_fid(size):
    pooled, features = program()(variables(), pytorch_fid_input(images(size)))
    for block, layer in BLOCKS.items():
        case().compare(f"pytorch_fid/{size}/{block}", nchw(features[layer]))
    case().compare(f"pytorch_fid/{size}/pool2048", pooled)


@pytest.mark.parametrize("size", sizes("pytorch_fid"))
def test_pytorch_fid_of_8_bit_images(size):
    pooled, _ = program()(variables(), pytorch_fid_input(pixels(size).astype(np.float32) / 255))
    case().compare(f"pytorch_fid/{size}/pool2048_from_uint8", pooled)


@pytest.mark.parametrize("key", [key for key in case().expected if key.startswith("tf1_resize/")])
def test_resize(key):
    size = key.partition("@")[0].split("/")[1]
    resized = resize_tf1(pixels(size).astype(np.float32), (INPUT_SIZE, INPUT_SIZE))
    case().compare(key, nchw(resized)[:, :, :: step(key), :: step(key)])


@pytest.mark.parametrize("size", sizes("torch_fidelity"))
def test_torch_fidelity(size):
    pooled, features = program()(variables(), torch_fidelity_input(pixels(size)))
    case().compare(f"torch_fidelity/{size}/pool2048", pooled)
    prefix = f"torch_fidelity/{size}/logits_unbiased@"
    for key in [key for key in case().expected if key.startswith(prefix)]:
        case().compare(key, np.asarray(features["logits_unbiased"])[:, : step(key)])
