"""Vision transformers -> variables of `common.nn.vit.ViT`.

DINO, DeiT and DINOv2 use the same names in their own files and in timm: `cls_token`, `pos_embed`, `patch_embed.proj`,
`blocks.{i}.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}`, `norm`; DINOv2 adds `blocks.{i}.ls{1,2}.gamma`, DeiT
`head`. They lie below a prefix of their own in training checkpoints (`teacher.backbone.` is taken before
`student.module.backbone.`) and in `model.` of DeiT's files. Registers and distillation tokens are refused.
"""

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.nn.vit import HEAD_DIM, ViT
from common.weights.networks import rows
from common.weights.networks.table import Row, convert, hwio, same, shapes
from common.weights.read import part

MARKS = ("patch_embed.proj.weight", "cls_token", "pos_embed")
IGNORED = "mask_token"  # DINOv2's, for training
HEAD = "head.weight"
HEADS = r"head\..*"


def from_vit(
    state_dict: Mapping[str, np.ndarray],
    module: ViT | None = None,
    *,
    prefix: str | None = None,
    source: str = "the state dict",
) -> dict:
    """Variables of the network.

    Args:
      state_dict: arrays by name.
      module: the module the variables are for; read off the arrays (`infer_vit`) when absent. One without outputs takes
        the trunk of a network that has a head.
      prefix: of the network's names; found when absent.
      source: the file, for error messages.

    Returns:
      {'params': ...} of float32 numpy arrays.

    Raises:
      InputError: no ViT or several; or all missing, unexpected and mis-shaped names.
    """
    arrays = part(state_dict, MARKS, prefix, source=source)[0]
    module = module or infer_vit(arrays, source=source)
    ignored = IGNORED if module.num_outputs is not None else f"{IGNORED}|{HEADS}"
    return convert(arrays, vit_table(module), _shapes(module), ignored=ignored, source=source)


def infer_vit(
    state_dict: Mapping[str, np.ndarray], *, prefix: str | None = None, source: str = "the state dict"
) -> ViT:
    """The network whose arrays these are.

    The arrays do not tell the number of heads, which are taken to have 64 channels as in all of these networks, nor
    how positions are to be interpolated (`dino_positions`).
    """
    arrays = part(state_dict, MARKS, prefix, source=source)[0]
    (width, _, patch, _), positions = (np.shape(arrays[name]) for name in ("patch_embed.proj.weight", "pos_embed"))
    grid = math.isqrt(positions[1] - 1)
    if 1 + grid**2 != positions[1]:
        raise InputError(f"{source}: pos_embed has {positions[1]} positions, not a class token's and a square grid's")
    if width % HEAD_DIM:
        raise InputError(f"{source}: {width} channels are no number of heads of {HEAD_DIM}; name the network")
    return ViT(
        patch=patch,
        width=width,
        depth=sum(re.fullmatch(r"blocks\.\d+\.attn\.qkv\.weight", name) is not None for name in arrays),
        heads=width // HEAD_DIM,
        grid=grid,
        layer_scale="blocks.0.ls1.gamma" in arrays,
        num_outputs=np.shape(arrays[HEAD])[0] if HEAD in arrays else None,
    )


def vit_table(module: ViT) -> Iterator[Row]:
    """The rows of a network, in the order of the checkpoints."""
    yield Row("cls_token", "params/cls_token", same)
    yield Row("pos_embed", "params/pos_embed", same)
    yield Row("patch_embed.proj.weight", "params/patch_embed/kernel", hwio)
    yield Row("patch_embed.proj.bias", "params/patch_embed/bias", same)
    for i in range(module.depth):
        source, path = f"blocks.{i}", f"block{i + 1}"
        yield from rows.layer_norm(f"{source}.norm1", f"{path}/norm1")
        yield from rows.dense(f"{source}.attn.qkv", f"{path}/attn/qkv")
        yield from rows.dense(f"{source}.attn.proj", f"{path}/attn/proj")
        yield from rows.layer_norm(f"{source}.norm2", f"{path}/norm2")
        yield from rows.dense(f"{source}.mlp.fc1", f"{path}/mlp/fc1")
        yield from rows.dense(f"{source}.mlp.fc2", f"{path}/mlp/fc2")
        if module.layer_scale:
            for branch in ("ls1", "ls2"):
                yield Row(f"{source}.{branch}.gamma", f"params/{path}/{branch}/gamma", same)
    yield from rows.layer_norm("norm", "norm")
    if module.num_outputs is not None:
        yield from rows.dense("head", "head")


def _shapes(module: ViT) -> dict:
    return shapes(module, (1, module.patch, module.patch, 3))
