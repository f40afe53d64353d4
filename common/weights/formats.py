"""The checkpoint layouts that this project imports and exports: one entry a layout, each naming its functions."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, nearest
from common.nn.alexnet import AlexNet
from common.nn.discriminator import Discriminator
from common.nn.inception import InceptionV3
from common.nn.iresnet import ArcFace
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.stylegan2 import Generator
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.weights import converted, read
from common.weights.networks import arcface, feature_style, inception, layouts, lpips, resnet, stylegan2, vit
from common.weights.networks import discriminator as discriminators
from common.weights.networks.table import revert

StateDict = Mapping[str, np.ndarray]
# What may be named as a network in an imported directory.
SIZES = feature_style.EncoderSizes
MODULES = (Generator, Discriminator, SIZES, ArcFace, ResNet, ViT, Lpips, VGG16, AlexNet, InceptionV3)


@dataclasses.dataclass(frozen=True)
class Format:
    """One layout of one kind of network."""

    name: str
    what: str
    marks: tuple[str, ...]
    """Array names without prefix that tell this network from others."""
    module: Callable[..., Any]
    """(arrays, source=file) -> the Linen module, or the sizes, that the arrays tell."""
    variables: Callable[..., dict]
    """(arrays, module, source=file) -> variables."""
    arrays: Callable[[dict, Any], dict[str, np.ndarray]]
    """(variables, module) -> arrays in the layout's names; the inverse."""
    beside: tuple[str, ...] = ()
    """Arrays that belong to the network but lie outside its prefix."""


def _by(table: Callable[[Any], Any], inverses: Mapping | None = None) -> Callable[[dict, Any], dict]:
    """The inverse by a module's table of rows."""
    return lambda variables, module: revert(variables, table(module), inverses)


FORMATS = (
    Format(
        "stylegan2-ada",
        "StyleGAN2 generator of a StyleGAN2-ADA (PyTorch) or HSR snapshot",
        ("mapping.w_avg", "mapping.fc0.weight", "synthesis.b4.const"),
        stylegan2.ada_generator,
        layouts.from_ada,
        _by(stylegan2.ada_table),
    ),
    Format(
        "stylegan2-ada-discriminator",
        "discriminator of a StyleGAN2-ADA (PyTorch) snapshot",
        ("b4.fc.weight", "b4.out.weight", "b4.conv.weight"),
        discriminators.ada_discriminator,
        discriminators.from_ada,
        _by(discriminators.ada_table),
    ),
    Format(
        "hsr",
        "generator of an HSR snapshot with its training heads",
        ("synthesis.feat_transfer_list.0.conv1x1_1.weight", "synthesis.b4.const"),
        layouts.hsr_module,
        layouts.from_hsr,
        layouts.to_hsr,
    ),
    Format(
        "rosinality",
        "StyleGAN2 generator in rosinality's layout, which pSp decoders share",
        ("style.1.weight", "input.input", "conv1.conv.modulation.weight"),
        stylegan2.rosinality_generator,
        layouts.from_rosinality,
        _by(stylegan2.rosinality_table),
        beside=("latent_avg",),
    ),
    Format(
        "rosinality-discriminator",
        "StyleGAN2 discriminator in rosinality's layout",
        ("final_linear.0.weight", "final_conv.0.weight", "convs.0.0.weight"),
        discriminators.rosinality_discriminator,
        discriminators.from_rosinality,
        _by(discriminators.rosinality_table),
    ),
    Format(
        "feature-style",
        "Feature-Style encoder, the inversion encoder of FASE",
        ("styles.0.weight", "content_layer.1.weight", "block_1.0.conv1.weight"),
        feature_style.encoder_sizes,
        layouts.from_feature_style,
        feature_style.to_feature_style,
    ),
    Format(
        "arcface",
        "ArcFace iresnet, InsightFace's face recognition",
        arcface.MARKS,
        layouts.arcface_module,
        layouts.from_arcface,
        layouts.to_arcface,
    ),
    Format(
        "resnet",
        "ResNet-50 in torchvision's names: torchvision, DINO, MoCo, ContrastLandmark",
        resnet.MARKS,
        resnet.infer_resnet,
        resnet.from_resnet,
        _by(resnet.resnet_table),
    ),
    Format(
        "dino",
        "vision transformer of DINO or DINOv2, also as timm names it; positions interpolated as they do",
        vit.MARKS,
        layouts.dino_module,
        vit.from_vit,
        _by(vit.vit_table),
    ),
    Format(
        "deit",
        "vision transformer of DeiT, or another in timm's names",
        vit.MARKS,
        vit.infer_vit,
        vit.from_vit,
        _by(vit.vit_table),
    ),
    Format(
        "lpips",
        "LPIPS, state dict of the lpips package's module",
        ("lin0.model.1.weight", "net.slice1.0.weight"),
        functools.partial(layouts.lpips_module, names=lpips.LPIPS),
        lpips.from_lpips,
        _by(lpips.table, lpips.INVERSES),
    ),
    Format(
        "lpips-parts",
        "LPIPS from two files: torchvision's VGG-16 or AlexNet, and the lpips package's heads",
        ("lin0.model.1.weight", "features.0.weight"),
        functools.partial(layouts.lpips_module, names=lpips.TORCHVISION),
        layouts.from_lpips_parts,
        layouts.to_lpips_parts,
    ),
    Format(
        "pytorch-fid",
        "Inception-v3 of FID, as pytorch-fid and torch-fidelity publish it",
        ("Mixed_7c.branch_pool.conv.weight", "Conv2d_1a_3x3.conv.weight", "fc.bias"),
        layouts.inception_module,
        inception.from_pytorch_fid,
        _by(inception.table),
    ),
)
BY_NAME = {format.name: format for format in FORMATS}


