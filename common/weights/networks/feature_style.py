"""Feature-Style encoders in the names of their release -> `common.nn.feature_style.FeatureStyleEncoder`.

The stem is `conv.{0,1,2}`, units are `block_{1..4}.{i}.*`, the branch of f is `content_layer.{0..5}`. Each row of W+
has a linear layer `styles.{i}`; here all of them are one kernel [C, num_ws * w_dim].
"""

from collections.abc import Iterator

import numpy as np

from common.nn.feature_style import FeatureStyleEncoder
from common.weights.networks.arcface import trunk_sizes, trunk_table
from common.weights.networks.format import Format
from common.weights.networks.table import Row, StateDict, batch_norm, below, conv, dense, numbers, same, shapes_of

WHAT = "a Feature-Style encoder"
KINDS = ("weight", "bias")


def infer(arrays: StateDict, *, source: str = "the state dict") -> FeatureStyleEncoder:
    """The encoder with these arrays. They do not tell the resolution of f, which is the default."""
    styles, content = shapes_of(arrays, ["styles.0.weight", "content_layer.1.weight"], source=source, what=WHAT)
    widths, depths = trunk_sizes(arrays, "block_", source=source, what=WHAT)
    return FeatureStyleEncoder(
        num_ws=len(numbers(arrays, r"styles\.(\d+)\.weight")),
        w_dim=styles[0],
        feature_channels=content[0],
        widths=widths,
        depths=depths,
    )


def table(module: FeatureStyleEncoder) -> Iterator[Row]:
    """The rows of an encoder, with one linear layer 'styles' for all rows of W+."""
    yield from below("trunk", trunk_table(module.depths, ("conv.0", "conv.1", "conv.2"), "block_"))
    yield from batch_norm("content_layer.0", "content/bn1")
    yield from conv("content_layer.1", "content/conv1")
    yield from batch_norm("content_layer.2", "content/bn2")
    yield Row("content_layer.3.weight", "params/content/prelu/slope", same)
    yield from conv("content_layer.4", "content/conv2")
    yield from batch_norm("content_layer.5", "content/bn3")
    yield from dense("styles", "styles")


def join(arrays: StateDict) -> dict[str, np.ndarray]:
    """The arrays with `styles.weight` and `styles.bias` in place of the linear layers `styles.{i}`."""
    joined = dict(arrays)
    rows = sorted(numbers(arrays, r"styles\.(\d+)\.weight"))
    for kind in KINDS:
        names = [f"styles.{i}.{kind}" for i in rows if f"styles.{i}.{kind}" in arrays]
        if names:
            joined[f"styles.{kind}"] = np.concatenate([np.asarray(joined.pop(name)) for name in names])
    return joined


def split(arrays: dict[str, np.ndarray], module: FeatureStyleEncoder) -> dict[str, np.ndarray]:
    """The inverse of `join`."""
    parts = {kind: np.split(arrays.pop(f"styles.{kind}"), module.num_ws) for kind in KINDS}
    return arrays | {f"styles.{i}.{kind}": parts[kind][i] for kind in KINDS for i in range(module.num_ws)}


def _inputs(module: FeatureStyleEncoder) -> tuple:
    side = 8 * module.feature_resolution  # so that f has the resolution of the third stage
    return ((1, side, side, 3),)


FEATURE_STYLE = Format(
    "feature-style",
    "Feature-Style encoder, the inversion encoder of FASE",
    FeatureStyleEncoder,
    marks=("styles.0.weight", "content_layer.1.weight", "block_1.0.conv1.weight"),
    infer=infer,
    table=table,
    inputs=_inputs,
    ignored=r".*\.num_batches_tracked",
    join=join,
    split=split,
)
