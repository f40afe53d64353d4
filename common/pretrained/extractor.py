"""The frozen network whose features the generator predicts (Sec. 4.2.3, thesis)."""

import dataclasses
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.iresnet import IResNet
from common.nn.lpips import Lpips
from common.nn.vit import ViT
from common.ops.pixels import HSR, Normalization, preprocess
from common.pretrained import features
from common.weights import formats
from hsr_jax.config import HsrConfig

FORMATS = ("dino", "deit", "resnet", "arcface", "lpips", "lpips-parts", "pytorch-fid")
RANDOM = ViT(width=768, heads=12)
"""ViT-B/16, which Table 4.1 initialises at random."""


@dataclasses.dataclass(frozen=True)
class Extractor:
    """The network without its variables."""

    module: nn.Module
    layers: tuple[str, ...]
    """Deepest first."""
    image_size: int
    normalization: Normalization

    def targets(self, variables: Any, images: Array) -> list[Array]:
        """Generated images [B, R, R, 3] in [-1, 1] to the features [B, h, h, C] of each layer."""
        inputs = preprocess(images, self.image_size, self.normalization)
        return features.target_maps(self.module.apply(variables, inputs)[1], self.layers)

    def shapes(self, variables: Any) -> tuple[list[int], list[int]]:
        """Sides and channels of the targets, by layer."""
        image = jax.ShapeDtypeStruct((1, self.image_size, self.image_size, 3), jnp.float32)
        maps = jax.eval_shape(self.targets, variables, image)
        return [x.shape[1] for x in maps], [x.shape[3] for x in maps]


def build(config: HsrConfig, seed: int) -> tuple[Extractor, Any]:
    """The extractor of a configuration, and its variables.

    Raises:
      InputError: the checkpoint holds no network of these; it does not take images of this size.
    """
    module, variables = _random(config, seed) if config.extractor == "random" else _read(config.extractor)
    layers, multiple, smallest, own = features.inputs_of(module, config.final_norm)
    size = config.image_size
    if size % multiple or size < smallest:
        near = max(round(size / multiple) * multiple, smallest)
        raise InputError(
            f"field hsr.image_size (evaluation: substitute_size): {size} px are no multiple of {multiple} or less than "
            f"{smallest}; take {near}"
        )
    return Extractor(module, layers, size, HSR if config.normalization == "hsr" else own), variables


def _random(config: HsrConfig, seed: int) -> tuple[ViT, Any]:
    image = jnp.zeros((1, config.image_size, config.image_size, 3))
    init = jax.jit(RANDOM.init, compiler_options={"xla_backend_optimization_level": 0})
    return RANDOM, init(jax.random.fold_in(jax.random.key(seed), 2), image)


def _read(path: str) -> tuple[nn.Module, Any]:
    format, arrays = formats.network_arrays(path, FORMATS)
    module = format.module(arrays, source=path)
    variables = format.variables(arrays, module, source=path)
    if format.name == "arcface":  # whose trunk takes images of any size
        module = IResNet(module["network"].widths, module["network"].depths)
    elif isinstance(module, Lpips):
        module = module.trunk
    else:
        return module, variables
    return module, {name: tree["trunk"] for name, tree in variables.items()}
