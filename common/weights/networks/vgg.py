"""torchvision's VGG-16 and AlexNet -> `common.nn.vgg.VGG16` and `common.nn.alexnet.AlexNet`.

Convolutions are `features.{i}.*`, where i also counts ReLUs and max pools. Fully connected layers are
`classifier.{i}.*`; the first two of VGG-16 are kept if the file has them, all others are left out.
"""

from collections.abc import Iterator

import numpy as np

from common.errors import InputError
from common.nn.alexnet import LAYERS, AlexNet
from common.nn.vgg import DEPTHS, FC_GRID, FC_SIZE, VGG16
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, conv, dense, flattened

Trunk = VGG16 | AlexNet

NAMES = "features.{index}"
"""Pattern of a convolution's name, with its `stage` and `index`."""
SIDE = 64
"""Side in pixels of images that both networks take."""
FC1, FC2 = "classifier.0", "classifier.3"
IGNORED = r"classifier\..*"


def infer(arrays: StateDict, *, source: str = "the state dict") -> Trunk:
    """The network with these arrays."""
    trunk = infer_trunk(arrays, source=source)
    if isinstance(trunk, VGG16) and f"{FC2}.weight" in arrays:
        return trunk.clone(fc_width=np.shape(arrays[f"{FC2}.weight"])[0])
    return trunk


def infer_trunk(arrays: StateDict, names: str = NAMES, *, source: str = "the state dict") -> Trunk:
    """The convolutions with these arrays: AlexNet if the first kernel is 11x11, otherwise VGG-16."""
    first = np.shape(arrays.get(names.format(stage=1, index=0) + ".weight", ()))
    trunk = AlexNet if first[2:] == (11, 11) else VGG16
    # The last convolution of a stage tells its width.
    last = {stage: names.format(stage=stage, index=index) + ".bias" for _, stage, index in _convolutions(trunk)}
    if absent := [name for name in last.values() if name not in arrays]:
        raise InputError(f"{source} is neither VGG-16 nor AlexNet: it lacks {', '.join(absent)}")
    return trunk(widths=tuple(np.size(arrays[name]) for name in last.values()))


def table(module: Trunk, names: str = NAMES) -> Iterator[Row]:
    """The rows of a network."""
    for layer, stage, index in _convolutions(type(module)):
        yield from conv(names.format(stage=stage, index=index), layer, bias=True)
    if isinstance(module, VGG16) and module.fc_width is not None:
        yield from dense(FC1, "fc1", flattened(FC_GRID, FC_GRID))
        yield from dense(FC2, "fc2")


def _convolutions(trunk: type[Trunk]) -> Iterator[tuple[str, int, int]]:
    """(name of the layer, stage, index in torchvision's names) per convolution."""
    index = 0
    if trunk is AlexNet:
        for stage, (*_, pool) in enumerate(LAYERS, start=1):
            index += pool
            yield f"conv{stage}", stage, index
            index += 2
        return
    for stage, depth in enumerate(DEPTHS, start=1):
        for i in range(1, depth + 1):
            yield f"conv{stage}_{i}", stage, index
            index += 2
        index += 1


def _vgg16_inputs(module: VGG16) -> tuple:
    side = SIDE if module.fc_width is None else FC_SIZE
    return ((1, side, side, 3),)


VGG_16 = Format(
    "vgg16",
    "torchvision's VGG-16, with its first two fully connected layers where the file has them",
    VGG16,
    marks=("features.26.weight", "features.28.weight"),  # VGG-19 has no convolution 26
    infer=infer,
    table=table,
    inputs=_vgg16_inputs,
    ignored=IGNORED,
)
ALEXNET = Format(
    "alexnet",
    "convolutions of torchvision's AlexNet",
    AlexNet,
    marks=("features.3.weight", "features.6.weight", "features.8.weight"),
    infer=infer,
    table=table,
    inputs=lambda module: ((1, SIDE, SIDE, 3),),
    ignored=IGNORED,
)
