"""VGG-16 up to its second fully connected layer, whose features precision and recall compare (Kynkaanniemi 2019)."""

import flax.linen as nn
import numpy as np
from jax import Array

from common.nn.vgg import VGG16
from common.ops.pool import max_pool
from common.weights import read
from common.weights.networks import lpips
from common.weights.networks.rows import dense
from common.weights.networks.table import Row, Transform, convert, shapes

SIZE = 224
"""Side in pixels of the input."""
GRID = 7
"""Side of the last feature map, 224 / 32."""
MARKS = ("classifier.3.weight", "classifier.0.weight", "features.0.weight")
IGNORED = r"classifier\.6\..*"


class Vgg16Features(nn.Module):
    """The convolutions and two fully connected layers with ReLU; no dropout."""

    trunk: VGG16
    width: int = 4096

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, dict[str, Array]]:
        """[B, 224, 224, 3], float32, normalised as the weights want it -> [B, width] and features 'fc1', 'fc2'."""
        if images.shape[1:3] != (SIZE, SIZE):
            raise ValueError(f"images must be {SIZE} x {SIZE} px, not {images.shape}")
        x, features = self.trunk(images)
        x = max_pool(x, 2, 2, padding=0).reshape(len(images), -1)
        features["fc1"] = x = nn.relu(nn.Dense(self.width, name="fc1")(x))
        features["fc2"] = x = nn.relu(nn.Dense(self.width, name="fc2")(x))
        return x, features


def read_vgg16(path: str) -> tuple[Vgg16Features, dict]:
    """Module and variables of a VGG-16 in torchvision's names; what follows the second layer is left out.

    Raises:
      InputError: the file holds no VGG-16 with its fully connected layers, or is damaged.
    """
    arrays, _ = read.part(read.arrays(path), MARKS, source=path)
    trunk = lpips.lpips_trunk(arrays, source=path)
    module = Vgg16Features(trunk, width=np.shape(arrays["classifier.3.weight"])[0])
    template = shapes(module, (1, SIZE, SIZE, 3))
    return module, convert(arrays, vgg16_table(module), template, ignored=IGNORED, source=path)


def vgg16_table(module: Vgg16Features) -> list[Row]:
    """The rows in torchvision's names."""
    kernel, bias = dense("classifier.0", "fc1")
    first = [kernel._replace(transform=_flattened(module.trunk.widths[-1])), bias]
    return [*lpips.trunk_table(module.trunk, path="params/trunk"), *first, *dense("classifier.3", "fc2")]


def _flattened(channels: int) -> Transform:
    """[out, C * 7 * 7] <-> [7 * 7 * C, out]: feature maps are flattened channels first there, channels last here."""
    first, last = (-1, channels, GRID, GRID), (GRID, GRID, channels, -1)
    return Transform(
        lambda x: x.reshape(first).transpose(2, 3, 1, 0).reshape(GRID * GRID * channels, -1),
        lambda x: x.reshape(last).transpose(3, 2, 0, 1).reshape(-1, channels * GRID * GRID),
    )
