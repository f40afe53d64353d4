"""Counts the multiply-adds of a training step's phases by formula, layer by layer, if nothing is computed twice.

A layer y = x * K has three products with equally many multiply-adds: the forward pass (x * K), the gradient of the
input (dy * K^T) and the gradient of the kernel (x^T * dy). A fixed linear map (a low-pass, the resampling of the
augmentation) has two: itself and its transpose. `PASSES` says how many of these products a phase computes. Elementwise
operations (activations, noise, optimiser) are not counted, because their number is linear in the number of channels,
while products are quadratic.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import jax

from common.nn.discriminator import Discriminator
from common.nn.hsr_heads import Heads
from common.nn.stylegan2 import Generator, channels, conv_name, num_convs
from common.nn.vit import ViT
from common.ops.resample import BINOMIAL
from hsr_jax.ada.augment import AugmentPipe
from hsr_jax.ada.geometry import REACH, SYM6, TAIL
from hsr_jax.gan.gan import GAN
from hsr_jax.gan.regularizer import Regularizer

Phase = Literal["g_main", "g_reg", "d_main", "d_reg"]
Kind = Literal[
    "first", "mapping", "styled", "rgb", "blur", "image", "from_rgb", "block", "low-pass", "head", "augmentation"
]
TAPS = len(BINOMIAL)

# Number of products, each as large as the forward pass, that a phase computes per layer and image of its batch.
#
# g_main (first order) differentiates the whole generator: forward, input, kernel, 3 products. It passes through the
# discriminator without the gradients of the kernels: 2.
# d_main (first order) generates images: 1. Two batches, real and generated, pass through the discriminator with the
# kernels' gradients: 3 each. Images need no gradient, so the discriminator's first layer has no product to its input.
# The mapping network runs twice, for style mixing; its first layer has no product to its input either.
#
# d_reg (second order) computes the forward pass, then dx = dy * K^T down to the image. The gradient of the penalty goes
# back through that second product: to dy (dx' * K, like a forward pass) and to K (dx'^T * dy). That makes 4. Since
# activations are piecewise linear, only the minibatch deviation, which is not linear, leads back into the forward pass:
# all layers before it also have the forward pass's products to input and kernel. That makes 6, or 5 in the first layer,
# which has no product to the image.
#
# g_reg (second order) is like d_reg. Every modulation multiplies two things that depend on ws, so all layers have 6.
# The gradient at the image is fixed noise, so the RGB layers have only the products to input and kernel: 2. The image
# itself is not needed. The mapping network is differentiated once; its forward passes are the first of its 3 products.
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
    """One product of the forward pass, with the name of its layer and the kind that selects its entry of `PASSES`."""

    name: str
    kind: Kind
    multiply_adds: int
    """Number of multiply-adds per image, without products with the zeros around the image."""


def generator(g: Generator) -> Iterator[Layer]:
    """Yields the layers of an unconditional generator."""
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
        if up:  # no products with inserted zeros; then the low-pass along y and along x
            yield Layer(name, "styled", (3 * r // 2) ** 2 * c_in * c_out)
            yield Layer(f"{name}.blur", "blur", TAPS * (r * (r + 1) + r * r) * c_out)
            continue
        yield Layer(name, "styled", _inside(r) ** 2 * c_in * c_out)
        yield Layer(f"b{r}.torgb.affine", "styled", g.w_dim * c_out)
        yield Layer(f"b{r}.torgb", "rgb", r * r * c_out * g.img_channels)
        if r > 4:  # half of the taps would meet inserted zeros
            yield Layer(f"b{r}.img", "image", TAPS // 2 * (r * r // 2 + r * r) * g.img_channels)


def discriminator(d: Discriminator) -> Iterator[Layer]:
    """Yields the layers of an unconditional discriminator."""
    _no_labels(d)
    c_out = 0
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
    """Yields the products of the augmentation's geometry; everything else in the augmentation is elementwise."""
    if not pipe.geometry:
        return
    # The image is extended by reflection, at most to one period, and doubled; see `hsr_jax.ada.geometry.resample`.
    enlarged = min(6 * resolution - 4, 4 * (resolution - 1) + REACH + 1 + TAIL)
    sampled = 2 * resolution + len(SYM6) - 2
    products = resolution * enlarged * (resolution + enlarged) + sampled * resolution * (sampled + resolution)
    yield Layer("geometry", "augmentation", products * img_channels)


