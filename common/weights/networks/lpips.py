"""LPIPS and its trunks -> variables of `common.nn.lpips.Lpips`, `common.nn.vgg.VGG16` and `common.nn.alexnet.AlexNet`.

The lpips package publishes the heads alone (`lin{k}.model.1.weight`) and takes the trunk from torchvision
(`features.{i}.*`); in a state dict of its module the trunk is named `net.slice{k}.{i}.*`, with the same i.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.nn.alexnet import LAYERS, AlexNet
from common.nn.lpips import SCALE, SHIFT, Lpips
from common.nn.vgg import DEPTHS, VGG16
from common.weights.networks.table import Row, convert, hwio, same, shapes

StateDict = Mapping[str, np.ndarray]
Trunk = VGG16 | AlexNet

# Names of a trunk's convolutions.
TORCHVISION = "features.{index}"
LPIPS = "net.slice{stage}.{index}"

TORCHVISION_IGNORED = r"classifier\..*"
LPIPS_IGNORED = r"lins\.\d+\.model\.1\.weight|scaling_layer\.(shift|scale)"  # the heads once more, and constants

IMAGES = (1, 64, 64, 3)


def head(x: np.ndarray) -> np.ndarray:
    """1x1 convolution to one channel [1, C, 1, 1] -> [C]."""
    return x.squeeze((0, 2, 3))


def _head_inverse(x: np.ndarray) -> np.ndarray:
    return x[None, :, None, None]


INVERSES: dict[Callable, Callable] = {head: _head_inverse}
"""Transforms that only this layout has -> their inverses."""


def from_lpips(state_dict: StateDict, module: Lpips | None = None, *, source: str = "the state dict") -> dict:
    """Variables of LPIPS from a state dict of the lpips package's module.

    Args:
      state_dict: arrays by name: 'net.slice1.0.weight', ..., 'lin0.model.1.weight', ...
      module: the module the variables are for; read off the arrays (`lpips_trunk`) when absent.
      source: the file, for error messages.

    Returns:
      {'params': ...} of float32 numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names; or if it scales its input by other constants.
    """
    for name, constant in (("shift", SHIFT), ("scale", SCALE)):
        stored = state_dict.get(f"scaling_layer.{name}", constant)
        if np.size(stored) != 3 or not np.allclose(np.ravel(stored), constant, rtol=0, atol=1e-6):
            raise InputError(f"{source} is not LPIPS: scaling_layer.{name} is {np.ravel(stored)}, not {constant}")
    module = module or Lpips(lpips_trunk(state_dict, LPIPS, source=source))
    return convert(state_dict, table(module), _shapes(module), ignored=LPIPS_IGNORED, source=source)


def from_torchvision(state_dict: StateDict, module: Trunk | None = None, *, source: str = "the state dict") -> dict:
    """Variables of a trunk from torchvision's VGG-16 or AlexNet, whose classifier is left out; see `from_lpips`."""
    module = module or lpips_trunk(state_dict, source=source)
    rows, template = trunk_table(module), shapes(module, IMAGES)
    return convert(state_dict, rows, template, ignored=TORCHVISION_IGNORED, source=source)


def from_torchvision_and_heads(
    trunk: StateDict, heads: StateDict, module: Lpips | None = None, *, source: str = "the state dict"
) -> dict:
    """Variables of LPIPS from torchvision's weights of the trunk and the lpips package's heads; see `from_lpips`."""
    module = module or Lpips(lpips_trunk(trunk, source=source))
    template = {"params": {name: leaf for name, leaf in _shapes(module)["params"].items() if name != "trunk"}}
    params = convert(heads, head_table(module), template, ignored=LPIPS_IGNORED, source=source)["params"]
    return {"params": {"trunk": from_torchvision(trunk, module.trunk, source=source)["params"], **params}}


def table(module: Lpips) -> Iterator[Row]:
    """The rows of LPIPS in the lpips package's names."""
    yield from trunk_table(module.trunk, LPIPS, "params/trunk")
    yield from head_table(module)


def trunk_table(trunk: Trunk, names: str = TORCHVISION, path: str = "params") -> Iterator[Row]:
    """The rows of a trunk below `path`, by default those of the trunk alone in torchvision's names."""
    for layer, stage, index in _convolutions(type(trunk)):
        source = names.format(stage=stage, index=index)
        yield Row(f"{source}.weight", f"{path}/{layer}/kernel", hwio)
        yield Row(f"{source}.bias", f"{path}/{layer}/bias", same)


def head_table(module: Lpips) -> Iterator[Row]:
    """The rows of the heads."""
    for k in range(len(module.trunk.taps)):
        yield Row(f"lin{k}.model.1.weight", f"params/head{k}", head)


def lpips_trunk(state_dict: StateDict, names: str = TORCHVISION, *, source: str = "the state dict") -> Trunk:
    """The trunk whose arrays these are: AlexNet if the first kernel is 11x11, else VGG-16, with their widths."""
    first = np.shape(state_dict.get(names.format(stage=1, index=0) + ".weight"))
    trunk = AlexNet if first[2:] == (11, 11) else VGG16
    # The last convolution of a stage tells its width.
    last = {stage: names.format(stage=stage, index=index) + ".bias" for _, stage, index in _convolutions(trunk)}
    if absent := [name for name in last.values() if name not in state_dict]:
        raise InputError(f"{source} is neither VGG-16 nor AlexNet: it lacks {', '.join(absent)}")
    return trunk(widths=tuple(np.size(state_dict[name]) for name in last.values()))


def _convolutions(trunk: type[Trunk]) -> Iterator[tuple[str, int, int]]:
    """(layer, stage, index) of every convolution; the index counts ReLUs and max pools, too."""
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


def _shapes(module: Lpips) -> dict:
    return shapes(module, IMAGES, IMAGES)
