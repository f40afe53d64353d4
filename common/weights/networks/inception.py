"""Inception-v3 of FID -> `common.nn.inception.InceptionV3`.

pytorch-fid and torch-fidelity publish the same network with 1008 classes under the same names, such as
`Mixed_5b.branch1x1.conv.weight`. torchvision's Inception-v3 shares most names but is another network.
"""

from collections.abc import Iterator

import numpy as np
from flax import traverse_util

from common.nn.inception import MIN_SIZE, InceptionV3
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, batch_norm, conv, same, transposed


def infer(arrays: StateDict, *, source: str = "the state dict") -> InceptionV3:
    """The network with these arrays, which tell the number of classes."""
    return InceptionV3(np.size(arrays["fc.bias"])) if "fc.bias" in arrays else InceptionV3()


def table(module: InceptionV3) -> Iterator[Row]:
    """The rows; units are named as in the checkpoint."""
    for path in traverse_util.flatten_dict(PYTORCH_FID.template(module)["params"], sep="/"):
        if path.endswith("/conv/kernel"):
            unit = path.removesuffix("/conv/kernel")
            yield from conv(f"{unit.replace('/', '.')}.conv", f"{unit}/conv")
            yield from batch_norm(f"{unit.replace('/', '.')}.bn", f"{unit}/bn")
    yield Row("fc.weight", "params/fc_kernel", transposed)
    yield Row("fc.bias", "params/fc_bias", same)


PYTORCH_FID = Format(
    "pytorch-fid",
    "Inception-v3 of FID, as pytorch-fid and torch-fidelity publish it",
    InceptionV3,
    marks=("Mixed_7c.branch_pool.conv.weight", "Conv2d_1a_3x3.conv.weight", "fc.bias"),
    infer=infer,
    table=table,
    inputs=lambda module: ((1, MIN_SIZE, MIN_SIZE, 3),),
    ignored=r".*\.num_batches_tracked",
)