def predictors(g: Generator, heads: Heads, sides: Sequence[int]) -> int:
    """Multiply-adds per image that the heads of the semantic regularizer add to g_main.

    The convolutions of the heads are differentiated like the generator's. The resizing between them, to the sides of
    the targets in `sides`, is a fixed map along y and then along x.
    """
    total = 0
    for r, width, side in zip(heads.blocks, heads.features, sides, strict=True):
        c = channels(r, g.channel_base, g.channel_max)
        convolutions = (r * r * c + side * side * width) * heads.hidden
        resizing = side * r * (r + side) * heads.hidden
        total += 3 * convolutions + 2 * resizing
    return total


def extractor(vit: ViT, image_size: int) -> int:
    """Multiply-adds per image of one forward pass of the regularizer's ViT, without the resizing of the image.

    Raises:
      ValueError: the network is not a ViT.
    """
    if not isinstance(vit, ViT):
        raise ValueError(f"multiply-adds are counted for a ViT only, not for a {type(vit).__name__}")
    patches = (image_size // vit.patch) ** 2
    tokens = patches + 1
    # Projections to queries, keys, values and back, two dense layers of four times the width; scores, weighted sums.
    block = tokens * 12 * vit.width**2 + 2 * tokens**2 * vit.width
    return patches * 3 * vit.patch**2 * vit.width + vit.depth * block


def _no_labels(network: Generator | Discriminator) -> None:
    if network.c_dim:
        raise ValueError(f"multiply-adds are counted for unconditional networks only, not for c_dim={network.c_dim}")


def _inside(size: int) -> int:
    """Number of products along an axis of a 3-tap convolution, without products with the zeros around the image."""
    return 3 * size - 2


def by_phase(
    gan: GAN,
    batch_size: int,
    pipe: AugmentPipe | None = None,
    path_length_shrink: int = 2,
    semantics: Regularizer | None = None,
) -> dict[str, int]:
    """Operations by phase for the whole batch, two per multiply-add.

    Args:
      gan: the networks.
      batch_size: global batch size.
      pipe: the augmentation, or None.
      path_length_shrink: factor by which g_reg's batch is smaller.
      semantics: the regularizer, whose extractor is a ViT; None leaves the phase g_main_hsr out.
    """
    layers = [*generator(gan.generator), *discriminator(gan.discriminator)]
    layers += augmentation(gan.generator.resolution, pipe) if pipe else []
    flops: dict[str, int] = {}
    for phase, passes in PASSES.items():
        images = batch_size // path_length_shrink if phase == "g_reg" else batch_size
        flops[phase] = 2 * images * sum(passes.get(layer.kind, 0) * layer.multiply_adds for layer in layers)
    if semantics:
        e = semantics.extractor
        added = predictors(gan.generator, semantics.heads, semantics.sides) + extractor(e.module, e.image_size)
        flops["g_main_hsr"] = flops["g_main"] + 2 * batch_size * added
    return flops


def counted(phase: Callable[..., Any], *arguments: Any) -> float:
    """Operations of a phase as XLA counts them in the simplified program; the arguments may be shapes.

    The program for accelerators is compiled for the CPU. In the program for CPUs, XLA would count the zeros around
    images as pixels, and only one turn of a loop.
    """
    check = jax.export.DisabledSafetyCheck.platform()
    exported = jax.export.export(jax.jit(phase), platforms=["tpu"], disabled_checks=[check])(*arguments)
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        lowered = jax.jit(exported.call).lower(*arguments)
    options: Any = {"xla_backend_optimization_level": 0}
    analysis: Any = lowered.compile(options).cost_analysis()
    return analysis["flops"]
