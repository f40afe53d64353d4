"""Tests of `common.weights.networks.vit`: variants, prefixes, and what it says of checkpoints that do not fit."""

import jax
import numpy as np
import pytest

from common.errors import InputError
from common.nn.vit import ViT
from common.weights.networks.table import revert, shapes
from common.weights.networks.vit import from_vit, infer_vit, vit_table

PLAIN = ViT(patch=4, width=64, depth=2, heads=1, grid=3)
DEIT = PLAIN.clone(num_outputs=5)
DINOV2 = PLAIN.clone(layer_scale=True, width=128, heads=2)
EACH = pytest.mark.parametrize("module", [PLAIN, DEIT, DINOV2], ids=["DINO", "DeiT", "DINOv2"])


def published(module: ViT) -> tuple[dict, dict]:
    """Variables, and the same arrays under the published names."""
    rng = np.random.default_rng(0)
    template = shapes(module, (1, 4, 4, 3))
    variables = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), template)
    return variables, revert(variables, vit_table(module))


def assert_equal(actual, expected):
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


@EACH
@pytest.mark.parametrize("prefix", ["", "model.", "module.backbone.", "backbone."])
def test_there_and_back(module, prefix):
    variables, arrays = published(module)
    arrays = {prefix + name: x for name, x in arrays.items()} | {f"{prefix}mask_token": np.zeros((1, module.width))}
    assert infer_vit(arrays) == module
    assert_equal(from_vit(arrays), variables)
    assert_equal(from_vit(arrays, module), variables)


def test_published_names_and_layouts():
    variables, arrays = published(DINOV2)
    assert list(arrays)[:4] == ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"]
    assert {"blocks.1.ls2.gamma", "blocks.0.attn.qkv.bias", "blocks.1.mlp.fc2.weight", "norm.bias"} <= arrays.keys()
    assert arrays["patch_embed.proj.weight"].shape == (128, 3, 4, 4) and arrays["pos_embed"].shape == (1, 10, 128)
    assert arrays["blocks.1.attn.qkv.weight"].shape == (3 * 128, 128)
    kernel = variables["params"]["block2"]["attn"]["qkv"]["kernel"]
    assert kernel[5, 300] == arrays["blocks.1.attn.qkv.weight"][300, 5]
    assert {"head.weight", "head.bias"} <= published(DEIT)[1].keys()


def test_the_trunk_of_a_classifier_and_the_teacher_of_a_training_checkpoint():
    variables, arrays = published(DEIT)
    trunk = {name: x for name, x in variables["params"].items() if name != "head"}
    assert_equal(from_vit(arrays, PLAIN), {"params": trunk})
    teacher, student = ({f"{p}.{name}": x + i for name, x in arrays.items()} for i, p in enumerate(("a", "b")))
    training = {f"teacher.backbone{k[1:]}": x for k, x in teacher.items()}
    training |= {f"student.module.backbone{k[1:]}": x for k, x in student.items()}
    training |= {"teacher.head.mlp.0.weight": np.zeros((2, 2)), "student.module.head.mlp.0.weight": np.zeros((2, 2))}
    assert_equal(from_vit(training), variables)


def test_all_problems_are_told_at_once():
    _, arrays = published(PLAIN)
    arrays |= {"register_tokens": np.zeros((1, 4, 64)), "blocks.1.norm2.bias": np.zeros(3)}
    del arrays["norm.weight"]
    with pytest.raises(InputError) as error:
        from_vit(arrays, source="vit.pth")
    for part in (
        "vit.pth does not fit the network: 1 missing: norm.weight",
        "1 unexpected: register_tokens",
        "1 mis-shaped: blocks.1.norm2.bias [3] for params/block2/norm2/bias [64]",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos_embed": np.zeros((1, 9, 64))}, "pos_embed has 9 positions, not a class token's"),
        ({"patch_embed.proj.weight": np.zeros((60, 3, 4, 4))}, "60 channels are no number of heads of 64"),
        ({"patch_embed.proj.weight": None}, "no array is called patch_embed.proj.weight"),
    ],
)
def test_other_networks(change, message):
    arrays = {name: x for name, x in (published(PLAIN)[1] | change).items() if x is not None}
    with pytest.raises(InputError, match=rf"f\.pth: .*{message}"):
        infer_vit(arrays, source="f.pth")
