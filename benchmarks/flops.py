"""Multiply-adds of the phases of a training step, layer by layer: what they cost if nothing is computed twice.

A layer y = x * K has three products of the same number of multiply-adds: forward (x * K), to the input (dy * K^T) and
to the kernel (x^T * dy). A fixed linear map, a low-pass or the resampling of the augmentation, has two: itself and its
transpose. A phase computes each of them a whole number of times, `PASSES`. What is elementwise (activations, noise,
optimiser) is left out; it is linear in the channels where products are quadratic.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator, channels, conv_name, num_convs
from common.nn.vit import ViT
from common.ops.resample import BINOMIAL
from hsr_jax.ada.augment import AugmentPipe
from hsr_jax.ada.geometry import REACH, SYM6, TAIL
from hsr_jax.gan.gan import GAN
from hsr_jax.gan.regularizer import Heads
from hsr_jax.gan.semantic import Semantic

Phase = Literal["g_main", "g_reg", "d_main", "d_reg"]
Kind = Literal[
    "first", "mapping", "styled", "rgb", "blur", "image", "from_rgb", "block", "low-pass", "head", "augmentation"
]
TAPS = len(BINOMIAL)

# How often a phase computes a product of the forward pass's size, for each image of its batch.
#
# First order. g_main differentiates all of the generator (forward, input, kernel: 3) and goes through the
# discriminator without its kernels (2). d_main generates (1) and has two batches, real and generated, which go through
# the discriminator with its kernels (3 each); images need no gradient, so the discriminator's first layer has no
# product to the input. The mapping network runs twice, for style mixing; its first layer has none to its input either.
#
# Second order, d_reg: forward, then dx = dy * K^T down to the image. The gradient of the penalty goes back through that
# second product, to dy (dx' * K, like a forward pass) and to K (dx'^T * dy): 4. Activations are piecewise linear, so it
# would never return to the forward pass were it not for the minibatch deviation, which is not linear: all layers before
# it have the products to input and kernel of the forward pass as well: 6, less the first layer's to the image.
#
# g_reg: as d_reg, and every modulation multiplies two things that depend on ws, so that all layers have 6. The gradient
# at the image is fixed, it is noise, and so is what the RGB layers get of it: to the input and to the kernel alone, 2;
# the image itself is not needed. Then back through the mapping network, whose forward passes are the first of its 3.
PASSES: dict[Phase, dict[Kind, int]] = {
    "g_main": {
        "first": 4,
        "mapping": 6,
        "styled": 3,
        "rgb": 3,
        "blur": 2,
        "image": 2,
        "from_rgb": 2,
        "block": 2,
        "low-pass": 2,
        "head": 2,
        "augmentation": 2,
    },
    "g_reg": {"first": 4, "mapping": 6, "styled": 6, "rgb": 2, "blur": 4, "image": 1},
    "d_main": {
        "first": 2,
        "mapping": 2,
        "styled": 1,
        "rgb": 1,
        "blur": 1,
        "image": 1,
        "from_rgb": 4,
        "block": 6,
        "low-pass": 4,
        "head": 6,
        "augmentation": 2,
    },
    "d_reg": {"from_rgb": 5, "block": 6, "low-pass": 4, "head": 4, "augmentation": 3},
}


class Layer(NamedTuple):
    """One product of the forward pass."""

    name: str
    kind: Kind
    multiply_adds: int
    """Of one image. Those with the zeros around an image do not count."""


def generator(g: Generator) -> Iterator[Layer]:
    """The layers of an unconditional generator."""
    _no_labels(g)
    for i in range(g.num_layers):
        yield Layer(f"fc{i}", "mapping" if i else "first", (g.w_dim if i else g.z_dim) * g.w_dim)
    for i in range(num_convs(g.resolution)):
        r, name = conv_name(i)
        up = name == "conv0"
        c_in, c_out = (channels(size, g.channel_base, g.channel_max) for size in (r // 2 if up else r, r))
        name = f"b{r}.{name}"
        yield Layer(f"{name}.affine", "styled", g.w_dim * c_in)
        yield Layer(f"{name}.demodulation", "styled", c_in * c_out)
        if up:  # no tap of a pixel meets an inserted zero; then taps along y, along x
            yield Layer(name, "styled", (3 * r // 2) ** 2 * c_in * c_out)
            yield Layer(f"{name}.blur", "blur", TAPS * (r * (r + 1) + r * r) * c_out)
            continue
        yield Layer(name, "styled", _inside(r) ** 2 * c_in * c_out)
        yield Layer(f"b{r}.torgb.affine", "styled", g.w_dim * c_out)
        yield Layer(f"b{r}.torgb", "rgb", r * r * c_out * g.img_channels)
        if r > 4:  # half of the taps meet inserted zeros
            yield Layer(f"b{r}.img", "image", TAPS // 2 * (r * r // 2 + r * r) * g.img_channels)


def discriminator(d: Discriminator) -> Iterator[Layer]:
    """The layers of an unconditional discriminator."""
    _no_labels(d)
    for r in d.resolutions:
        half = r // 2
        c, c_out = (channels(size, d.channel_base, d.channel_max) for size in (r, half))
        if r == d.resolution:
            yield Layer(f"b{r}.fromrgb", "from_rgb", r * r * d.img_channels * c)
        yield Layer(f"b{r}.conv0", "block", _inside(r) ** 2 * c * c)
        yield Layer(f"b{r}.conv1.blur", "low-pass", TAPS * ((r + 1) * r + (r + 1) ** 2) * c)
        yield Layer(f"b{r}.conv1", "block", (3 * half) ** 2 * c * c_out)
        if d.architecture == "resnet":
            yield Layer(f"b{r}.skip.blur", "low-pass", TAPS * (half * r + half * half) * c)
            yield Layer(f"b{r}.skip", "block", half * half * c * c_out)
    yield Layer("b4.conv", "head", _inside(4) ** 2 * (c_out + d.mbstd_channels) * c_out)
    yield Layer("b4.fc", "head", 4 * 4 * c_out * c_out)
    yield Layer("b4.out", "head", c_out)


def augmentation(resolution: int, pipe: AugmentPipe, img_channels: int = 3) -> Iterator[Layer]:
    """The products of the augmentation's geometry; what else it does is elementwise."""
    if not pipe.geometry:
        return
    # The image is reflected at all sides and enlarged twice, less what repeats; see `ada_geometry.resample`.
    enlarged = min(6 * resolution - 4, 4 * (resolution - 1) + REACH + 1 + TAIL)
    sampled = 2 * resolution + len(SYM6) - 2
    products = resolution * enlarged * (resolution + enlarged) + sampled * resolution * (sampled + resolution)
    yield Layer("geometry", "augmentation", products * img_channels)