def find(name: str) -> Format:
    """The format of this name; `InputError` names the nearest."""
    if name not in BY_NAME:
        raise InputError(f"field format: {name!r} is none of {', '.join(BY_NAME)}{nearest(name, BY_NAME)}")
    return BY_NAME[name]


def guess(arrays: StateDict) -> list[tuple[Format, str]]:
    """Every format whose marks are found, with the prefix under which they are."""
    return [(format, prefix) for format in FORMATS for prefix in read.prefixes(arrays, format.marks)]


def select(
    format: Format, arrays: StateDict, prefix: str | None = None, *, source: str = "the checkpoint"
) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of one network, without prefix, and the prefix; `read.part` says how it is chosen."""
    found, prefix = read.part(arrays, format.marks, prefix, source=source)
    words = prefix.split(".")[:-1]  # 'state_dict.decoder.' -> 'state_dict', 'decoder'
    for name in format.beside:
        outside = [".".join([*words[:count], name]) for count in range(len(words))]
        there = [full for full in outside if full in arrays]
        if there and name not in found:
            found[name] = arrays[there[-1]]  # the nearest
    return found, prefix


def network_arrays(path: str | Path, names: tuple[str, ...]) -> tuple[Format, dict[str, np.ndarray]]:
    """The network in a checkpoint or an imported directory, as arrays in the names of its layout.

    Args:
      names: formats that it may have.

    Raises:
      InputError: it has none of them, or is damaged.
    """
    if converted.is_directory(path):
        format, module, variables = load(path)
        arrays = format.arrays(variables, module)
    else:
        content = read.arrays(path)
        known = [format for format, _ in guess(content) if format.name in names]
        if not known:
            raise InputError(
                f"{path}: holds no {' or '.join(names)} network; python -m common.weights inspect tells what"
            )
        format = known[0]
        arrays, _ = select(format, content, source=str(path))
    if format.name not in names:
        raise InputError(f"{path}: is of format {format.name}, not {' or '.join(names)}; name another")
    return format, arrays


def load(directory: str | Path) -> tuple[Format, Any, dict]:
    """Format, module (or sizes) and variables of a directory that `python -m common.weights import` wrote."""
    header, variables = converted.load_directory(directory)
    try:
        return find(header["format"]), converted.build(header["module"], MODULES), variables
    except (KeyError, TypeError) as error:
        raise InputError(f"{directory}: written by another version ({error}); import again") from error
