"""LPIPS with both trunks against the numbers of the lpips package, layer by layer."""

import functools
import json
import re

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.alexnet import AlexNet
from common.nn.lpips import Lpips, standardize
from common.nn.vgg import VGG16
from common.weights.networks.lpips import LPIPS, LPIPS_PARTS

QUICK = {"xla_backend_optimization_level": 0}  # the convolutions are library calls: compiling takes the time
NETS = {"alex": AlexNet, "vgg": VGG16}


@functools.cache
def case() -> Case:
    return Case("lpips")


def runs(array: str = "") -> list[tuple[str, str]]:
    """Pairs (net, size) of the runs for which `array` is stored."""
    return sorted({tuple(name.split("/")[:2]) for name in case().expected if name.split("/")[2].startswith(array)})


@functools.cache
def converted(net: str) -> tuple[Lpips, dict]:
    module = Lpips(NETS[net]())
    return module, LPIPS.variables(case().net(net), module)


def pair(size: str) -> tuple[np.ndarray, np.ndarray]:
    """Images a and b, [B, H, W, 3]."""
    inputs = case().inputs()
    factor = np.float32(re.search(r"b = a \+ ([\d.]+) *\* *d", case().variants["pair"])[1])
    a = inputs[f"a{size}"]
    return tuple(np.moveaxis(x, 1, -1) for x in (a, a + factor * inputs[f"d{size}"]))


def tolerance() -> float:
    """Relative tolerance of the distances, read from a sentence in case.json."""
    return float(re.search(r"rtol ([\d.e-]+)", case().config["tolerance"]["dist"])[1])


def first(name: str, x) -> np.ndarray:
    """The first examples of `x`, as many as the case stores under `name`."""
    stored = next(array for key, array in case().expected.items() if key.partition("@")[0] == name)
    return x[: len(stored)]


@pytest.mark.parametrize(("net", "size"), runs())
def test_layers_and_distance(net, size):
    module, variables = converted(net)

    def run(self, a, b):
        return self.trunk(standardize(a))[1], *self(a, b)

    program = jax.jit(functools.partial(module.apply, method=run), compiler_options=QUICK)
    features, distance, terms = program(variables, *pair(size))
    for k, tap in enumerate(module.trunk.taps, start=1):
        name = f"{net}/{size}/relu{k}"
        case().compare(name, first(name, nchw(features[tap])))
    per_layer = np.stack([terms[tap] for tap in module.trunk.taps])
    case().compare(f"{net}/{size}/per_layer", per_layer, rtol=tolerance())
    case().compare(f"{net}/{size}/dist", distance, rtol=tolerance(), atol=0)


@pytest.mark.parametrize("name", [name for name in case().expected if "/spatial_map@sub" in name])
def test_spatial_map(name):
    net, size, _ = name.split("/")
    module, variables = converted(net)
    program = jax.jit(functools.partial(module.apply, spatial=True), compiler_options=QUICK)
    step = int(name.partition("@sub")[2])
    case().compare(name, np.asarray(program(variables, *pair(size))[0])[:, None, ::step, ::step], rtol=tolerance())


@pytest.mark.parametrize(("net", "size"), runs("dist_normalize_true"))
def test_range_of_the_input(net, size):
    module, variables = converted(net)
    program = jax.jit(functools.partial(module.apply, normalize=True), compiler_options=QUICK)
    distance, _ = program(variables, *((x + 1) / 2 for x in pair(size)))
    case().compare(f"{net}/{size}/dist_normalize_true", distance, rtol=tolerance(), atol=0)


@pytest.mark.parametrize(("net", "size"), runs("grad_a"))
def test_gradient(net, size):
    """The gradient of the sum of the distances with respect to the first images."""
    module, variables = converted(net)
    gradient = jax.jit(jax.grad(lambda a, b: module.apply(variables, a, b)[0].sum()), compiler_options=QUICK)
    name = f"{net}/{size}/grad_a"
    a, b = (first(name, x) for x in pair(size))
    case().compare(name, nchw(gradient(a, b)))


@pytest.mark.parametrize("net", list(case().manifest["nets"]))
def test_torchvision_names(net):
    """The trunk in torchvision's names beside the heads gives the same variables."""
    module, variables = converted(net)
    names = dict(json.loads((case().path / "torchvision_name_map.json").read_text())[net])
    arrays = case().net(net)
    trunk = {names[key]: value for key, value in arrays.items() if key in names}
    heads = {key: value for key, value in arrays.items() if key.startswith("lin")}
    again = LPIPS_PARTS.variables(trunk | {"classifier.6.bias": np.zeros(1000)} | heads)
    jax.tree.map(np.testing.assert_array_equal, again, variables)
    jax.tree.map(np.testing.assert_array_equal, LPIPS.variables(arrays), variables)
