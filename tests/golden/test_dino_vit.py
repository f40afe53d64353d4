"""ViT-S/16, ViT-B/16 and DeiT-base against the numbers of DINO's and timm's code, and HSR's way of using DINO."""

import functools
import re

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.vit import ViT, patch_map, resize_positions
from common.ops.pixels import HSR, Normalization, preprocess
from common.weights.networks.vit import DEIT

NAME = "dino_vit"
QUICK = {"xla_backend_optimization_level": 0}  # compiling would take longer than the run
POSITION_TOLERANCE = 1e-5  # case.json: "pos"


@functools.cache
def case() -> Case:
    return Case(NAME)


def stored(pattern: str) -> list[re.Match]:
    names = sorted({name.partition("@")[0] for name in case().expected})
    return [match for name in names if (match := re.fullmatch(pattern, name))]


def nets() -> list[str]:
    return list(case().manifest["nets"])


@functools.cache
def converted(net: str) -> tuple[ViT, dict]:
    """The module, with sizes from case.json if it has them, and its variables."""
    module, config = DEIT.infer(case().net(net)), case().variants[net]
    if "embed_dim" in config:
        fields = dict(width=config["embed_dim"], heads=config["heads"], depth=config["depth"], patch=config["patch"])
        module = ViT(**fields, dino_positions=True)
    return module, DEIT.variables(case().net(net), module)


def image(name: str) -> np.ndarray:
    return np.moveaxis(case().inputs()[name], 1, -1)


@functools.cache
def program(module: ViT):
    return jax.jit(module.apply, compiler_options=QUICK)


def run(net: str, images) -> tuple[np.ndarray, dict]:
    module, variables = converted(net)
    return program(module)(variables, images)


@pytest.mark.parametrize("name", [m[0] for m in stored(r"\w+/pos_\d+x\d+")])
def test_positions(name):
    """The name of an array gives the number of pixel rows first."""
    net, rows, columns = re.fullmatch(r"(\w+)/pos_(\d+)x(\d+)", name).groups()
    module, variables = converted(net)
    size = int(rows) // module.patch, int(columns) // module.patch
    resized = resize_positions(variables["params"]["pos_embed"], size, dino=True)
    case().compare(name, resized, rtol=0, atol=0, absolute=POSITION_TOLERANCE)


RUNS = sorted({(m[1], m[2]) for m in stored(r"(\w+)/(\d+(?:x\d+)?)/.*")})


@pytest.mark.parametrize(("net", "size"), RUNS)
def test_network(net, size):
    output, features = run(net, image(f"img{size}"))
    blocks = [(int(m[1]), m[2], m[0]) for m in stored(rf"{net}/{size}/block(\d+)_(raw|normed)")]
    for block, kind, name in sorted(blocks):
        case().compare(name, features[f"block{block}" + (".norm" if kind == "normed" else "")])
    last = features[f"block{converted(net)[0].depth}.norm"][:, 0]
    for name, actual in (("forward_cls", output), ("norm_cls", last), ("last_attn_cls_row", features["attention"])):
        if f"{net}/{size}/{name}" in case().expected:
            case().compare(f"{net}/{size}/{name}", actual)
    if (logits := f"{net}/{size}/logits") in case().expected:  # the first ones are stored
        case().compare(logits, output[:, : case().expected[logits].shape[1]])


def test_hsr():
    """Preprocessing, and the targets: patches of four blocks, deepest first, each after the final LayerNorm."""
    config = case().variants["hsr"]
    assert Normalization(tuple(config["mean"]), tuple(config["std"])) == HSR
    (name,) = [name for name in case().inputs() if name.startswith("hsr_img")]
    images = preprocess(image(name), normalization=HSR)
    case().compare("hsr/preprocessed_sub", nchw(images))
    case().compare("hsr/preprocessed_mean_std", np.stack([nchw(images).mean((2, 3)), nchw(images).std((2, 3))]))
    module, _ = converted(config["net"])
    _, features = run(config["net"], images)
    grid = images.shape[1] // module.patch, images.shape[2] // module.patch
    for match in sorted(stored(r"hsr/feat(\d+)_block(\d+)"), key=lambda m: int(m[2])):
        tokens = features[f"block{match[2]}.norm"]
        case().compare(match[0], nchw(patch_map(tokens, grid)))
        case().compare(f"hsr/cls{match[1]}", tokens[:, 0])


@pytest.mark.parametrize("net", nets())
def test_configuration_is_read_off_the_arrays(net):
    module, variables = converted(net)
    inferred = DEIT.infer(case().net(net))
    assert inferred.clone(dino_positions=module.dino_positions) == module
    back = DEIT.arrays(variables, module)
    assert list(back) == list(case().net(net))
    for name, x in case().net(net).items():
        np.testing.assert_array_equal(back[name], x)
