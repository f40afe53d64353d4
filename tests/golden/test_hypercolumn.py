"""ContrastLandmark's ResNet-50 as it is evaluated: hypercolumns, one layer alone, the normalised embedding."""

import functools
import re

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.resnet import STAGES, ResNet
from common.ops.similarity import hypercolumn
from common.weights.networks.resnet import RESNET
from common.weights.read import part

NAME, NET = "landmarks_cl", "insresnet50"
# ContrastLandmark's names of the maps that a hypercolumn is made of.
MAPS = {"x4": "pool", "x5": "layer1", "x6": "layer2", "x7": "layer3", "x8": "layer4"}


@functools.cache
def case() -> Case:
    return Case(NAME)


def grid(name: str) -> tuple[int, int]:
    return tuple(case().variants["hypercolumn"][name][2:])


@functools.cache
def outputs():
    arrays, _ = part(case().net(NET), RESNET.marks)
    module, variables = RESNET.infer(arrays), RESNET.variables(arrays)
    assert module == ResNet(num_outputs=case().expected["embedding128_l2"].shape[1])
    run = jax.jit(module.apply, compiler_options={"xla_backend_optimization_level": 0})
    (images,) = [x for name, x in case().inputs().items() if name.startswith("img")]
    return run(variables, np.moveaxis(images, 1, -1))


@pytest.mark.parametrize("name", sorted(n for n in case().expected if n.startswith("hypercol/") and "/x" in n))
def test_maps(name):
    """The maps are numbered from the input on: x5 is the first stage, x8 the last."""
    layer = MAPS[re.search(r"x\d", name)[0]]
    resized = hypercolumn(outputs()[1], grid("shape4"), layers=[layer])
    case().compare(name.partition("@")[0], nchw(resized))


def test_hypercolumn():
    column = hypercolumn(outputs()[1], grid("shape4"), STAGES)
    assert list(nchw(column).shape) == case().variants["hypercolumn"]["shape4"]
    case().compare("hypercol/layer4/", nchw(column))


def test_the_fifth_layer_is_the_pooled_first_convolution():
    column = hypercolumn(outputs()[1], grid("shape5"), layers=(*STAGES, "pool"))
    assert list(nchw(column).shape) == case().variants["hypercolumn"]["shape5"]
    extra = column[..., sum(outputs()[1][name].shape[-1] for name in STAGES) :]
    case().compare("hypercol/layer5_extra_x4", nchw(extra))


def test_one_layer_alone_is_not_resized():
    case().compare("layer4_single_conv4", nchw(outputs()[1][MAPS["x7"]]))


def test_embedding():
    embedding = np.asarray(outputs()[0])
    case().compare("embedding128_l2", embedding / np.linalg.norm(embedding, axis=1, keepdims=True))