def predictors(g: Generator, heads: Heads, sides: Sequence[int]) -> int:
    """Multiply-adds of an image that the semantic regularizer's heads add to g_main: their convolutions are
    differentiated like the generator's, the resizing between them is a fixed map, along y and then along x. `sides`: of
    the targets."""
    total = 0
    for r, width, side in zip(heads.blocks, heads.features, sides, strict=True):
        c = channels(r, g.channel_base, g.channel_max)
        convolutions = (r * r * c + side * side * width) * heads.hidden
        resizing = side * r * (r + side) * heads.hidden
        total += 3 * convolutions + 2 * resizing
    return total


def extractor(vit: ViT, image_size: int) -> int:
    """Multiply-adds of an image in the regularizer's ViT, which runs forward once; resizing the image takes few.

    Raises:
      ValueError: another network.
    """
    if not isinstance(vit, ViT):
        raise ValueError(f"the layers of a ViT are counted, not of {type(vit).__name__}")
    patches = (image_size // vit.patch) ** 2
    tokens = patches + 1
    # Queries, keys, values, their sum's projection and two layers of four times the width; scores and weighted sums.
    block = tokens * 12 * vit.width**2 + 2 * tokens**2 * vit.width
    return patches * 3 * vit.patch**2 * vit.width + vit.depth * block


def _no_labels(network: Generator | Discriminator) -> None:
    if network.c_dim:
        raise ValueError("the layers of unconditional networks are counted")


def _inside(size: int) -> int:
    """Pixels that the three taps of all pixels of an axis see, without those outside."""
    return 3 * size - 2


def by_phase(
    gan: GAN,
    batch_size: int,
    pipe: AugmentPipe | None = None,
    path_length_shrink: int = 2,
    semantics: Semantic | None = None,
) -> dict[str, int]:
    """FLOPs of every phase, two for each multiply-add, of the whole batch.

    Args:
      pipe: the augmentation; nothing when absent.
      path_length_shrink: as of `phases.Losses`.
      semantics: the regularizer, with a ViT; without it there is no phase g_main_hsr.
    """
    layers = [*generator(gan.generator), *discriminator(gan.discriminator)]
    layers += augmentation(gan.generator.resolution, pipe) if pipe else []
    flops = {}
    for phase, passes in PASSES.items():
        images = batch_size // path_length_shrink if phase == "g_reg" else batch_size
        flops[phase] = 2 * images * sum(passes.get(layer.kind, 0) * layer.multiply_adds for layer in layers)
    if semantics:
        e = semantics.extractor
        added = predictors(gan.generator, semantics.heads, semantics.sides) + extractor(e.module, e.image_size)
        flops["g_main_hsr"] = flops["g_main"] + 2 * batch_size * added
    return flops


def counted(phase: Callable[..., Any], *arguments: Any) -> float:
    """FLOPs that XLA counts in a phase after its own simplification; the arguments may be shapes.

    The program is the one that accelerators get, compiled for the CPU: what is formulated for CPUs alone would count
    zeros around the images as pixels, and loops as one of their turns.
    """
    check = jax.export.DisabledSafetyCheck.platform()
    exported = jax.export.export(jax.jit(phase), platforms=["tpu"], disabled_checks=[check])(*arguments)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        lowered = jax.jit(exported.call).lower(*arguments)
    return lowered.compile({"xla_backend_optimization_level": 0}).cost_analysis()["flops"]
