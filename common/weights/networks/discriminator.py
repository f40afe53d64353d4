"""Public StyleGAN2 discriminators -> `common.nn.discriminator.Discriminator`.

There are two layouts: StyleGAN2-ADA (PyTorch) and rosinality's, which has neither labels nor the 'orig' architecture.
"""

from collections.abc import Iterator

import numpy as np

from common.nn.discriminator import Discriminator
from common.weights.networks.format import Format
from common.weights.networks.table import (
    Row,
    StateDict,
    Transform,
    flattened,
    hwio,
    numbers,
    same,
    shapes_of,
    transposed,
)

# (layer, transform of its weight, has a bias)
BLOCK = (("conv0", hwio, True), ("conv1", hwio, True), ("skip", hwio, False))
HEAD = (("conv", hwio, True), ("fc", flattened(4, 4), True), ("out", transposed, True))
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


def _layers(discriminator: Discriminator) -> Iterator[tuple[str, Transform, bool]]:
    """Path, transform of the weight, and whether there is a bias, per layer outside the label's mapping network."""
    yield f"b{discriminator.resolution}/fromrgb", hwio, True
    block = BLOCK[: 3 if discriminator.architecture == "resnet" else 2]
    for r in discriminator.resolutions:
        yield from ((f"b{r}/{layer}", transform, bias) for layer, transform, bias in block)
    yield from ((f"b4/{layer}", transform, bias) for layer, transform, bias in HEAD)


def _rows(path: str, transform: Transform, weight: str, bias: str | None) -> Iterator[Row]:
    yield Row(weight, f"params/{path}/kernel", transform)
    if bias:
        yield Row(bias, f"params/{path}/bias", same)


def infer_ada(arrays: StateDict, *, source: str = "the state dict") -> Discriminator:
    """The discriminator with these arrays in StyleGAN2-ADA's layout. They do not tell `mbstd_group`, which is 4."""
    size = max(numbers(arrays, r"b(\d+)\.fromrgb\.weight"), default=0)
    embed = arrays.get("mapping.embed.weight")
    names = f"b{size}.fromrgb.weight", "b4.conv.weight"
    return _discriminator(arrays, names, size, source=source, layout="StyleGAN2-ADA's").clone(
        c_dim=0 if embed is None else np.shape(embed)[1],
        num_layers=len(numbers(arrays, r"mapping\.fc(\d+)\.weight")),
        architecture="resnet" if f"b{size}.skip.weight" in arrays else "orig",
    )


def infer_rosinality(arrays: StateDict, *, source: str = "the state dict") -> Discriminator:
    """The discriminator with these arrays in rosinality's layout."""
    size = 4 << len(numbers(arrays, r"convs\.(\d+)\.conv1\.0\.weight"))
    names = "convs.0.0.weight", "final_conv.0.weight"
    return _discriminator(arrays, names, size, source=source, layout="rosinality's")


def _discriminator(
    arrays: StateDict, names: tuple[str, str], resolution: int, *, source: str, layout: str
) -> Discriminator:
    """A discriminator with the sizes that the first and the last convolution (`names`) tell."""
    what = f"a discriminator in {layout} layout"
    (width, img_channels, *_), (last, last_in, *_) = shapes_of(arrays, names, source=source, what=what)
    return Discriminator(
        resolution,
        img_channels=img_channels,
        channel_base=resolution * width,
        channel_max=last,
        mbstd_channels=last_in - last,
    )


def _inputs(discriminator: Discriminator) -> tuple:
    size, c_dim = discriminator.resolution, discriminator.c_dim
    return (1, size, size, discriminator.img_channels), (1, c_dim) if c_dim else None


ADA = Format(
    "stylegan2-ada-discriminator",
    "discriminator of a StyleGAN2-ADA (PyTorch) snapshot",
    Discriminator,
    marks=("b4.fc.weight", "b4.out.weight", "b4.conv.weight"),
    infer=infer_ada,
    table=ada_table,
    inputs=_inputs,
    ignored=r".*\.resample_filter",
)
ROSINALITY = Format(
    "rosinality-discriminator",
    "StyleGAN2 discriminator in rosinality's layout",
    Discriminator,
    marks=("final_linear.0.weight", "final_conv.0.weight", "convs.0.0.weight"),
    infer=infer_rosinality,
    table=rosinality_table,
    inputs=_inputs,
    ignored=r".*\.kernel",
)
