"""Which pretrained network's features a metric is of, and what the number may then be called.

FID, KID, precision and recall, and PPL are each defined by one network. A substitute gives numbers to compare two
models with, which no published one compares with: they have names of their own.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.inception import pytorch_fid_input, torch_fidelity_input
from common.nn.vit import ViT
from common.ops.pixels import as_float, preprocess
from common.pretrained import extractor
from common.pretrained.perceptual import Perceptual, of_features, open_perceptual
from common.pretrained.vgg_features import read_vgg16
from common.weights import converted, formats
from hsr_jax.config import HsrConfig

FidVariant = Literal["stylegan2-ada", "pytorch-fid"]


@dataclasses.dataclass(frozen=True)
class Embedding:
    """A network that makes a vector of an image. Variables are an argument: a program has no constants of that size."""

    name: str
    """What features are called that are not the metric's own."""
    defining: bool
    """Whether it is the network that the metric is defined by."""
    embed: Callable[[Any, Array], Array]
    """(variables, uint8 [B, R, R, 3]) -> float32 [B, D]."""
    variables: Any
    digest: str
    """Of the weights and of what is done with an image: features of the same digest are the same."""

    def label(self, metric: str, plain: str) -> str:
        """`metric` if this is its network, else `plain` with the features' name."""
        return metric if self.defining else f"{plain} on {self.name} features"


@dataclasses.dataclass(frozen=True)
class Distance:
    """A network that compares two images."""

    label: str
    """What the path length is called: "PPL" for LPIPS of VGG-16 only."""
    compare: Callable[[Any, Array, Array], Array]
    """(variables, [B, R, R, 3] in [-1, 1], another) -> [B]."""
    variables: Any
    digest: str
    """Of the weights and of what is done with an image: lengths of the same digest are alike."""


@dataclasses.dataclass(frozen=True)
class MetricNetworks:
    """The networks that the chosen metrics need; None where none is needed."""

    moments: Embedding | None = None
    """Of the Frechet, kernel and Mahalanobis distances."""
    manifold: Embedding | None = None
    """Of precision and recall."""
    distance: Distance | None = None
    """Of the path length."""

    def digests(self) -> dict[str, str]:
        """By what they are for, those that are needed."""
        found = {
            "the network of FID, KID and the Mahalanobis distance": self.moments,
            "the network of precision and recall": self.manifold,
            "the network of the path length": self.distance,
        }
        return {name: network.digest for name, network in found.items() if network}


@dataclasses.dataclass(frozen=True)
class Files:
    """Checkpoints in a format of `python -m common.weights list`, or, but for `pr_network`, directories that it
    imported."""

    inception: str = ""
    """Inception-v3 of FID, in pytorch-fid's names: gives FID, KID and the Mahalanobis distance."""
    pr_network: str = ""
    """VGG-16 with its fully connected layers, in torchvision's names: gives precision and recall. The file
    itself, for an imported VGG-16 ends before those layers."""
    lpips: str = ""
    """LPIPS with VGG-16: gives PPL."""
    substitute: str = ""
    """Another network, any that `hsr.extractor` takes (`random`: a ViT-B/16 as seed 0 draws it), in the place of those
    of the above that are empty; its numbers have names of their own."""
    substitute_size: int = 224
    """Side of the substitute's input, a multiple of its patches; half of it is four times as fast."""


# The field of `Files` that each metric is defined by.
FIELDS = {"fid": "inception", "kid": "inception", "mahalanobis": "inception", "pr": "pr_network", "ppl": "lpips"}


