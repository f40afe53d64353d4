"""Fixtures for the tests of commands: a tiny generator for 16 px, and files of weights and pictures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from common.nn.stylegan2 import Generator
from common.weights import formats

SMALL = {"w_dim": 5, "num_layers": 1, "channel_base": 64, "channel_max": 8}


@pytest.fixture(scope="session")
def write_generator():
    """Function (path, **sizes) -> path of a checkpoint of an untrained generator with z_dim 6 and w_dim 5."""
    return _write_generator


@pytest.fixture(scope="session")
def save_arrays():
    """Function (path, arrays by name) -> path of a safetensors file with float32 arrays."""
    return _save_arrays


@pytest.fixture(scope="session")
def generator(tmp_path_factory):
    """Path of a checkpoint of an untrained generator."""
    return _write_generator(tmp_path_factory.mktemp("generator") / "g.safetensors")


@pytest.fixture(scope="session")
def picture():
    """Function path -> uint8 image [H, W, 3]."""
    return lambda path: np.asarray(Image.open(path).convert("RGB"))


def _write_generator(path, **changes):
    module = Generator(16, 6, **SMALL | changes)
    c = jnp.zeros((1, module.c_dim)) if module.c_dim else None
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 6)), c)
    # Smaller RGB outputs keep the images within [-1, 1], like those of a trained generator.
    variables = jax.tree_util.tree_map_with_path(
        lambda path, x: 0.2 * x if "torgb" in str(path) and "affine" not in str(path) else x, variables
    )
    return _save_arrays(path, formats.find("stylegan2-ada").arrays(variables, module))


def _save_arrays(path, arrays):
    save_file({name: np.asarray(x, np.float32, order="C") for name, x in arrays.items()}, path)
    return str(path)
