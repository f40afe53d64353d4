"""ArcFace iresnets -> variables of `common.nn.iresnet.ArcFace`.

Names as InsightFace publishes them: `conv1`, `bn1`, `prelu` the stem, `layer{1..4}.{i}.*` the units, `bn2`, `fc`,
`features` the embedding. The trunk alone is `variables[collection]["trunk"]`, what a Feature-Style encoder starts from.
"""

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.nn.iresnet import ArcFace
from common.weights.networks import rows
from common.weights.networks.feature_style import unit_rows
from common.weights.networks.table import Row, convert, same, shapes
from common.weights.read import part

MARKS = ("layer1.0.prelu.weight", "conv1.weight", "fc.weight")
IGNORED = r".*\.num_batches_tracked"
STRIDE = 16
"""Pixels of the image to one position of the trunk's output."""


def from_arcface(
    state_dict: Mapping[str, np.ndarray],
    module: ArcFace | None = None,
    *,
    prefix: str | None = None,
    source: str = "the state dict",
) -> dict:
    """Variables of the network.

    Args:
      state_dict: arrays by name.
      module: the module the variables are for; read off the arrays (`infer_arcface`) when absent.
      prefix: of the network's names; found when absent.
      source: the file, for error messages.

    Returns:
      {'params': ..., 'batch_stats': ...} of float32 numpy arrays.

    Raises:
      InputError: no ArcFace network or several; or all missing, unexpected and mis-shaped names.
    """
    arrays = part(state_dict, MARKS, prefix, source=source)[0]
    inferred, size = infer_arcface(arrays, source=source)
    template = arcface_shapes(module or inferred, size)
    return convert(arrays, arcface_table(module or inferred), template, ignored=IGNORED, source=source)


def infer_arcface(
    state_dict: Mapping[str, np.ndarray], *, prefix: str | None = None, source: str = "the state dict"
) -> tuple[ArcFace, int]:
    """The network whose arrays these are, and the side of its images in pixels."""
    arrays = part(state_dict, MARKS, prefix, source=source)[0]
    firsts = [f"layer{stage}.0.conv1.weight" for stage in range(1, 5)]
    if absent := [name for name in firsts if name not in arrays]:
        raise InputError(f"{source} is not an iresnet of four stages: it lacks {', '.join(absent)}")
    widths = tuple(np.shape(arrays[name])[0] for name in firsts)
    depths = tuple(_count(arrays, rf"layer{stage}\.\d+\.conv1\.weight") for stage in range(1, 5))
    features, inputs = np.shape(arrays["fc.weight"])
    side = math.isqrt(inputs // widths[3])
    if side * side * widths[3] != inputs:
        raise InputError(f"{source}: fc.weight has {inputs} inputs, which are no square of {widths[3]} channels")
    return ArcFace(features, widths, depths), STRIDE * side


def arcface_table(module: ArcFace) -> Iterator[Row]:
    """The rows of a network, in InsightFace's names."""
    yield from rows.conv("conv1", "trunk/stem_conv")
    yield from rows.batch_norm("bn1", "trunk/stem_bn")
    yield Row("prelu.weight", "params/trunk/stem_prelu/slope", same)
    # Which units have a shortcut does not depend on the size of the image.
    trunk = arcface_shapes(module, 2 * STRIDE)["params"]["trunk"]
    for stage, depth in enumerate(module.depths, start=1):
        for unit in range(depth):
            yield from unit_rows(f"layer{stage}.{unit}", f"stage{stage}_unit{unit}", trunk)
    yield from rows.batch_norm("bn2", "bn")
    yield from rows.dense("fc", "fc")
    yield from rows.batch_norm("features", "embedding_bn")


def arcface_shapes(module: ArcFace, size: int) -> dict:
    """Shapes of the variables for images of `size` px."""
    return shapes(module, (1, size, size, 3))


def _count(arrays: Mapping[str, np.ndarray], pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in arrays)
