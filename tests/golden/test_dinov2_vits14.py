"""A ViT-S/14 in DINOv2's layout with real weights, which are not part of the project, block by block."""

import functools
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from reference import Case, folder

from common.nn.vit import ViT, resize_positions
from common.weights.networks.vit import DEIT
from common.weights.read import arrays

NAME = "dinov2_vits14"
FILE = Path("weights") / f"{NAME}.safetensors"
# Beside the cases when GOLDEN_DIR says where they are, else beside the project.
PLACES = [folder().parent / FILE, Path(__file__).parents[2].parent / "shared" / FILE]
POSITION_TOLERANCE = 2e-3  # case.json: "pos_embed_16x16"
BLOCK_TOLERANCE = 1e-3  # case.json: "blocks", times the standard deviation

pytestmark = pytest.mark.skipif(not any(p.is_file() for p in PLACES), reason=f"needs the file {FILE} beside the cases")


@functools.cache
def case() -> Case:
    return Case(NAME)


@functools.cache
def state_dict() -> dict[str, np.ndarray]:
    return arrays(next(p for p in PLACES if p.is_file()))


def positions() -> tuple[str, tuple[int, int]]:
    (match,) = [m for name in case().expected if (m := re.fullmatch(r"pos_embed_(\d+)x(\d+)", name))]
    return match[0], (int(match[1]), int(match[2]))


def test_configuration():
    assert DEIT.infer(state_dict()) == ViT(patch=14, grid=37, layer_scale=True)


def test_positions():
    name, size = positions()
    resized = resize_positions(DEIT.variables(state_dict())["params"]["pos_embed"], size)
    case().compare(name, resized[0], rtol=0, atol=0, absolute=POSITION_TOLERANCE)


def test_blocks():
    """The network takes the stored positions, because the reference interpolated them in another program."""
    name, size = positions()
    module, variables = DEIT.infer(state_dict()), DEIT.variables(state_dict())
    variables["params"]["pos_embed"] = case().expected[name][None]
    assert size[0] == size[1]
    run = jax.jit(module.clone(grid=size[0]).apply, compiler_options={"xla_backend_optimization_level": 0})
    _, features = run(variables, np.moveaxis(case().inputs()["image"], 1, -1))
    blocks = [int(m[1]) for key in case().expected if (m := re.fullmatch(r"block_(\d+)@sub", key))]
    for block in sorted(blocks):
        case().compare(f"block_{block}", features[f"block{block}"], rtol=0, atol=BLOCK_TOLERANCE)
    case().compare("norm", features[f"block{module.depth}.norm"], rtol=0, atol=BLOCK_TOLERANCE)
