"""Vision transformers -> `common.nn.vit.ViT`.

DINO, DeiT and DINOv2 use the same names in their own files and in timm: `cls_token`, `pos_embed`, `patch_embed.proj`,
`blocks.{i}.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}`, `norm`. DINOv2 adds `blocks.{i}.ls{1,2}.gamma`, DeiT
adds `head`. Training checkpoints have prefixes (`teacher.backbone.` is preferred to `student.module.backbone.`), and
DeiT's files have `model.`. Registers and distillation tokens are refused.
"""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from common.errors import InputError
from common.nn.vit import HEAD_DIM, ViT
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, dense, hwio, layer_norm, numbers, same, shapes_of

HEAD = "head.weight"


def infer(arrays: StateDict, *, source: str = "the state dict") -> ViT:
    """The network with these arrays.

    The arrays do not tell the number of heads, so every head is assumed to have 64 channels, as in all of these
    networks. Neither do they tell how positions are interpolated (`dino_positions`).
    """
    names = ("patch_embed.proj.weight", "pos_embed")
    (width, _, patch, _), positions = shapes_of(arrays, names, source=source, what="a vision transformer")
    grid = math.isqrt(positions[1] - 1)
    if 1 + grid**2 != positions[1]:
        raise InputError(f"{source}: pos_embed has {positions[1]} positions, not a class token's and a square grid's")
    if width % HEAD_DIM:
        raise InputError(f"{source}: {width} channels are no multiple of {HEAD_DIM} per head; name another network")
    return ViT(
        patch=patch,
        width=width,
        depth=len(numbers(arrays, r"blocks\.(\d+)\.attn\.qkv\.weight")),
        heads=width // HEAD_DIM,
        grid=grid,
        layer_scale="blocks.0.ls1.gamma" in arrays,
        num_outputs=np.shape(arrays[HEAD])[0] if HEAD in arrays else None,
    )


def infer_dino(arrays: StateDict, *, source: str = "the state dict") -> ViT:
    """The network with DINO's interpolation of positions."""
    return infer(arrays, source=source).clone(dino_positions=True)


def table(module: ViT) -> Iterator[Row]:
    """The rows of a network, in the order of the checkpoints."""
    yield Row("cls_token", "params/cls_token", same)
    yield Row("pos_embed", "params/pos_embed", same)
    yield from dense("patch_embed.proj", "patch_embed", hwio)
    for i in range(module.depth):
        source, path = f"blocks.{i}", f"block{i + 1}"
        yield from layer_norm(f"{source}.norm1", f"{path}/norm1")
        yield from dense(f"{source}.attn.qkv", f"{path}/attn/qkv")
        yield from dense(f"{source}.attn.proj", f"{path}/attn/proj")
        yield from layer_norm(f"{source}.norm2", f"{path}/norm2")
        yield from dense(f"{source}.mlp.fc1", f"{path}/mlp/fc1")
        yield from dense(f"{source}.mlp.fc2", f"{path}/mlp/fc2")
        if module.layer_scale:
            for branch in ("ls1", "ls2"):
                yield Row(f"{source}.{branch}.gamma", f"params/{path}/{branch}/gamma", same)
    yield from layer_norm("norm", "norm")
    if module.num_outputs is not None:
        yield from dense("head", "head")


DINO = Format(
    "dino",
    "vision transformer of DINO or DINOv2, also in timm's names; interpolates positions as they do",
    ViT,
    marks=("patch_embed.proj.weight", "cls_token", "pos_embed"),
    infer=infer_dino,
    table=table,
    inputs=lambda module: ((1, module.patch, module.patch, 3),),
    ignored=r"mask_token|head\..*",  # DINOv2 needs the mask token in training only
)
DEIT = dataclasses.replace(
    DINO, name="deit", what="vision transformer of DeiT, or another in timm's names", infer=infer
)
