"""Where a layout's own functions do not fit `common.weights.formats` as they are: what lies between.

`from_*` take (arrays, module, source=file) and give variables, `to_*` take (variables, module) and give arrays,
`*_module` take (arrays, source=file) and give the module, or several things that a module is of, by name.
"""

from collections.abc import Mapping

import jax
import numpy as np

from common.errors import InputError
from common.nn.inception import InceptionV3
from common.nn.lpips import Lpips
from common.nn.stylegan2 import Generator, channels
from common.nn.vit import ViT
from common.weights.networks import arcface, feature_style, hsr, lpips, stylegan2, vit
from common.weights.networks.table import revert

StateDict = Mapping[str, np.ndarray]


def from_ada(arrays: StateDict, generator: Generator, *, source: str) -> dict:
    """HSR's heads, which its snapshots hold besides, are left out."""
    return stylegan2.from_ada(hsr.split(arrays)[0], generator, source=source)


def from_rosinality(arrays: StateDict, generator: Generator, *, source: str) -> dict:
    """Variables of the generator; the mean w, one row or one a W+ row in the file, is its first row."""
    if "latent_avg" not in arrays:
        raise InputError(f"{source}: no latent_avg, the mean w that W+ offsets start from; add it to the file")
    # pSp stores the mean w once, or once a row.
    mean = arrays["latent_avg"].reshape(-1, arrays["latent_avg"].shape[-1])[0]
    rest = {name: x for name, x in arrays.items() if name != "latent_avg"}
    return stylegan2.from_rosinality(rest, mean, generator, source=source)


def hsr_module(arrays: StateDict, *, source: str) -> dict:
    """The generator, and the sizes of the heads beside it."""
    generator, heads = hsr.split(arrays)
    sizes = hsr.head_sizes(heads, source=source)
    return {"generator": stylegan2.ada_generator(generator, source=source), "heads": sizes}


def hsr_template(module: dict) -> dict:
    """Shapes of the heads' variables; a head starts from the channels of its block."""
    generator, sizes = module["generator"], module["heads"]
    leaf, hidden = lambda *shape: jax.ShapeDtypeStruct(shape, np.float32), sizes["hidden"]
    return {
        "params": {
            f"b{block}": {
                "conv1": {
                    "kernel": leaf(1, 1, channels(block, generator.channel_base, generator.channel_max), hidden),
                    "bias": leaf(hidden),
                },
                "conv2": {"kernel": leaf(1, 1, hidden, features), "bias": leaf(features)},
            }
            for block, features in zip(sizes["blocks"], sizes["features"], strict=True)
        }
    }


def from_hsr(arrays: StateDict, module: dict, *, source: str) -> dict:
    """Variables of the generator and of the heads."""
    generator, heads = hsr.split(arrays)
    return {
        "generator": stylegan2.from_ada(generator, module["generator"], source=source),
        "heads": hsr.from_hsr(heads, hsr_template(module), source=source),
    }


def to_hsr(variables: dict, module: dict) -> dict:
    """The inverse of `from_hsr`."""
    generator = revert(variables["generator"], stylegan2.ada_table(module["generator"]))
    return generator | revert(variables["heads"], hsr.table(variables["heads"]))


def from_feature_style(arrays: StateDict, sizes: feature_style.EncoderSizes, *, source: str) -> dict:
    """Variables of the encoder, its shapes by the sizes that the arrays tell."""
    template = feature_style.encoder_shapes(sizes)
    return feature_style.from_feature_style(arrays, template, sizes.depths, source=source)


def dino_module(arrays: StateDict, *, source: str) -> ViT:
    """The vision transformer, with DINO's interpolation of positions."""
    return vit.infer_vit(arrays, source=source).clone(dino_positions=True)


def lpips_module(arrays: StateDict, *, source: str, names: str) -> Lpips:
    """LPIPS with the trunk that the arrays are of; `names`: which package's."""
    return Lpips(lpips.lpips_trunk(arrays, names, source=source))


def from_lpips_parts(arrays: StateDict, module: Lpips, *, source: str) -> dict:
    """Variables from the trunk and the heads, of two files that were read as one."""
    heads = {name: x for name, x in arrays.items() if name.startswith("lin")}
    trunk = {name: x for name, x in arrays.items() if name not in heads}
    return lpips.from_torchvision_and_heads(trunk, heads, module, source=source)


def to_lpips_parts(variables: dict, module: Lpips) -> dict:
    """The inverse of `from_lpips_parts`."""
    rows = [*lpips.trunk_table(module.trunk, path="params/trunk"), *lpips.head_table(module)]
    return revert(variables, rows, lpips.INVERSES)


def inception_module(arrays: StateDict, *, source: str) -> InceptionV3:
    """The network with as many classes as the arrays tell."""
    return InceptionV3(num_classes=np.size(arrays["fc.bias"]))


def arcface_module(arrays: StateDict, *, source: str) -> dict:
    """The network and the side of its input, which the arrays tell."""
    network, size = arcface.infer_arcface(arrays, source=source)
    return {"network": network, "image_size": size}


def from_arcface(arrays: StateDict, module: dict, *, source: str) -> dict:
    """Variables of the network."""
    return arcface.from_arcface(arrays, module["network"], source=source)


def to_arcface(variables: dict, module: dict) -> dict:
    """The inverse of `from_arcface`."""
    return revert(variables, arcface.arcface_table(module["network"]))
