"""HSR's heads, targets, loss and gradients against the numbers of the public code, from the generator outward."""

import functools
import re

import jax
import numpy as np
import pytest
from flax import traverse_util
from reference import Case, nchw

from common.nn.hsr_heads import BLOCKS, GeneratorWithHeads
from common.nn.stylegan2 import Generator
from common.nn.vit import ViT
from common.ops import pixels
from common.ops.pool import adaptive_average_pool
from common.ops.similarity import unit_vectors
from common.pretrained.extractor import DINO_LAYERS, target_maps
from common.weights.networks.hsr import HSR
from common.weights.networks.vit import DEIT
from hsr_jax.gan.regularizer import hsr_loss, pair

# case.json: "3e-4*std", "rtol 3e-4", "rtol 2e-3"; a gradient that is 0 there is far smaller than the largest here.
FEATURES = {"rtol": 0, "atol": 3e-4}
LOSS = {"rtol": 3e-4, "atol": 0}
GRADIENTS = {"rtol": 2e-3, "atol": 0}


@functools.cache
def case() -> Case:
    return Case("hsr")


@functools.cache
def generator() -> tuple[GeneratorWithHeads, dict]:
    """The module with the sizes in case.json and the heads of the public code, and its variables."""
    config, arrays = case().variants["config"], case().net("G")
    inferred = HSR.infer(arrays)
    network = Generator(
        config["res"],
        z_dim=config["z"],
        w_dim=config["w"],
        num_layers=inferred.generator.num_layers,
        channel_base=config["cb"],
        channel_max=config["cm"],
    )
    module = inferred.clone(generator=network)
    return module, HSR.variables(arrays, module)


@functools.cache
def extractor() -> tuple[ViT, dict]:
    (name,) = case().manifest["nets"].keys() - {"G"}
    arrays = case().net(name)
    return DEIT.infer(arrays), DEIT.variables(arrays)


def sizes() -> list[int]:
    return [case().config["subsampling"][f"target{i}"]["full_shape"][-1] for i in range(len(BLOCKS))]


def cosine_error(prediction, target):
    """Squared distance of the unit vectors at every position, averaged; [B, H, W, C] twice -> [B].

    It is an alternative of the public code, BYOL's loss, which this project does not offer.
    """
    # 1 / HW * sum_xy (2 - 2 cos(q, f))
    return (2 - 2 * (unit_vectors(prediction) * unit_vectors(target)).sum(-1)).mean((1, 2))


@functools.cache
def run():
    """Gradients of the total with respect to generator and heads; image, heads' outputs, predictions, targets, losses.

    One program with the extractor in it, so that a gradient through the targets would show.
    """
    (module, variables), (vit, vit_variables) = generator(), extractor()

    def predict(self, z):
        image, features = self.generator(z)
        return image, *self.heads(features, sizes())

    def loss(learned, constant, z):
        image, predictions, before = module.apply({"params": learned, "stats": constant[0]}, z, method=predict)
        targets = target_maps(
            vit.apply(constant[1], pixels.preprocess(image, normalization=pixels.HSR))[1], DINO_LAYERS
        )
        losses = hsr_loss(predictions, targets).mean(0)
        cosine = sum(cosine_error(q, f).mean() for q, f in zip(predictions, targets, strict=True))
        return losses.sum(), (image, before, predictions, targets, losses, cosine)

    program = jax.jit(jax.grad(loss, has_aux=True), compiler_options={"xla_backend_optimization_level": 0})
    constant = variables["stats"], vit_variables
    return jax.tree.map(np.asarray, program(variables["params"], constant, case().inputs()["z"]))


def test_pairing():
    """Resolutions and blocks are read from the sentence in case.json that describes the pairing."""
    described = case().variants["heads"], case().variants["pairing"]
    blocks = [int(n) for n in re.search(r"output x of block ([\d,]+)", described[0])[1].split(",")]
    layers = [f"block{n}.norm" for n in re.findall(r"<-> (?:DINO )?block (\d+)", described[1])]
    assert list(zip(blocks, layers, strict=True)) == pair(BLOCKS, DINO_LAYERS)
    assert generator()[0].heads.blocks == BLOCKS and "ReLU" in described[0]


def test_image():
    _, (image, *_) = run()
    case().compare("image", nchw(image), **FEATURES)


@pytest.mark.parametrize("level", range(len(BLOCKS)))
def test_heads(level):
    _, (_, before, predictions, *_) = run()
    output, size = before[f"b{BLOCKS[level]}"], sizes()[level]
    case().compare(f"head{level}_out", nchw(output), **FEATURES)
    # Both orders of the resize and the last layer.
    for resized in (adaptive_average_pool(output, size), predictions[level]):
        case().compare(f"head{level}_resized{size}", nchw(resized), **FEATURES)


@pytest.mark.parametrize("level", range(len(BLOCKS)))
def test_targets(level):
    _, (*_, targets, _, _) = run()
    case().compare(f"target{level}", nchw(targets[level]), **FEATURES)


def test_losses():
    _, (*_, losses, cosine) = run()
    case().compare("feat_loss_per_level", losses, **LOSS)
    case().compare("feat_loss_total", losses.sum(), **LOSS)
    case().compare("feat_loss_total_cosine_variant", cosine, **LOSS)


def test_gradients():
    """Norms by the reference's names. Layouts differ by permutations, which do not change norms."""
    gradients, _ = run()
    flat = traverse_util.flatten_dict({"params": gradients}, sep="/")
    paths = {row.source: row.path for row in HSR.table(generator()[0])}
    norms = [np.linalg.norm(flat[paths[name]].astype(np.float64)) for name in case().variants["grad_norm_order"]]
    expected = case().expected["grad_norms"]
    case().compare("grad_norms", np.array(norms), **GRADIENTS, absolute=1e-5 * expected.max())
