"""ResNet-50 against torchvision's numbers: layer by layer in evaluation, and one step of batch normalisation."""

import functools
import re

import jax
import numpy as np
import pytest
from flax import traverse_util
from reference import Case, nchw

from common.nn.resnet import ResNet
from common.weights.networks.resnet import RESNET

NAME, NET = "resnet50", "resnet50"
LAYERS = ("conv1", "pool", "layer1", "layer2", "layer3", "layer4", "avgpool", "logits")  # from the input on
COUNTER = "num_batches_tracked"
QUICK = {"xla_backend_optimization_level": 0}  # compiling would take longer than the run


@functools.cache
def case() -> Case:
    return Case(NAME)


def sizes(mode: str) -> list[str]:
    return sorted({name.split("/")[1] for name in case().expected if name.startswith(f"{mode}/")}, key=int)


@functools.cache
def converted() -> tuple[ResNet, dict]:
    """torchvision's resnet50, which is the default module with a head, and its variables."""
    outputs = {x.shape[1] for name, x in case().expected.items() if name.endswith("/logits")}
    module = ResNet(num_outputs=outputs.pop())
    return module, RESNET.variables(case().net(NET), module)


def compare(prefix: str, logits, features):
    results = {**features, "logits": logits}
    for layer in LAYERS:
        if any(name.partition("@")[0] == f"{prefix}/{layer}" for name in case().expected):
            case().compare(f"{prefix}/{layer}", nchw(results[layer]))


@pytest.mark.parametrize("size", sizes("eval"))
def test_evaluation(size):
    module, variables = converted()
    images = np.moveaxis(case().inputs()[f"img{size}"], 1, -1)
    compare(f"eval/{size}", *jax.jit(module.apply, compiler_options=QUICK)(variables, images))


@pytest.mark.parametrize("size", sizes("train"))
def test_training_mode(size):
    module, variables = converted()
    images = np.moveaxis(case().inputs()[f"img_train{size}"], 1, -1)
    run = functools.partial(module.apply, train=True, mutable=["batch_stats"])
    (logits, features), updated = jax.jit(run, compiler_options=QUICK)(variables, images)
    compare(f"train/{size}", logits, features)
    flat = traverse_util.flatten_dict(updated, sep="/")
    running = {row.source: flat[row.path] for row in RESNET.table(module) if row.path in flat}
    for name in case().expected:
        if match := re.fullmatch(rf"train/{size}/(running_\w+)_after/(.*)", name):
            case().compare(name, running[f"{match[2]}.{match[1]}"])


def test_configuration_is_read_off_the_arrays():
    module, _ = converted()
    assert RESNET.infer(case().net(NET)) == module


def test_there_and_back():
    module, variables = converted()
    arrays = {name: x for name, x in case().net(NET).items() if COUNTER not in name}
    back = RESNET.arrays(variables, module)
    assert list(back) == list(arrays)
    for name, x in arrays.items():
        np.testing.assert_array_equal(back[name], x)
