"""Feature-Style encoder checkpoints -> variables of `fase_jax`'s encoder (an ArcFace iresnet with two branches).

Source names: `conv.{0,1,2}` the stem, `block_{1..4}.{i}.*` the units, `content_layer.{0..5}` the branch of f,
`styles.{i}` one linear layer a W+ row. The rows' layers become one kernel [C, num_ws * w_dim].
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from common.weights.table import Row, convert, hwio, same, transposed

BATCH_NORM = (
    ("weight", "params", "scale"),
    ("bias", "params", "bias"),
    ("running_mean", "batch_stats", "mean"),
    ("running_var", "batch_stats", "var"),
)
UNIT = {"bn1": "bn1", "bn2": "bn2", "bn3": "bn3", "downsample.1": "downsample_bn"}
UNIT_CONVS = {"conv1": "conv1", "conv2": "conv2", "downsample.0": "downsample_conv"}
IGNORED = r".*\.num_batches_tracked"


def from_feature_style(
    state_dict: Mapping[str, np.ndarray], template: dict, depths: Sequence[int], *, source: str = "the state dict"
) -> dict:
    """Variables of the encoder.

    Args:
      state_dict: arrays by name, without a prefix.
      template: shapes of the encoder's variables, {"params": ..., "batch_stats": ...}.
      depths: units in the four stages.
      source: the file, for error messages.

    Returns:
      A tree like `template` of numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names.
    """
    names = [key for key in state_dict if re.fullmatch(r"styles\.\d+\.(weight|bias)", key)]
    rows = len({key.split(".")[1] for key in names})
    arrays = {key: value for key, value in state_dict.items() if key not in names}
    if rows:
        # The linear layers of the rows side by side: output [row, w_dim] flattened, as the encoder reshapes it.
        for kind in ("weight", "bias"):
            parts = [np.asarray(state_dict[f"styles.{i}.{kind}"]) for i in range(rows) if f"styles.{i}.{kind}" in names]
            arrays[f"styles.{kind}"] = np.concatenate(parts, 0)
    return convert(arrays, table(template, depths), template, ignored=IGNORED, source=source)


def table(template: dict, depths: Sequence[int]) -> Iterator[Row]:
    """The rows of an encoder whose stages have `depths` units; the template tells those with a shortcut."""
    yield Row("conv.0.weight", "params/trunk/stem_conv/kernel", hwio)
    yield from _norm("conv.1", "trunk/stem_bn")
    yield Row("conv.2.weight", "params/trunk/stem_prelu/slope", same)
    for stage, depth in enumerate(depths, start=1):
        for unit in range(depth):
            yield from _unit(f"block_{stage}.{unit}", f"stage{stage}_unit{unit}", template["params"]["trunk"])
    yield from _norm("content_layer.0", "content/bn1")
    yield Row("content_layer.1.weight", "params/content/conv1/kernel", hwio)
    yield from _norm("content_layer.2", "content/bn2")
    yield Row("content_layer.3.weight", "params/content/prelu/slope", same)
    yield Row("content_layer.4.weight", "params/content/conv2/kernel", hwio)
    yield from _norm("content_layer.5", "content/bn3")
    yield Row("styles.weight", "params/styles/kernel", transposed)
    yield Row("styles.bias", "params/styles/bias", same)


def _unit(source: str, name: str, trunk: dict) -> Iterator[Row]:
    for key, layer in UNIT_CONVS.items():
        if layer in trunk[name]:
            yield Row(f"{source}.{key}.weight", f"params/trunk/{name}/{layer}/kernel", hwio)
    for key, layer in UNIT.items():
        if layer in trunk[name]:
            yield from _norm(f"{source}.{key}", f"trunk/{name}/{layer}")
    yield Row(f"{source}.prelu.weight", f"params/trunk/{name}/prelu/slope", same)


def _norm(source: str, path: str) -> Iterator[Row]:
    for key, collection, leaf in BATCH_NORM:
        yield Row(f"{source}.{key}", f"{collection}/{path}/{leaf}", same)
