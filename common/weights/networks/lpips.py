"""LPIPS -> `common.nn.lpips.Lpips`.

The lpips package publishes the heads alone (`lin{k}.model.1.weight`) and takes the trunk from torchvision
(`features.{i}.*`); in a state dict of its module the trunk is named `net.slice{k}.{i}.*`, with the same i.
"""

import functools
from collections.abc import Iterator

import numpy as np

from common.errors import InputError
from common.nn.lpips import SCALE, SHIFT, Lpips
from common.weights.networks import vgg
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, below, per_channel

NAMES = "net.slice{stage}.{index}"
"""Pattern of a convolution's name in the trunk, in a state dict of the lpips package's module."""
# torchvision's classifier, second copies of the heads, and constants.
IGNORED = rf"{vgg.IGNORED}|lins\.\d+\.model\.1\.weight|scaling_layer\.(shift|scale)"


def infer(arrays: StateDict, names: str = NAMES, *, source: str = "the state dict") -> Lpips:
    """LPIPS with the trunk that the arrays hold; `names` is the pattern of the trunk's names, as in `vgg.NAMES`.

    Raises:
      InputError: the trunk is neither VGG-16 nor AlexNet, or the input is scaled by other constants.
    """
    for name, constant in (("shift", SHIFT), ("scale", SCALE)):
        stored = arrays.get(f"scaling_layer.{name}", constant)
        if np.size(stored) != 3 or not np.allclose(np.ravel(stored), constant, rtol=0, atol=1e-6):
            raise InputError(f"{source} is not LPIPS: scaling_layer.{name} is {np.ravel(stored)}, not {constant}")
    return Lpips(vgg.infer_trunk(arrays, names, source=source))


def table(module: Lpips, names: str = NAMES) -> Iterator[Row]:
    """The rows of trunk and heads; `names` as in `infer`."""
    yield from below("trunk", vgg.table(module.trunk, names))
    for k in range(len(module.trunk.taps)):
        yield Row(f"lin{k}.model.1.weight", f"params/head{k}", per_channel)


def _inputs(module: Lpips) -> tuple:
    return ((1, vgg.SIDE, vgg.SIDE, 3),) * 2


LPIPS = Format(
    "lpips",
    "LPIPS, state dict of the lpips package's module",
    Lpips,
    marks=("lin0.model.1.weight", "net.slice1.0.weight"),
    infer=infer,
    table=table,
    inputs=_inputs,
    ignored=IGNORED,
)
LPIPS_PARTS = Format(
    "lpips-parts",
    "LPIPS from two files: torchvision's VGG-16 or AlexNet, and the lpips package's heads",
    Lpips,
    marks=("lin0.model.1.weight", "features.0.weight"),
    infer=functools.partial(infer, names=vgg.NAMES),
    table=functools.partial(table, names=vgg.NAMES),
    inputs=_inputs,
    ignored=IGNORED,
)