def choose(metrics: Sequence[str], files: Files, fid_variant: FidVariant = "stylegan2-ada") -> MetricNetworks:
    """Reads the networks of some metrics.

    Raises:
      InputError: a metric without network and without substitute, names all empty fields; what is wrong with a file.
    """
    fields = {FIELDS[metric]: metric for metric in metrics if metric in FIELDS}
    if absent := [name for name in fields if not getattr(files, name) and not files.substitute]:
        what = ", ".join(f"{name} (for {fields[name]})" for name in absent)
        raise InputError(
            f"fields {what}: empty; name the network's file, or in field substitute another whose numbers get names "
            "of their own, or leave these metrics out of field metrics"
        )
    found: dict[str, Any] = {}
    other = files.substitute, files.substitute_size
    if "inception" in fields:
        found["moments"] = inception(files.inception, fid_variant) if files.inception else substitute(*other)
    if "pr_network" in fields:
        found["manifold"] = vgg16(files.pr_network) if files.pr_network else substitute(*other)
    if "lpips" in fields:
        found["distance"] = perceptual(files.lpips) if files.lpips else substitute_distance(*other)
    return MetricNetworks(**found)


def inception(path: str, variant: FidVariant = "stylegan2-ada") -> Embedding:
    """FID's Inception-v3. StyleGAN2-ADA's own input is inside a binary; it is believed to be torch-fidelity's."""
    format, arrays = formats.network_arrays(path, ("pytorch-fid",))
    module = format.module(arrays, source=path)

    def embed(variables: Any, images: Array) -> Array:
        exact = variant == "stylegan2-ada"
        inputs = torch_fidelity_input(images) if exact else pytorch_fid_input(images.astype(jnp.float32) / 255)
        return module.apply(variables, inputs)[0]

    variables = format.variables(arrays, module, source=path)
    return Embedding("Inception-v3", True, embed, variables, _digest(path, f"inception {variant}"))


def vgg16(path: str) -> Embedding:
    """VGG-16's second fully connected layer. NVIDIA's file, which the published numbers are of, is not readable here:
    these weights are torchvision's, and images are resized by averaging."""
    module, variables = read_vgg16(path)
    embed = lambda variables, images: module.apply(variables, preprocess(as_float(images)))[0]
    return Embedding("VGG-16", True, embed, variables, _digest(path, "vgg16 fc2"))


def perceptual(path: str) -> Distance:
    """LPIPS; the path length in it is PPL if its trunk is VGG-16."""
    network = open_perceptual(path)
    trunk = network.variables["params"].get("trunk", {}) if network.variables else {}
    if not trunk:
        raise InputError(f"field lpips: {path}: holds no LPIPS; name another network in field substitute")
    label = "PPL" if "conv5_3" in trunk else "path length in LPIPS (AlexNet)"
    return _distance(label, network, _digest(path, "perceptual"))


def substitute(path: str, size: int) -> Embedding:
    """The class token of a ViT after its last LayerNorm, or the average of another network's deepest features."""
    network, variables = extractor.build(HsrConfig(extractor=path, image_size=size), seed=0)

    def embed(variables: Any, images: Array) -> Array:
        images = as_float(images)
        if not isinstance(network.module, ViT):
            return network.targets(variables, images)[0].mean((1, 2))
        _, features = network.module.apply(variables, preprocess(images, size, network.normalization))
        return features[f"block{network.module.depth}.norm"][:, 0].astype(jnp.float32)

    return Embedding(_name(path, network), False, embed, variables, _digest(path, f"substitute {size}"))


def substitute_distance(path: str, size: int) -> Distance:
    """Features of an extractor's four layers, all weights alike."""
    network, variables = extractor.build(HsrConfig(extractor=path, image_size=size), seed=0)
    label = f"path length in {_name(path, network)} features"
    return _distance(label, of_features(network, variables), _digest(path, f"perceptual {size}"))


def _distance(label: str, network: Perceptual, digest: str) -> Distance:
    describe = lambda variables, a, b: (network.describe(variables, a), network.describe(variables, b))
    compare = lambda variables, a, b: network.compare(variables, *describe(variables, a, b))
    return Distance(label, compare, network.variables, digest)


def _name(path: str, network: extractor.Extractor) -> str:
    return f"{type(network.module).__name__} {Path(path).stem} ({network.image_size} px)"


def _digest(path: str, what: str) -> str:
    file = Path(path) / converted.VARIABLES if converted.is_directory(path) else path
    # The untrained extractor has no file: its seed is always the same.
    weights = path if path == "random" else converted.sha256(file)
    return hashlib.sha256(f"{weights} {what}".encode()).hexdigest()
