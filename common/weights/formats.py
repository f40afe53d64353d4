"""The checkpoint layouts that this project imports and exports, and how a network is found in a file."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import flax.linen as nn
import numpy as np

from common.errors import InputError, nearest
from common.nn.hsr_heads import Heads
from common.weights import converted, read
from common.weights.networks import discriminator, stylegan2
from common.weights.networks.arcface import ARCFACE
from common.weights.networks.feature_style import FEATURE_STYLE
from common.weights.networks.format import Format
from common.weights.networks.hsr import HSR
from common.weights.networks.inception import PYTORCH_FID
from common.weights.networks.lpips import LPIPS, LPIPS_PARTS
from common.weights.networks.resnet import RESNET
from common.weights.networks.table import StateDict
from common.weights.networks.vgg import ALEXNET, VGG_16
from common.weights.networks.vit import DEIT, DINO

# If several fit, the first is taken: the two files of LPIPS hold a VGG-16 or an AlexNet, too.
FORMATS = (
    stylegan2.ADA,
    discriminator.ADA,
    HSR,
    stylegan2.ROSINALITY,
    discriminator.ROSINALITY,
    FEATURE_STYLE,
    ARCFACE,
    RESNET,
    DINO,
    DEIT,
    LPIPS,
    LPIPS_PARTS,
    VGG_16,
    ALEXNET,
    PYTORCH_FID,
)
BY_NAME = {format.name: format for format in FORMATS}
# Classes of modules and of their parts that an imported directory may name.
MODULES = {format.cls for format in FORMATS} | {Heads}


def find(name: str) -> Format:
    """The format of this name. Raises `InputError`, which names the nearest format."""
    if name not in BY_NAME:
        raise InputError(f"field format: {name!r} is not one of {', '.join(BY_NAME)}{nearest(name, BY_NAME)}")
    return BY_NAME[name]


def guess(arrays: StateDict) -> list[tuple[Format, str]]:
    """Every format whose marks are among the names, with the prefix of these names."""
    return [(format, prefix) for format in FORMATS for prefix in read.prefixes(arrays, format.marks)]


def select(
    format: Format, arrays: StateDict, prefix: str | None = None, *, source: str = "the checkpoint"
) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of one network without their prefix, and the prefix. Choice and errors as in `read.part`."""
    found, prefix = read.part(arrays, format.marks, prefix, source=source)
    words = prefix.split(".")[:-1]  # 'state_dict.decoder.' -> 'state_dict', 'decoder'
    for name in format.beside:
        outer = [".".join([*words[:count], name]) for count in range(len(words))]
        for full_name in outer:  # the last one that exists is the nearest to the network
            if full_name in arrays and f"{prefix}{name}" not in arrays:
                found[name] = arrays[full_name]
    return found, prefix


def open_network(path: str | Path, names: Collection[str]) -> tuple[Format, nn.Module, dict[str, Any]]:
    """Format, module and variables of the network in a checkpoint or an imported directory.

    Args:
      path: a file, or a directory that `python -m common.weights import` wrote.
      names: formats that the network may have.

    Raises:
      InputError: there is no network of these formats, or it is damaged.
    """
    if Path(path).is_dir():
        format, module, variables = load(path)
        if format.name not in names:
            raise InputError(f"{path}: has format {format.name}, not {' or '.join(names)}; name another network")
        return format, module, variables
    content = read.arrays(path)
    known = [format for format, _ in guess(content) if format.name in names]
    if not known:
        raise InputError(
            f"{path}: holds no {' or '.join(names)} network; `python -m common.weights inspect` lists its arrays"
        )
    format = known[0]
    arrays, _ = select(format, content, source=str(path))
    module = format.infer(arrays, source=str(path))
    return format, module, format.variables(arrays, module, source=str(path))


def load(directory: str | Path) -> tuple[Format, nn.Module, dict[str, Any]]:
    """Format, module and variables of a directory that `python -m common.weights import` wrote.

    Raises:
      InputError: `import` did not write the directory, it was changed, or another version of this project wrote it.
    """
    header, variables = converted.load_directory(directory)
    try:
        format, module = find(header["format"]), converted.build(header["module"], MODULES)
    except (KeyError, TypeError) as error:
        raise InputError(f"{directory}: written by another version ({error}); import again") from error
    if not isinstance(module, format.cls):
        raise InputError(f"{directory}: written by another version (no {format.cls.__name__}); import again")
    return format, module, variables
