"""Feature-Style encoder checkpoints -> variables of `fase_jax`'s encoder (an ArcFace iresnet with two branches).

Source names: `conv.{0,1,2}` the stem, `block_{1..4}.{i}.*` the units, `content_layer.{0..5}` the branch of f,
`styles.{i}` one linear layer a W+ row. The rows' layers become one kernel [C, num_ws * w_dim].
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence

import jax
import numpy as np

from common.errors import InputError
from common.nn.iresnet import IResNet
from common.weights.networks.rows import batch_norm
from common.weights.networks.table import Row, convert, hwio, revert, same, shapes, transposed

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


@dataclasses.dataclass(frozen=True)
class EncoderSizes:
    """What the arrays of a checkpoint tell of its encoder."""

    num_ws: int
    w_dim: int
    feature_channels: int
    widths: Sequence[int]
    depths: Sequence[int]


def encoder_sizes(state_dict: Mapping[str, np.ndarray], *, source: str = "the state dict") -> EncoderSizes:
    """The sizes of the encoder whose arrays these are. Raises `InputError` if they are not an encoder's."""
    needed = ["styles.0.weight", "content_layer.1.weight", *(f"block_{i}.0.conv1.weight" for i in range(1, 5))]
    if absent := [key for key in needed if key not in state_dict]:
        raise InputError(f"{source} is not a Feature-Style encoder: it lacks {', '.join(absent)}")
    widths = [np.shape(state_dict[key])[0] for key in needed]
    count = lambda pattern: sum(bool(re.fullmatch(pattern, key)) for key in state_dict)
    return EncoderSizes(
        num_ws=count(r"styles\.\d+\.weight"),
        w_dim=widths[0],
        feature_channels=widths[1],
        widths=tuple(widths[2:]),
        depths=tuple(count(rf"block_{i}\.\d+\.conv1\.weight") for i in range(1, 5)),
    )


def encoder_shapes(sizes: EncoderSizes) -> dict:
    """Shapes and dtypes of the encoder's variables."""
    leaf = lambda *shape: jax.ShapeDtypeStruct(shape, np.float32)
    trunk = shapes(IResNet(tuple(sizes.widths), tuple(sizes.depths)), (1, 16, 16, 3))
    middle, last = sizes.widths[2], sizes.feature_channels
    norms = {"bn1": middle, "bn2": last, "bn3": last}
    content = {name: {"scale": leaf(n), "bias": leaf(n)} for name, n in norms.items()} | {
        "conv1": {"kernel": leaf(3, 3, middle, last)},
        "prelu": {"slope": leaf(last)},
        "conv2": {"kernel": leaf(3, 3, last, last)},
    }
    # Four stage outputs pooled to 3x3 and flattened, to the rows side by side.
    rows = sizes.num_ws * sizes.w_dim
    styles = {"kernel": leaf(9 * sum(sizes.widths), rows), "bias": leaf(rows)}
    moments = {name: {"mean": leaf(n), "var": leaf(n)} for name, n in norms.items()}
    return {
        "params": {"trunk": trunk["params"], "content": content, "styles": styles},
        "batch_stats": {"trunk": trunk["batch_stats"], "content": moments},
    }


def to_feature_style(variables: dict, sizes: EncoderSizes) -> dict[str, np.ndarray]:
    """The inverse of `from_feature_style`: arrays in the published names and layouts."""
    arrays = revert(variables, table(variables, sizes.depths))
    for kind in ("weight", "bias"):
        for i, part in enumerate(np.split(arrays.pop(f"styles.{kind}"), sizes.num_ws)):
            arrays[f"styles.{i}.{kind}"] = part
    return arrays


def table(template: dict, depths: Sequence[int]) -> Iterator[Row]:
    """The rows of an encoder whose stages have `depths` units; the template tells those with a shortcut."""
    yield Row("conv.0.weight", "params/trunk/stem_conv/kernel", hwio)
    yield from batch_norm("conv.1", "trunk/stem_bn")
    yield Row("conv.2.weight", "params/trunk/stem_prelu/slope", same)
    for stage, depth in enumerate(depths, start=1):
        for unit in range(depth):
            yield from unit_rows(f"block_{stage}.{unit}", f"stage{stage}_unit{unit}", template["params"]["trunk"])
    yield from batch_norm("content_layer.0", "content/bn1")
    yield Row("content_layer.1.weight", "params/content/conv1/kernel", hwio)
    yield from batch_norm("content_layer.2", "content/bn2")
    yield Row("content_layer.3.weight", "params/content/prelu/slope", same)
    yield Row("content_layer.4.weight", "params/content/conv2/kernel", hwio)
    yield from batch_norm("content_layer.5", "content/bn3")
    yield Row("styles.weight", "params/styles/kernel", transposed)
    yield Row("styles.bias", "params/styles/bias", same)


def unit_rows(source: str, name: str, trunk: dict) -> Iterator[Row]:
    """The rows of one unit of an iresnet `trunk` (shapes of its parameters, which tell whether it has a shortcut)."""
    for key, layer in UNIT_CONVS.items():
        if layer in trunk[name]:
            yield Row(f"{source}.{key}.weight", f"params/trunk/{name}/{layer}/kernel", hwio)
    for key, layer in UNIT.items():
        if layer in trunk[name]:
            yield from batch_norm(f"{source}.{key}", f"trunk/{name}/{layer}")
    yield Row(f"{source}.prelu.weight", f"params/trunk/{name}/prelu/slope", same)
