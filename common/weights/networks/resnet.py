"""ResNets with bottlenecks -> variables of `common.nn.resnet.ResNet`.

All of these share torchvision's names (`conv1`, `bn1`, `layer{1..4}.{i}.*`, `fc`) below a prefix of their own:

| checkpoint | prefix |
|---|---|
| torchvision, DINO's released backbone | none |
| ContrastLandmark | `encoder.module.`, in the entries `model` and `model_ema` |
| MoCo | `module.encoder_q.` is taken, `module.encoder_k.` is its moving average |
| DINO's full checkpoint | `teacher.backbone.` is taken; `student.module.backbone.` |
| others | `module.`, `backbone.`, `encoder.`, ...: any under which the network is the only one |
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.nn.resnet import EXPANSION, ResNet
from common.weights.networks import rows
from common.weights.networks.table import Row, convert, shapes
from common.weights.read import part, prefixes

MARKS = ("layer1.0.conv3.weight", "conv1.weight")
"""Names that a network with bottlenecks has, and one with basic blocks (ResNet-18, -34) has not."""

IGNORED = r".*\.num_batches_tracked"
HEAD = "fc.weight"
HEADS = r"fc\..*"
QUERY = "encoder_q"


def from_resnet(
    state_dict: Mapping[str, np.ndarray],
    module: ResNet | None = None,
    *,
    prefix: str | None = None,
    source: str = "the state dict",
) -> dict:
    """Variables of the network.

    Args:
      state_dict: arrays by name.
      module: the module the variables are for; read off the arrays (`infer_resnet`) when absent. One without a head
        takes the trunk of a network that has one.
      prefix: of the network's names; found when absent.
      source: the file, for error messages.

    Returns:
      {'params': ..., 'batch_stats': ...} of float32 numpy arrays.

    Raises:
      InputError: no ResNet or several; or all missing, unexpected and mis-shaped names.
    """
    arrays = _below(state_dict, prefix, source)
    module = module or infer_resnet(arrays, source=source)
    ignored = IGNORED if module.num_outputs is not None else f"{IGNORED}|{HEADS}"
    return convert(arrays, resnet_table(module), _shapes(module), ignored=ignored, source=source)


def infer_resnet(
    state_dict: Mapping[str, np.ndarray], *, prefix: str | None = None, source: str = "the state dict"
) -> ResNet:
    """The network whose arrays these are; with a head if it is one linear layer (MoCo v2's are two: left out)."""
    arrays = _below(state_dict, prefix, source)
    firsts = [f"layer{stage}.0.conv3.weight" for stage in range(1, 5)]
    if absent := [name for name in firsts if name not in arrays]:
        raise InputError(f"{source} is not a ResNet with four stages of bottlenecks: it lacks {', '.join(absent)}")
    widths = tuple(np.shape(arrays[name])[0] // EXPANSION for name in firsts)
    depths = tuple(_count(arrays, rf"layer{stage}\.\d+\.conv3\.weight") for stage in range(1, 5))
    return ResNet(widths, depths, np.shape(arrays[HEAD])[0] if HEAD in arrays else None)


def resnet_table(module: ResNet) -> Iterator[Row]:
    """The rows of a network, in torchvision's names and order."""
    yield from rows.conv("conv1", "conv1")
    yield from rows.batch_norm("bn1", "bn1")
    for stage, depth in enumerate(module.depths, start=1):
        for unit in range(depth):
            source, path = f"layer{stage}.{unit}", f"layer{stage}_unit{unit}"
            for i in (1, 2, 3):
                yield from rows.conv(f"{source}.conv{i}", f"{path}/conv{i}")
                yield from rows.batch_norm(f"{source}.bn{i}", f"{path}/bn{i}")
            if unit == 0:  # the first unit of a stage widens
                yield from rows.conv(f"{source}.downsample.0", f"{path}/downsample_conv")
                yield from rows.batch_norm(f"{source}.downsample.1", f"{path}/downsample_bn")
    if module.num_outputs is not None:
        yield from rows.dense("fc", "fc")


def _below(state_dict: Mapping[str, np.ndarray], prefix: str | None, source: str) -> dict[str, np.ndarray]:
    """The network's arrays by torchvision's names; of MoCo's two encoders the one that was trained."""
    queries = [found for found in prefixes(state_dict, MARKS) if QUERY in found.split(".")]
    if prefix is None and len(queries) == 1:
        prefix = queries[0]
    return part(state_dict, MARKS, prefix, source=source)[0]


def _shapes(module: ResNet) -> dict:
    return shapes(module, (1, 32, 32, 3))


def _count(arrays: Mapping[str, np.ndarray], pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in arrays)
