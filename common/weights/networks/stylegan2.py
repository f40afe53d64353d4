"""Public StyleGAN2 generators -> variables of `common.nn.stylegan2.Generator`.

Two layouts: StyleGAN2-ADA (PyTorch) and rosinality's, which pSp decoders share. Neither needs a kernel flipped. A
checkpoint's key prefix (`g_ema`, `decoder.`) is the caller's to strip.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np
from jax import Array

from common.errors import InputError
from common.nn.stylegan2 import Generator, conv_name, num_convs
from common.weights.networks.table import Row, Transform, convert, hwio, same, shapes, transposed

StateDict = Mapping[str, np.ndarray]


def _first(transform: Transform) -> Transform:
    """The leading axis of length 1 is dropped before `transform`."""
    return Transform(lambda x: transform(x.squeeze(0)), lambda x: transform.invert(x)[None])


_hwc = Transform(lambda x: x.transpose(1, 2, 0), lambda x: x.transpose(2, 0, 1))  # [C, 4, 4] <-> [4, 4, C]
_scalar = Transform(lambda x: x.reshape(()), lambda x: x.reshape(1))  # [1] <-> []
_last = Transform(lambda x: x.squeeze((0, 2, 3)), lambda x: x[None, :, None, None])  # [1, C, 1, 1] <-> [C]
_map = Transform(lambda x: x.squeeze((0, 1)), lambda x: x[None, None])  # [1, 1, r, r] <-> [r, r]


# (name in the checkpoint, collection, path below the layer, transform)
ADA_DENSE = (("weight", "params", "kernel", transposed), ("bias", "params", "bias", same))
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
    ("conv.weight", "params", "kernel", _first(hwio)),
    ("conv.modulation.weight", "params", "affine/kernel", transposed),
    ("conv.modulation.bias", "params", "affine/bias", same),
)
ROSINALITY_CONV = (
    *ROSINALITY_MODULATED,
    ("activate.bias", "params", "bias", same),
    ("noise.weight", "params", "noise_strength", _scalar),
)
ROSINALITY_TORGB = (*ROSINALITY_MODULATED, ("bias", "params", "bias", _last))

ADA_IGNORED = r".*\.resample_filter"
ROSINALITY_IGNORED = r".*\.(blur|upsample)\.kernel"


def from_ada(state_dict: StateDict, generator: Generator | None = None, *, source: str = "the state dict") -> dict:
    """Variables from a StyleGAN2-ADA generator.

    Args:
      state_dict: arrays by name: 'synthesis.b4.const', 'mapping.fc0.weight', ...
      generator: the module the variables are for; read off the arrays (`ada_generator`) when absent.
      source: the file, for error messages.

    Returns:
      {'params': ..., 'stats': ...} of float32 numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names.
    """
    generator = generator or ada_generator(state_dict, source=source)
    return convert(state_dict, ada_table(generator), _shapes(generator), ignored=ADA_IGNORED, source=source)


def from_rosinality(
    state_dict: StateDict,
    latent_avg: Array | None = None,
    generator: Generator | None = None,
    *,
    source: str = "the state dict",
) -> dict:
    """Variables from a generator in rosinality's layout; see `from_ada`.

    `latent_avg` [w_dim] is the mean w, which such checkpoints hold beside the state dict. Without it w_avg is 0, which
    is wrong for truncation and for offsets from the mean.
    """
    generator = generator or rosinality_generator(state_dict, source=source)
    mean = np.zeros(generator.w_dim, np.float32) if latent_avg is None else np.asarray(latent_avg)
    arrays = {**state_dict, "latent_avg": mean}
    table = rosinality_table(generator)
    return convert(arrays, table, _shapes(generator), ignored=ROSINALITY_IGNORED, source=source)


def ada_table(generator: Generator) -> Iterator[Row]:
    """The rows of a StyleGAN2-ADA generator."""
    yield Row("mapping.w_avg", "stats/mapping/w_avg", same)
    layers = [f"fc{i}" for i in range(generator.num_layers)] + ["embed"] * (generator.c_dim > 0)
    for layer in layers:
        yield from _rows(f"mapping.{layer}", f"mapping/{layer}", ADA_DENSE)
    yield Row("synthesis.b4.const", "params/synthesis/b4/const", _hwc)
    for i in range(num_convs(generator.resolution)):
        resolution, name = conv_name(i)
        yield from _rows(f"synthesis.b{resolution}.{name}", f"synthesis/b{resolution}/{name}", ADA_CONV)
        if name == "conv1":
            yield from _rows(f"synthesis.b{resolution}.torgb", f"synthesis/b{resolution}/torgb", ADA_TORGB)


def rosinality_table(generator: Generator) -> Iterator[Row]:
    """The rows of a generator in rosinality's layout, with the mean w as 'latent_avg'."""
    yield Row("latent_avg", "stats/mapping/w_avg", same)
    for i in range(generator.num_layers):  # style.0 is the normalisation, which has no parameters
        yield from _rows(f"style.{i + 1}", f"mapping/fc{i}", ADA_DENSE)
    yield Row("input.input", "params/synthesis/b4/const", _first(_hwc))
    for i in range(num_convs(generator.resolution)):
        resolution, name = conv_name(i)
        yield from _rows(f"convs.{i - 1}" if i else "conv1", f"synthesis/b{resolution}/{name}", ROSINALITY_CONV)
        yield Row(f"noises.noise_{i}", f"stats/synthesis/b{resolution}/{name}/noise_const", _map)
        if name == "conv1":
            rgb = f"to_rgbs.{i // 2 - 1}" if i else "to_rgb1"
            yield from _rows(rgb, f"synthesis/b{resolution}/torgb", ROSINALITY_TORGB)


