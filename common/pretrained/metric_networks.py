"""The pretrained networks whose features metrics compare, and the names of the metrics for each network.

FID, KID, precision and recall, and PPL are each defined by one network. Another network may take its place. Its numbers
compare models with each other but not with published numbers, so they have different names.

All networks run at full float32 on every backend.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array

from common.errors import InputError
from common.nn.inception import pytorch_fid_input, torch_fidelity_input
from common.nn.lpips import Lpips
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.ops.pixels import as_float, preprocess
from common.pretrained.extractor import FORMATS, Extractor, load_extractor
from common.pretrained.perceptual import Perceptual, of_features, of_lpips
from common.weights import converted, formats

FidVariant = Literal["stylegan2-ada", "pytorch-fid"]


@dataclasses.dataclass(frozen=True)
class Embedding:
    """A network that computes one vector per image. Its variables are an argument, because constants of their size
    would be compiled into every program."""

    name: str
    """Name of the network."""
    defining: bool
    """Whether the metric is defined by this network."""
    embed: Callable[[Any, Array], Array]
    """(variables, images uint8 [B, R, R, 3]) -> features float32 [B, D]."""
    variables: Any
    """Variables of the network."""
    digest: str
    """SHA-256 of the weights and the preprocessing. Features are comparable if and only if their digests agree."""

    def label(self, metric: str, plain: str) -> str:
        """Name of a number: `metric` if this network defines the metric, otherwise `plain` with the network's name."""
        return metric if self.defining else f"{plain} on {self.name} features"


@dataclasses.dataclass(frozen=True)
class Distance:
    """A network that computes the distance between two images."""

    label: str
    """Name of the path length, which is "PPL" only for LPIPS with VGG-16."""
    compare: Callable[[Any, Array, Array], Array]
    """(variables, images [B, R, R, 3] in [-1, 1], other images of this shape) -> distances [B]."""
    variables: Any
    """Variables of the network."""
    digest: str
    """SHA-256 of the weights and the preprocessing. Lengths are comparable if and only if their digests agree."""


@dataclasses.dataclass(frozen=True)
class MetricNetworks:
    """The networks that the chosen metrics need; None for a network that they do not need."""

    moments: Embedding | None = None
    """The network of the Frechet, kernel and Mahalanobis distances."""
    manifold: Embedding | None = None
    """The network of precision and recall."""
    distance: Distance | None = None
    """The network of the path length."""

    def digests(self) -> dict[str, str]:
        """Digest of each network by its purpose, without networks that are not needed."""
        found = {
            "the network of FID, KID and the Mahalanobis distance": self.moments,
            "the network of precision and recall": self.manifold,
            "the network of the path length": self.distance,
        }
        return {name: network.digest for name, network in found.items() if network}


@dataclasses.dataclass(frozen=True)
class Files:
    """Checkpoints in a format that `python -m common.weights list` prints, or directories that `import` wrote."""

    inception: str = ""
    """Inception-v3 of FID, with pytorch-fid's names, for FID, KID and the Mahalanobis distance."""
    pr_network: str = ""
    """VGG-16 with its fully connected layers, with torchvision's names, for precision and recall."""
    lpips: str = ""
    """LPIPS with VGG-16, for PPL."""
    substitute: str = ""
    """Network that takes the place of the empty fields above: any extractor that the field `hsr.extractor` takes, or
    `random` for an untrained ViT-B/16 (seed 0). Its numbers have different names."""
    substitute_size: int = 224
    """Side in pixels of the substitute's input, a multiple of a ViT's patches; half of it is four times as fast."""


# Field of `Files` with the network that defines each metric.
FIELDS = {"fid": "inception", "kid": "inception", "mahalanobis": "inception", "pr": "pr_network", "ppl": "lpips"}


