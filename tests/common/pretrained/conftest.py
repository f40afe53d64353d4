"""Checkpoints of random weights, shared by these tests."""

import jax
import numpy as np
import pytest
from safetensors.numpy import save_file

from common.weights import formats
from common.weights.__main__ import main


@pytest.fixture
def write(tmp_path):
    """(format, module, imported=False) -> path of a checkpoint, or of the directory that it is imported to."""

    def write(name: str, module, imported: bool = False) -> str:
        format, rng = formats.find(name), np.random.default_rng(0)
        draw = lambda x: rng.normal(0.1, 0.2, x.shape).astype(np.float32) ** 2
        arrays = format.arrays(jax.tree.map(draw, format.template(module)), module)
        path, directory = tmp_path / f"my_{name}.safetensors", tmp_path / f"my_{name}"
        save_file({key: np.array(x, order="C") for key, x in arrays.items()}, path)
        if imported:
            main(["import", "--format", name, "--src", str(path), "--out", str(directory)])
        return str(directory if imported else path)

    return write