def _rows(source: str, path: str, layer) -> Iterator[Row]:
    for name, collection, leaf, transform in layer:
        yield Row(f"{source}.{name}", f"{collection}/{path}/{leaf}", transform)


def ada_generator(state_dict: StateDict, *, source: str = "the state dict") -> Generator:
    """The generator whose StyleGAN2-ADA arrays these are."""
    resolution = max(_numbers(state_dict, r"synthesis\.b(\d+)\.conv1\.weight"), default=0)
    needed = ["synthesis.b4.const", f"synthesis.b{resolution}.torgb.weight", "mapping.fc0.weight", "mapping.w_avg"]
    _need(state_dict, needed, source, "StyleGAN2-ADA")
    const, rgb, first, w_avg = (np.shape(state_dict[key]) for key in needed)
    embed = state_dict.get("mapping.embed.weight")
    w_dim = w_avg[0]
    return Generator(
        resolution=resolution,
        z_dim=first[1] - (0 if embed is None else w_dim),
        c_dim=0 if embed is None else embed.shape[1],
        w_dim=w_dim,
        num_layers=len(_numbers(state_dict, r"mapping\.fc(\d+)\.weight")),
        img_channels=rgb[0],
        channel_base=resolution * rgb[1],
        channel_max=const[0],
    )


def rosinality_generator(state_dict: StateDict, *, source: str = "the state dict") -> Generator:
    """The generator whose arrays in rosinality's layout these are."""
    last = max(_numbers(state_dict, r"to_rgbs\.(\d+)\.bias"), default=0)
    needed = ["input.input", f"to_rgbs.{last}.conv.weight", "style.1.weight"]
    _need(state_dict, needed, source, "rosinality's")
    const, rgb, first = (np.shape(state_dict[key]) for key in needed)
    resolution = 8 << last
    return Generator(
        resolution=resolution,
        z_dim=first[1],
        w_dim=first[0],
        num_layers=len(_numbers(state_dict, r"style\.(\d+)\.weight")),
        img_channels=rgb[1],
        channel_base=resolution * rgb[2],
        channel_max=const[1],
    )


def _numbers(state_dict: StateDict, pattern: str) -> list[int]:
    return [int(match[1]) for key in state_dict if (match := re.fullmatch(pattern, key))]


def _need(state_dict: StateDict, keys: list[str], source: str, layout: str):
    if absent := [key for key in keys if key not in state_dict]:
        raise InputError(f"{source} is not a generator in {layout} layout: it lacks {', '.join(absent)}")


def _shapes(generator: Generator) -> dict:
    c = (1, generator.c_dim) if generator.c_dim else None
    return shapes(generator, (1, generator.z_dim), c)