def choose(metrics: Sequence[str], files: Files, fid_variant: FidVariant = "stylegan2-ada") -> MetricNetworks:
    """Reads the networks that some metrics need.

    Raises:
      InputError: a file is damaged or holds another network; or fields are empty and there is no substitute.
    """
    fields = {FIELDS[metric]: metric for metric in metrics if metric in FIELDS}
    if absent := [name for name in fields if not getattr(files, name) and not files.substitute]:
        what = ", ".join(f"{name} (for {fields[name]})" for name in absent)
        raise InputError(
            f"fields {what}: empty; name the network's file, or another network in field substitute, whose numbers get "
            "different names, or leave these metrics out of field metrics"
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
    """FID's Inception-v3, with the preprocessing of torch-fidelity (for 'stylegan2-ada') or of pytorch-fid."""
    _, module, variables = formats.open_network(path, ("pytorch-fid",))

    def embed(variables: Any, images: Array) -> Array:
        exact = variant == "stylegan2-ada"
        inputs = torch_fidelity_input(images) if exact else pytorch_fid_input(images.astype(jnp.float32) / 255)
        return module.apply(variables, inputs)[0]

    return Embedding("Inception-v3", True, full_float32(embed), variables, _digest(path, f"inception {variant}"))


def vgg16(path: str) -> Embedding:
    """The second fully connected layer of VGG-16.

    Published numbers come from NVIDIA's file, which is not readable here. These weights are torchvision's, and images
    are resized by averaging.

    Raises:
      InputError: the file holds no VGG-16, or a VGG-16 without its fully connected layers.
    """
    _, module, variables = formats.open_network(path, ("vgg16",))
    if not isinstance(module, VGG16) or module.fc_width is None:
        raise InputError(f"field pr_network: {path}: the network lacks fully connected layers; name a VGG-16 with them")
    embed = lambda variables, images: module.apply(variables, preprocess(as_float(images)))[0]
    return Embedding("VGG-16", True, full_float32(embed), variables, _digest(path, "vgg16 fc2"))


def perceptual(path: str) -> Distance:
    """LPIPS; the path length is called PPL if its trunk is VGG-16."""
    _, module, variables = formats.open_network(path, FORMATS)
    if not isinstance(module, Lpips):
        raise InputError(f"field lpips: {path}: holds no LPIPS; name other networks in field substitute")
    label = "PPL" if isinstance(module.trunk, VGG16) else "path length in LPIPS (AlexNet)"
    return _distance(label, of_lpips(module, variables), _digest(path, "perceptual"))


def substitute(path: str, size: int) -> Embedding:
    """The class token of a ViT after its last LayerNorm, or the mean of another network's deepest features."""
    network, variables = load_extractor(path, size, field="substitute_size")

    def embed(variables: Any, images: Array) -> Array:
        images = as_float(images)
        if not isinstance(network.module, ViT):
            return network.targets(variables, images)[0].mean((1, 2))
        output: Any = network.module.apply(variables, preprocess(images, size, network.normalization))
        return output[1][f"block{network.module.depth}.norm"][:, 0].astype(jnp.float32)

    digest = _digest(path, f"substitute {size}")
    return Embedding(_name(path, network), False, full_float32(embed), variables, digest)


def substitute_distance(path: str, size: int) -> Distance:
    """The distance of an extractor's features, see `perceptual.of_features`."""
    network, variables = load_extractor(path, size, field="substitute_size")
    label = f"path length in {_name(path, network)} features"
    return _distance(label, of_features(network, variables), _digest(path, f"perceptual {size}"))


def full_float32(function: Callable[..., Array]) -> Callable[..., Array]:
    """`function` with all products at full float32, whose inputs accelerators would otherwise round."""

    @functools.wraps(function)
    def run(*arguments):
        with jax.default_matmul_precision("highest"):
            return function(*arguments)

    return run


def _distance(label: str, network: Perceptual, digest: str) -> Distance:
    def compare(variables: Any, a: Array, b: Array) -> Array:
        return network.compare(variables, network.describe(variables, a), network.describe(variables, b))

    return Distance(label, full_float32(compare), network.variables, digest)


def _name(path: str, network: Extractor) -> str:
    return f"{type(network.module).__name__} {Path(path).stem} ({network.image_size} px)"


def _digest(path: str, what: str) -> str:
    file = Path(path) / converted.VARIABLES if converted.is_directory(path) else path
    # The untrained extractor has no file, but its seed is always the same.
    weights = path if path == "random" else converted.sha256(file)
    return hashlib.sha256(f"{weights} {what}".encode()).hexdigest()
