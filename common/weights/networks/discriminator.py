"""Public StyleGAN2 discriminators -> variables of `common.nn.discriminator.Discriminator`.

Two layouts: StyleGAN2-ADA (PyTorch) and rosinality's, which has neither labels nor the 'orig' architecture. A
checkpoint's key prefix (`D`, `d`) is the caller's to strip.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.nn.discriminator import Discriminator
from common.weights.networks.table import Row, Transform, convert, hwio, same, shapes, transposed

StateDict = Mapping[str, np.ndarray]


# Dense layer on flattened features: [out, C 4 4] of [C, 4, 4] <-> [4 4 C, out] of [4, 4, C].
_flattened = Transform(
    lambda x: hwio(x.reshape(x.shape[0], -1, 4, 4)).reshape(-1, x.shape[0]),
    lambda x: hwio.invert(x.reshape(4, 4, -1, x.shape[1])).reshape(x.shape[1], -1),
)

# (layer, transform of its weight, has a bias)
BLOCK = (("conv0", hwio, True), ("conv1", hwio, True), ("skip", hwio, False))
HEAD = (("conv", hwio, True), ("fc", _flattened, True), ("out", transposed, True))
ROSINALITY_BLOCK = {  # layer -> names of weight and bias below `convs.{j}`
    "conv0": ("conv1.0.weight", "conv1.1.bias"),
    "conv1": ("conv2.1.weight", "conv2.2.bias"),
    "skip": ("skip.1.weight", None),
}
ROSINALITY_HEAD = {
    "conv": ("final_conv.0.weight", "final_conv.1.bias"),
    "fc": ("final_linear.0.weight", "final_linear.0.bias"),
    "out": ("final_linear.1.weight", "final_linear.1.bias"),
}
ADA_IGNORED = r".*\.resample_filter"
ROSINALITY_IGNORED = r".*\.kernel"


def from_ada(
    state_dict: StateDict, discriminator: Discriminator | None = None, *, source: str = "the state dict"
) -> dict:
    """Variables from a StyleGAN2-ADA discriminator.

    Args:
      state_dict: arrays by name: 'b256.fromrgb.weight', 'b4.out.bias', ...
      discriminator: the module the variables are for; read off the arrays (`ada_discriminator`) when absent.
      source: the file, for error messages.

    Returns:
      {'params': ...} of float32 numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names.
    """
    discriminator = discriminator or ada_discriminator(state_dict, source=source)
    return convert(state_dict, ada_table(discriminator), _shapes(discriminator), ignored=ADA_IGNORED, source=source)


def from_rosinality(
    state_dict: StateDict, discriminator: Discriminator | None = None, *, source: str = "the state dict"
) -> dict:
    """Variables from a discriminator in rosinality's layout; see `from_ada`."""
    discriminator = discriminator or rosinality_discriminator(state_dict, source=source)
    table, template = rosinality_table(discriminator), _shapes(discriminator)
    return convert(state_dict, table, template, ignored=ROSINALITY_IGNORED, source=source)


def ada_table(discriminator: Discriminator) -> Iterator[Row]:
    """The rows of a StyleGAN2-ADA discriminator."""
    if discriminator.c_dim:
        for layer in ("embed", *(f"fc{i}" for i in range(discriminator.num_layers))):
            yield from _rows(f"mapping/{layer}", transposed, f"mapping.{layer}.weight", f"mapping.{layer}.bias")
    for path, transform, bias in _layers(discriminator):
        layer = path.replace("/", ".")
        yield from _rows(path, transform, f"{layer}.weight", f"{layer}.bias" if bias else None)


def rosinality_table(discriminator: Discriminator) -> Iterator[Row]:
    """The rows of a discriminator in rosinality's layout."""
    for path, transform, _ in _layers(discriminator):
        block, layer = path.split("/")
        if layer == "fromrgb":
            names = ("convs.0.0.weight", "convs.0.1.bias")
        elif block == "b4":
            names = ROSINALITY_HEAD[layer]
        else:  # convs.1 is the block of the highest resolution
            j = 1 + discriminator.resolutions.index(int(block[1:]))
            names = (name and f"convs.{j}.{name}" for name in ROSINALITY_BLOCK[layer])
        yield from _rows(path, transform, *names)


def _layers(discriminator: Discriminator) -> Iterator[tuple]:
    """Path, transform of the weight and whether there is a bias, for all layers but the mapping's."""
    yield f"b{discriminator.resolution}/fromrgb", hwio, True
    block = BLOCK[: 3 if discriminator.architecture == "resnet" else 2]
    for r in discriminator.resolutions:
        yield from ((f"b{r}/{layer}", transform, bias) for layer, transform, bias in block)
    yield from ((f"b4/{layer}", transform, bias) for layer, transform, bias in HEAD)


def _rows(path: str, transform, weight: str, bias: str | None) -> Iterator[Row]:
    yield Row(weight, f"params/{path}/kernel", transform)
    if bias:
        yield Row(bias, f"params/{path}/bias", same)


def ada_discriminator(state_dict: StateDict, *, source: str = "the state dict") -> Discriminator:
    """The discriminator whose StyleGAN2-ADA arrays these are; the arrays do not tell `mbstd_group`, which is 4."""
    found = [match for key in state_dict if (match := re.fullmatch(r"b(\d+)\.fromrgb\.weight", key))]
    rgb = found[0][0] if found else "b*.fromrgb.weight"
    size, embed = int(found[0][1]) if found else 0, state_dict.get("mapping.embed.weight")
    return _discriminator(state_dict, rgb, "b4.conv.weight", size, source, "StyleGAN2-ADA").clone(
        c_dim=0 if embed is None else np.shape(embed)[1],
        num_layers=sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", key)) for key in state_dict),
        architecture="resnet" if f"b{size}.skip.weight" in state_dict else "orig",
    )


def rosinality_discriminator(state_dict: StateDict, *, source: str = "the state dict") -> Discriminator:
    """The discriminator whose arrays in rosinality's layout these are."""
    blocks = sum(bool(re.fullmatch(r"convs\.\d+\.conv1\.0\.weight", key)) for key in state_dict)
    return _discriminator(state_dict, "convs.0.0.weight", "final_conv.0.weight", 4 << blocks, source, "rosinality's")


def _discriminator(
    state_dict: StateDict, rgb: str, conv: str, resolution: int, source: str, layout: str
) -> Discriminator:
    """The sizes that the names and shapes of the first and the last convolution tell."""
    if absent := [key for key in (rgb, conv) if key not in state_dict]:
        raise InputError(f"{source} is not a discriminator in {layout} layout: it lacks {', '.join(absent)}")
    (width, img_channels, *_), (last, last_in, *_) = (np.shape(state_dict[key]) for key in (rgb, conv))
    return Discriminator(
        resolution,
        img_channels=img_channels,
        channel_base=resolution * width,
        channel_max=last,
        mbstd_channels=last_in - last,
    )


def _shapes(discriminator: Discriminator) -> dict:
    size, c_dim = discriminator.resolution, discriminator.c_dim
    return shapes(discriminator, (1, size, size, discriminator.img_channels), (1, c_dim) if c_dim else None)
