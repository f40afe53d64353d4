"""ResNets with bottlenecks -> `common.nn.resnet.ResNet`.

All of these checkpoints share torchvision's names (`conv1`, `bn1`, `layer{1..4}.{i}.*`, `fc`) but not their prefix:

| checkpoint | prefix |
|---|---|
| torchvision, DINO's released backbone | none |
| ContrastLandmark | `encoder.module.`, in the entries `model` and `model_ema` |
| MoCo | `module.encoder_q.` is taken, not its moving average `module.encoder_k.` |
| DINO's full checkpoint | `teacher.backbone.` is taken, not `student.module.backbone.` |
| others | any, such as `module.`, if the checkpoint holds no other ResNet |
"""

from collections.abc import Iterator

import numpy as np

from common.nn.resnet import EXPANSION, ResNet
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, batch_norm, conv, dense, numbers, shapes_of

HEAD = "fc.weight"


def infer(arrays: StateDict, *, source: str = "the state dict") -> ResNet:
    """The network with these arrays. A head of two linear layers, as in MoCo v2, is left out."""
    firsts = [f"layer{stage}.0.conv3.weight" for stage in range(1, 5)]
    shapes = shapes_of(arrays, firsts, source=source, what="a ResNet with four stages of bottlenecks")
    widths = tuple(shape[0] // EXPANSION for shape in shapes)
    depths = tuple(len(numbers(arrays, rf"layer{stage}\.(\d+)\.conv3\.weight")) for stage in range(1, 5))
    return ResNet(widths, depths, np.shape(arrays[HEAD])[0] if HEAD in arrays else None)


def table(module: ResNet) -> Iterator[Row]:
    """The rows of a network, in torchvision's order."""
    yield from conv("conv1", "conv1")
    yield from batch_norm("bn1", "bn1")
    for stage, depth in enumerate(module.depths, start=1):
        for unit in range(depth):
            source, path = f"layer{stage}.{unit}", f"layer{stage}_unit{unit}"
            for i in (1, 2, 3):
                yield from conv(f"{source}.conv{i}", f"{path}/conv{i}")
                yield from batch_norm(f"{source}.bn{i}", f"{path}/bn{i}")
            if unit == 0:  # the first unit of a stage widens
                yield from conv(f"{source}.downsample.0", f"{path}/downsample_conv")
                yield from batch_norm(f"{source}.downsample.1", f"{path}/downsample_bn")
    if module.num_outputs is not None:
        yield from dense("fc", "fc")


RESNET = Format(
    "resnet",
    "ResNet-50 in torchvision's names: torchvision, DINO, MoCo, ContrastLandmark",
    ResNet,
    marks=("layer1.0.conv3.weight", "conv1.weight"),  # a network with basic blocks (ResNet-18, -34) has no conv3
    infer=infer,
    table=table,
    inputs=lambda module: ((1, 32, 32, 3),),
    ignored=r".*\.num_batches_tracked|fc\..*",
)
