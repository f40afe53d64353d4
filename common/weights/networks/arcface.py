"""ArcFace iresnets in InsightFace's names -> `common.nn.iresnet.ArcFace`.

The stem is `conv1`, `bn1`, `prelu`; units are `layer{1..4}.{i}.*`; the embedding is `bn2`, `fc`, `features`.
"""

import math
from collections.abc import Iterator, Sequence

from common.errors import InputError
from common.nn.iresnet import ArcFace
from common.weights.networks.format import Format
from common.weights.networks.table import (
    Row,
    StateDict,
    batch_norm,
    below,
    conv,
    dense,
    numbers,
    same,
    shapes_of,
)

STRIDE = 16
"""Number of pixels, along each axis, per position of the trunk's output."""


def infer(arrays: StateDict, *, source: str = "the state dict") -> ArcFace:
    """The network whose arrays these are."""
    widths, depths = trunk_sizes(arrays, "layer", source=source, what="an iresnet of four stages")
    ((features, inputs),) = shapes_of(arrays, ["fc.weight"], source=source, what="an ArcFace network")
    side = math.isqrt(inputs // widths[3])
    if side * side * widths[3] != inputs:
        raise InputError(f"{source}: fc.weight has {inputs} inputs, which are no square map of {widths[3]} channels")
    return ArcFace(features, widths, depths, STRIDE * side)


def table(module: ArcFace) -> Iterator[Row]:
    """The rows of a network."""
    yield from below("trunk", trunk_table(module.depths, ("conv1", "bn1", "prelu"), "layer"))
    yield from batch_norm("bn2", "bn")
    yield from dense("fc", "fc")
    yield from batch_norm("features", "embedding_bn")


def trunk_sizes(arrays: StateDict, stages: str, *, source: str, what: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and depths of the four stages of an iresnet whose units are called {stages}{1..4}.{i}."""
    firsts = [f"{stages}{i}.0.conv1.weight" for i in range(1, 5)]
    widths = tuple(shape[0] for shape in shapes_of(arrays, firsts, source=source, what=what))
    return widths, tuple(len(numbers(arrays, rf"{stages}{i}\.(\d+)\.conv1\.weight")) for i in range(1, 5))


def trunk_table(depths: Sequence[int], stem: tuple[str, str, str], stages: str) -> Iterator[Row]:
    """The rows of an iresnet; `stem` holds the names of its first convolution, batch normalisation and PReLU."""
    yield from conv(stem[0], "stem_conv")
    yield from batch_norm(stem[1], "stem_bn")
    yield Row(f"{stem[2]}.weight", "params/stem_prelu/slope", same)
    for stage, depth in enumerate(depths, start=1):
        for unit in range(depth):
            source, path = f"{stages}{stage}.{unit}", f"stage{stage}_unit{unit}"
            if unit == 0:  # the first unit of a stage halves the resolution, so its shortcut is a convolution
                yield from conv(f"{source}.downsample.0", f"{path}/downsample_conv")
                yield from batch_norm(f"{source}.downsample.1", f"{path}/downsample_bn")
            for layer in ("conv1", "conv2"):
                yield from conv(f"{source}.{layer}", f"{path}/{layer}")
            for layer in ("bn1", "bn2", "bn3"):
                yield from batch_norm(f"{source}.{layer}", f"{path}/{layer}")
            yield Row(f"{source}.prelu.weight", f"params/{path}/prelu/slope", same)


ARCFACE = Format(
    "arcface",
    "ArcFace iresnet, InsightFace's face recognition",
    ArcFace,
    marks=("layer1.0.prelu.weight", "conv1.weight", "fc.weight"),
    infer=infer,
    table=table,
    inputs=lambda module: ((1, module.image_size, module.image_size, 3),),
    ignored=r".*\.num_batches_tracked",
)
