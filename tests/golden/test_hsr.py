"""HSR's heads, targets, loss and gradients against the numbers of the public code, from the generator outward."""

import functools
import re

import jax
import numpy as np
import pytest
from common.pretrained.features import DINO_LAYERS, target_maps
from flax import traverse_util
from reference import Case, nchw

from common.nn.stylegan2 import Generator
from common.nn.vit import ViT
from common.ops.pixels import HSR, preprocess
from common.ops.pool import adaptive_average_pool
from common.weights.networks import hsr
from common.weights.networks.stylegan2 import ada_generator, ada_table, from_ada
from common.weights.networks.vit import from_vit, infer_vit
from hsr_jax.gan.regularizer import BLOCKS, Heads, cosine_error, hsr_loss, pair

# case.json: "3e-4*std", "rtol 3e-4", "rtol 2e-3"; a gradient that is 0 there is far smaller than the largest here.
FEATURES = {"rtol": 0, "atol": 3e-4}
LOSS = {"rtol": 3e-4, "atol": 0}
GRADIENTS = {"rtol": 2e-3, "atol": 0}


@functools.cache
def case() -> Case:
    return Case("hsr")


@functools.cache
def generator() -> tuple[Generator, dict, dict]:
    """The module as the configuration says, its variables, and the arrays of the heads."""
    config, (arrays, heads) = case().variants["config"], hsr.split(case().net("G"))
    module = Generator(
        config["res"],
        z_dim=config["z"],
        w_dim=config["w"],
        num_layers=ada_generator(arrays).num_layers,
        channel_base=config["cb"],
        channel_max=config["cm"],
    )
    return module, from_ada(arrays, module), heads


@functools.cache
def extractor() -> tuple[ViT, dict]:
    (name,) = case().manifest["nets"].keys() - {"G"}
    arrays = case().net(name)
    return infer_vit(arrays), from_vit(arrays)


def sizes() -> list[int]:
    return [case().config["subsampling"][f"target{i}"]["full_shape"][-1] for i in range(len(BLOCKS))]


@functools.cache
def heads() -> tuple[Heads, dict]:
    """The public code's heads, with ReLU."""
    module, variables, arrays = generator()
    predictors = Heads(**hsr.head_sizes(arrays), activation="relu")

    def initialize(key, z):
        return predictors.init(key, module.apply(variables, z)[1], sizes())

    template = jax.eval_shape(initialize, jax.random.key(0), case().inputs()["z"])
    return predictors, hsr.from_hsr(arrays, template)


@functools.cache
def run():
    """Gradients of the total with respect to generator and heads; image, heads' outputs, predictions, targets, losses.

    One program with the extractor in it, so that a gradient through the targets would show.
    """
    (module, variables, _), (predictors, predictor_variables), (vit, vit_variables) = generator(), heads(), extractor()

    def loss(learned, constant, z):
        image, features = module.apply({"params": learned[0], "stats": constant[0]}, z)
        predictions, before = predictors.apply(learned[1], features, sizes())
        targets = target_maps(vit.apply(constant[1], preprocess(image, normalization=HSR))[1], DINO_LAYERS)
        losses = hsr_loss(predictions, targets).mean(0)
        cosine = hsr_loss(predictions, targets, cosine_error).mean(0).sum()
        return losses.sum(), (image, before, predictions, targets, losses, cosine)

    program = jax.jit(jax.grad(loss, has_aux=True), compiler_options={"xla_backend_optimization_level": 0})
    learned, constant = (variables["params"], predictor_variables), (variables["stats"], vit_variables)
    return jax.tree.map(np.asarray, program(learned, constant, case().inputs()["z"]))


def test_pairing():
    """What the case says of it in words, of which the resolutions and the blocks are read."""
    described = case().variants["heads"], case().variants["pairing"]
    blocks = [int(n) for n in re.search(r"output x of block ([\d,]+)", described[0])[1].split(",")]
    layers = [f"block{n}.norm" for n in re.findall(r"<-> (?:DINO )?block (\d+)", described[1])]
    assert list(zip(blocks, layers, strict=True)) == pair(BLOCKS, DINO_LAYERS)
    assert heads()[0].blocks == BLOCKS and "ReLU" in described[0]


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
    """Norms by the reference's names; layouts differ by permutations, which keep them."""
    gradients, _ = run()
    module, _, _ = generator()
    flat = traverse_util.flatten_dict({"G": {"params": gradients[0]}, "heads": gradients[1]}, sep="/")
    paths = {row.source: f"G/{row.path}" for row in ada_table(module)}
    paths |= {row.source: f"heads/{row.path}" for row in hsr.table(heads()[1])}
    norms = [np.linalg.norm(flat[paths[name]].astype(np.float64)) for name in case().variants["grad_norm_order"]]
    expected = case().expected["grad_norms"]
    case().compare("grad_norms", np.array(norms), **GRADIENTS, absolute=1e-5 * expected.max())


def test_nothing_is_left_unchecked():
    """Runs after the others in this file; alone it has nothing to say."""
    if not case().compared:
        pytest.skip("run the whole file")
    assert case().unchecked() == []
