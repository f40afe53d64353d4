"""Public StyleGAN2 generators -> `common.nn.stylegan2.Generator`.

There are two layouts: StyleGAN2-ADA (PyTorch) and rosinality's, which pSp decoders share. No kernel is flipped.
"""

from collections.abc import Iterable, Iterator

from common.nn.stylegan2 import Generator, conv_name, num_convs
from common.weights.networks.format import Format
from common.weights.networks.table import (
    Row,
    StateDict,
    Transform,
    dense,
    hwio,
    numbers,
    per_channel,
    same,
    shapes_of,
    transposed,
)


def first(transform: Transform) -> Transform:
    """`transform` for arrays that have a leading axis of length 1 in the checkpoint, which is dropped."""
    return Transform(lambda x: transform.apply(x.squeeze(0)), lambda x: transform.invert(x)[None])


hwc = Transform(lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(2, 0, 1))  # [C, 4, 4] <-> [4, 4, C]
scalar = Transform(lambda x: x.reshape(()), lambda x: x.reshape(1))  # [1] <-> []
noise_map = Transform(lambda x: x.squeeze((0, 1)), lambda x: x[None, None])  # [1, 1, r, r] <-> [r, r]
# Mean w [w_dim]; pSp's checkpoints repeat it for every row of W+, [num_ws, w_dim].
first_row = Transform(lambda x: x.reshape(-1, x.shape[-1])[0], lambda x: x)


# (name in the checkpoint, collection, path below the layer, transform)
ADA_TORGB = (
    ("weight", "params", "kernel", hwio),
    ("bias", "params", "bias", same),
    ("affine.weight", "params", "affine/kernel", transposed),
    ("affine.bias", "params", "affine/bias", same),
)
ADA_CONV = (
    *ADA_TORGB,
    ("noise_strength", "params", "noise_strength", same),
    ("noise_const", "stats", "noise_const", same),
)
ROSINALITY_MODULATED = (
    ("conv.weight", "params", "kernel", first(hwio)),
    ("conv.modulation.weight", "params", "affine/kernel", transposed),
    ("conv.modulation.bias", "params", "affine/bias", same),
)
ROSINALITY_CONV = (
    *ROSINALITY_MODULATED,
    ("activate.bias", "params", "bias", same),
    ("noise.weight", "params", "noise_strength", scalar),
)
ROSINALITY_TORGB = (*ROSINALITY_MODULATED, ("bias", "params", "bias", per_channel))


def ada_table(generator: Generator) -> Iterator[Row]:
    """The rows of a StyleGAN2-ADA generator."""
    yield Row("mapping.w_avg", "stats/mapping/w_avg", same)
    layers = [f"fc{i}" for i in range(generator.num_layers)] + ["embed"] * (generator.c_dim > 0)
    for layer in layers:
        yield from dense(f"mapping.{layer}", f"mapping/{layer}")
    yield Row("synthesis.b4.const", "params/synthesis/b4/const", hwc)
    for i in range(num_convs(generator.resolution)):
        resolution, name = conv_name(i)
        yield from _rows(f"synthesis.b{resolution}.{name}", f"synthesis/b{resolution}/{name}", ADA_CONV)
        if name == "conv1":
            yield from _rows(f"synthesis.b{resolution}.torgb", f"synthesis/b{resolution}/torgb", ADA_TORGB)


def rosinality_table(generator: Generator) -> Iterator[Row]:
    """The rows of a generator in rosinality's layout."""
    yield Row("latent_avg", "stats/mapping/w_avg", first_row)
    for i in range(generator.num_layers):  # style.0 is the normalisation, which has no parameters
        yield from dense(f"style.{i + 1}", f"mapping/fc{i}")
    yield Row("input.input", "params/synthesis/b4/const", first(hwc))
    for i in range(num_convs(generator.resolution)):
        resolution, name = conv_name(i)
        yield from _rows(f"convs.{i - 1}" if i else "conv1", f"synthesis/b{resolution}/{name}", ROSINALITY_CONV)
        yield Row(f"noises.noise_{i}", f"stats/synthesis/b{resolution}/{name}/noise_const", noise_map)
        if name == "conv1":
            rgb = f"to_rgbs.{i // 2 - 1}" if i else "to_rgb1"
            yield from _rows(rgb, f"synthesis/b{resolution}/torgb", ROSINALITY_TORGB)


def _rows(source: str, path: str, layer: Iterable[tuple[str, str, str, Transform]]) -> Iterator[Row]:
    for name, collection, leaf, transform in layer:
        yield Row(f"{source}.{name}", f"{collection}/{path}/{leaf}", transform)


def infer_ada(arrays: StateDict, *, source: str = "the state dict") -> Generator:
    """The generator with these arrays in StyleGAN2-ADA's layout."""
    resolution = max(numbers(arrays, r"synthesis\.b(\d+)\.conv1\.weight"), default=0)
    names = ["synthesis.b4.const", f"synthesis.b{resolution}.torgb.weight", "mapping.fc0.weight", "mapping.w_avg"]
    const, rgb, fc, w_avg = shapes_of(arrays, names, source=source, what="a generator in StyleGAN2-ADA's layout")
    embed, w_dim = arrays.get("mapping.embed.weight"), w_avg[0]
    return Generator(
        resolution=resolution,
        z_dim=fc[1] - (0 if embed is None else w_dim),
        c_dim=0 if embed is None else embed.shape[1],
        w_dim=w_dim,
        num_layers=len(numbers(arrays, r"mapping\.fc(\d+)\.weight")),
        img_channels=rgb[0],
        channel_base=resolution * rgb[1],
        channel_max=const[0],
    )


def infer_rosinality(arrays: StateDict, *, source: str = "the state dict") -> Generator:
    """The generator with these arrays in rosinality's layout."""
    last = max(numbers(arrays, r"to_rgbs\.(\d+)\.bias"), default=0)
    names = ["input.input", f"to_rgbs.{last}.conv.weight", "style.1.weight"]
    const, rgb, fc = shapes_of(arrays, names, source=source, what="a generator in rosinality's layout")
    resolution = 8 << last
    return Generator(
        resolution=resolution,
        z_dim=fc[1],
        w_dim=fc[0],
        num_layers=len(numbers(arrays, r"style\.(\d+)\.weight")),
        img_channels=rgb[1],
        channel_base=resolution * rgb[2],
        channel_max=const[1],
    )


def _inputs(generator: Generator) -> tuple:
    return (1, generator.z_dim), (1, generator.c_dim) if generator.c_dim else None


ADA = Format(
    "stylegan2-ada",
    "StyleGAN2 generator of a StyleGAN2-ADA (PyTorch) or HSR snapshot",
    Generator,
    marks=("mapping.w_avg", "mapping.fc0.weight", "synthesis.b4.const"),
    infer=infer_ada,
    table=ada_table,
    inputs=_inputs,
    ignored=r".*\.resample_filter|synthesis\.feat_transfer_list\..*",  # HSR's heads
)
ROSINALITY = Format(
    "rosinality",
    "StyleGAN2 generator in rosinality's layout, which pSp decoders share",
    Generator,
    marks=("style.1.weight", "input.input", "conv1.conv.modulation.weight"),
    infer=infer_rosinality,
    table=rosinality_table,
    inputs=_inputs,
    ignored=r".*\.(blur|upsample)\.kernel",
    beside=("latent_avg",),  # the mean w, from which truncation and offsets in W+ start
)
