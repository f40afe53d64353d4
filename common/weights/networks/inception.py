"""Inception-v3 of FID -> variables of `common.nn.inception.InceptionV3`.

The names are those of pytorch-fid's and torch-fidelity's weight files (`Mixed_5b.branch1x1.conv.weight`, ...), which
hold the same 1008-class network. torchvision's Inception-v3 shares most names and is another network.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from flax import traverse_util

from common.nn.inception import MIN_SIZE, InceptionV3
from common.weights.networks.table import Row, convert, hwio, same, shapes, transposed

# Below a layer, by the path's last names: name in the checkpoint and transform.
LEAVES = {
    "params/conv/kernel": ("conv.weight", hwio),
    "params/bn/scale": ("bn.weight", same),
    "params/bn/bias": ("bn.bias", same),
    "batch_stats/bn/mean": ("bn.running_mean", same),
    "batch_stats/bn/var": ("bn.running_var", same),
}
FC = {
    row.path: row for row in (Row("fc.weight", "params/fc_kernel", transposed), Row("fc.bias", "params/fc_bias", same))
}
IGNORED = r".*\.num_batches_tracked"


def from_pytorch_fid(
    state_dict: Mapping[str, np.ndarray], module: InceptionV3 | None = None, *, source: str = "the state dict"
) -> dict:
    """Variables of the network.

    Args:
      state_dict: arrays by name.
      module: the module the variables are for; with the classes of `fc.bias` when absent.
      source: the file, for error messages.

    Returns:
      {'params': ..., 'batch_stats': ...} of float32 numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names.
    """
    if module is None:
        module = InceptionV3(num_classes=np.size(state_dict["fc.bias"])) if "fc.bias" in state_dict else InceptionV3()
    return convert(state_dict, table(module), _shapes(module), ignored=IGNORED, source=source)


def table(module: InceptionV3) -> Iterator[Row]:
    """The rows; layers are named as in the checkpoint."""
    for path in traverse_util.flatten_dict(_shapes(module), sep="/"):
        if path not in FC:
            collection, *layer, kind, leaf = path.split("/")
            name, transform = LEAVES[f"{collection}/{kind}/{leaf}"]
            yield Row(".".join((*layer, name)), path, transform)
    yield from FC.values()


def _shapes(module: InceptionV3) -> dict:
    return shapes(module, (1, MIN_SIZE, MIN_SIZE, 3))
