"""Frozen networks of `common.nn` as feature extractors, whose features are read at four depths.

HSR's generator predicts such features (Sec. 4.2.3 and 4.3.1, thesis). They also give a perceptual distance, and may
replace the features of the networks that define metrics.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.alexnet import AlexNet
from common.nn.feature_style import FeatureStyleEncoder
from common.nn.inception import MIN_SIZE, InceptionV3
from common.nn.iresnet import ArcFace, IResNet
from common.nn.lpips import Lpips
from common.nn.resnet import STAGES, ResNet
from common.nn.untrained import init_on_host
from common.nn.vgg import VGG16
from common.nn.vit import ViT, patch_map
from common.ops import pixels
from common.weights import formats

NormalizationName = Literal["own", "hsr"]
"""Mean and deviation that normalise images: 'own' has those of the extractor's training, 'hsr' those of HSR's public
code. The thesis names no numbers."""

RANDOM = ViT(width=768, heads=12)
"""ViT-B/16 of 'random', the untrained extractor in Table 4.1 of the thesis."""

VIT_LAYERS = ("block12", "block9", "block6", "block3")
"""Layers of a ViT that the thesis names, deepest first. The public code reads them from DeiT."""
DINO_LAYERS = tuple(f"{layer}.norm" for layer in VIT_LAYERS)
"""The same layers after the network's last LayerNorm. The public code reads them from DINO."""


class Inputs(NamedTuple):
    """Images that a kind of network takes, and features that are read from it."""

    layers: tuple[str, ...]
    """Names of four features, deepest first."""
    multiple: int
    """Number of pixels of which the side of an image must be a multiple."""
    smallest: int
    """Smallest side of an image in pixels."""
    normalization: pixels.Normalization = pixels.IMAGENET
    """Mean and deviation of the images in the network's training."""


CONVOLUTIONAL: dict[type[nn.Module], Inputs] = {
    # A ResNet-50 has 2048, 1024, 512 and 256 channels there.
    ResNet: Inputs(STAGES, 32, 32),
    VGG16: Inputs(("relu5_3", "relu4_3", "relu3_3", "relu2_2"), 16, 16),
    AlexNet: Inputs(("relu5", "relu3", "relu2", "relu1"), 1, 31),
    InceptionV3: Inputs(("Mixed_7c", "Mixed_6e", "Mixed_5d", "MaxPool_3a_3x3"), 1, MIN_SIZE, pixels.SYMMETRIC),
    IResNet: Inputs(("stage4", "stage3", "stage2", "stage1"), 16, 16, pixels.SYMMETRIC),
}
FORMATS = (
    "dino",
    "deit",
    "resnet",
    "vgg16",
    "alexnet",
    "arcface",
    "feature-style",
    "lpips",
    "lpips-parts",
    "pytorch-fid",
)
"""Checkpoint formats of the networks that can be extractors."""


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A network without its variables, the features that are read from it, and the preprocessing of its images."""

    module: nn.Module
    layers: tuple[str, ...]
    """Names of the features, deepest first."""
    image_size: int
    """Side in pixels to which images are resized."""
    normalization: pixels.Normalization
    """Mean and deviation that normalise images."""

    def targets(self, variables: Any, images: Array) -> list[Array]:
        """Features [B, h, h, C] per layer, float32, of images [B, R, R, 3] in [-1, 1]."""
        inputs = pixels.preprocess(images, self.image_size, self.normalization)
        return target_maps(self.module.apply(variables, inputs)[1], self.layers)

    def shapes(self, variables: Any) -> tuple[list[int], list[int]]:
        """Sides, and numbers of channels, of the `targets`, both in the order of `layers`."""
        image = jax.ShapeDtypeStruct((1, self.image_size, self.image_size, 3), jnp.float32)
        maps = jax.eval_shape(self.targets, variables, image)
        return [x.shape[1] for x in maps], [x.shape[3] for x in maps]


def load_extractor(
    path: str,
    image_size: int = 224,
    *,
    final_norm: bool = True,
    normalization: NormalizationName = "own",
    seed: int = 0,
    field: str = "image_size",
) -> tuple[Extractor, Any]:
    """An extractor and its variables.

    Args:
      path: a checkpoint, a directory that `python -m common.weights import` wrote, or 'random' for an untrained
        ViT-B/16.
      image_size: side in pixels to which images are resized.
      final_norm: whether a ViT's features are read after its last LayerNorm.
      normalization: 'own' or 'hsr', see `NormalizationName`.
      seed: seed of the weights of 'random'.
      field: name of the user's field that holds `image_size`, for error messages.

    Raises:
      InputError: the checkpoint holds no network of `FORMATS`, or the network does not take images of this size.
    """
    module, variables = _random(image_size, seed) if path == "random" else formats.open_network(path, FORMATS)[1:]
    return make_extractor(module, variables, image_size, final_norm, normalization, field)


def make_extractor(
    module: nn.Module,
    variables: Any,
    image_size: int = 224,
    final_norm: bool = True,
    normalization: NormalizationName = "own",
    field: str = "image_size",
) -> tuple[Extractor, Any]:
    """An extractor and its variables, as `load_extractor`, of a network that was loaded before."""
    module, variables = trunk_of(module, variables)
    layers, multiple, smallest, own = inputs_of(module, final_norm)
    if image_size % multiple or image_size < smallest:
        near = max(round(image_size / multiple) * multiple, smallest)
        raise InputError(
            f"field {field}: {image_size} px must be a multiple of {multiple} and at least {smallest}; take {near}"
        )
    return Extractor(module, layers, image_size, pixels.HSR if normalization == "hsr" else own), variables


def trunk_of(module: nn.Module, variables: Any) -> tuple[nn.Module, Any]:
    """The part of a network that takes images of any size and computes the features, with its variables."""
    if isinstance(module, VGG16):
        convolutions = {name: tree for name, tree in variables["params"].items() if name not in ("fc1", "fc2")}
        return module.clone(fc_width=None), {"params": convolutions}
    if isinstance(module, Lpips):
        trunk = module.trunk
    elif isinstance(module, ArcFace | FeatureStyleEncoder):
        trunk = IResNet(module.widths, module.depths)
    else:
        return module, variables
    return trunk, {name: tree["trunk"] for name, tree in variables.items()}


def inputs_of(module: nn.Module, final_norm: bool = True) -> Inputs:
    """Inputs of a network; `final_norm` chooses the features of a ViT after its last LayerNorm."""
    if isinstance(module, ViT):
        return Inputs(DINO_LAYERS if final_norm else VIT_LAYERS, module.patch, module.patch)
    return CONVOLUTIONAL[type(module)]


def target_maps(features: Mapping[str, Array], layers: Sequence[str]) -> list[Array]:
    """Features as maps, without the class token of a ViT.

    Args:
      features: features of square images by name: tokens [B, 1 + h * h, C] of a ViT, or maps [B, h, h, C].
      layers: names of the features to return.

    Returns:
      [B, h, h, C] per layer, float32.
    """
    maps = []
    for layer in layers:
        x = features[layer].astype(jnp.float32)
        side = math.isqrt(x.shape[1])
        maps.append(patch_map(x, (side, side)) if x.ndim == 3 else x)
    return maps


def _random(image_size: int, seed: int) -> tuple[ViT, Any]:
    image = jnp.zeros((1, image_size, image_size, 3))
    return RANDOM, init_on_host(RANDOM, jax.random.fold_in(jax.random.key(seed), 2), image)
