"""The frozen network whose features the generator predicts (Sec. 4.2.3, thesis)."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.resnet import ResNet
from common.nn.vit import ViT
from common.ops.preprocess import preprocess
from common.weights import formats
from hsr_jax import features
from hsr_jax.config import Semantics

FORMATS = ("dino", "deit", "resnet")
RANDOM = ViT(width=768, heads=12)
"""ViT-B/16, which the first row of Table 4.1 initialises at random."""


@dataclasses.dataclass(frozen=True)
class Extractor:
    """The network without its variables."""

    module: ViT | ResNet
    layers: tuple[str, ...]
    """Deepest first."""
    image_size: int
    normalization: features.Normalization

    def targets(self, variables: Any, images: Array) -> list[Array]:
        """Generated images [B, R, R, 3] in [-1, 1] to the features [B, h, h, C] of each layer."""
        inputs = preprocess(images, self.image_size, features.NORMALIZATIONS[self.normalization])
        return features.target_maps(self.module.apply(variables, inputs)[1], self.layers)

    def shapes(self, variables: Any) -> tuple[list[int], list[int]]:
        """Sides and channels of the targets, by layer."""
        image = jax.ShapeDtypeStruct((1, self.image_size, self.image_size, 3), jnp.float32)
        maps = jax.eval_shape(self.targets, variables, image)
        return [x.shape[1] for x in maps], [x.shape[3] for x in maps]


def build(config: Semantics, seed: int) -> tuple[Extractor, Any]:
    """The extractor of a configuration, and its variables.

    Raises:
      InputError: the checkpoint holds no ViT or ResNet; the image size is no multiple of its patches.
    """
    module, variables = _random(config, seed) if config.extractor == "random" else _read(config.extractor)
    patch = module.patch if isinstance(module, ViT) else 32
    if config.image_size % patch:
        near = round(config.image_size / patch) * patch
        raise InputError(
            f"field hsr.image_size (evaluation: substitute_size): {config.image_size} is no multiple of {patch} px; "
            f"take {near}"
        )
    return Extractor(module, _layers(module, config.final_norm), config.image_size, config.normalization), variables


def _layers(module: ViT | ResNet, final_norm: bool) -> tuple[str, ...]:
    if isinstance(module, ResNet):
        return features.RESNET_LAYERS
    return features.DINO_LAYERS if final_norm else features.VIT_LAYERS


def _random(config: Semantics, seed: int) -> tuple[ViT, Any]:
    image = jnp.zeros((1, config.image_size, config.image_size, 3))
    init = jax.jit(RANDOM.init, compiler_options={"xla_backend_optimization_level": 0})
    return RANDOM, init(jax.random.fold_in(jax.random.key(seed), 2), image)


def _read(path: str) -> tuple[ViT | ResNet, Any]:
    format, arrays = formats.network_arrays(path, FORMATS)
    module = format.module(arrays, source=path)
    return module, format.variables(arrays, module, source=path)
