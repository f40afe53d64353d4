"""Networks of metrics: choice, names of their numbers, substitutes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.errors import InputError
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.pretrained import extractor, metric_networks
from common.pretrained.extractor import Inputs
from common.pretrained.metric_networks import Files, MetricNetworks
from common.weights import formats
from common.weights.networks.vgg import VGG_16

SIDE = 16
RESNET = ResNet((2, 2, 2, 2), (1, 1, 1, 1), num_outputs=5)
VIT = ViT(patch=32, width=64, heads=1, grid=7)


@pytest.mark.parametrize("name, module", [("resnet", RESNET), ("dino", VIT)])
def test_a_substitute_never_bears_the_name_of_a_metric(write, name, module):
    path = write(name, module)
    networks = metric_networks.choose(["fid", "kid", "pr", "ppl"], Files(substitute=path))
    e, kind = networks.moments, type(module).__name__
    assert e.label("FID", "Frechet distance") == f"Frechet distance on {kind} my_{name} (224 px) features"
    assert networks.distance.label == f"path length in {kind} my_{name} (224 px) features"
    assert networks.manifold.digest == e.digest
    # Features of smaller images have another digest and another name.
    small = metric_networks.choose(["fid", "ppl"], Files(substitute=path, substitute_size=64))
    assert small.moments.digest != e.digest and small.distance.label.endswith("(64 px) features")
    assert small.distance.digest != networks.distance.digest
    assert len(networks.digests()) == 3 and len(small.digests()) == 2
    pixels = jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8))
    features = jax.jit(e.embed)(e.variables, pixels)
    assert features.shape == (2, 8 if name == "resnet" else 64) and features.std() > 0
    a = pixels / 127.5 - 1
    d = networks.distance
    same, other = jax.jit(d.compare)(d.variables, a, jnp.stack([a[0], a[0]]))
    assert same == 0 and other > 0


def test_a_substitutes_input_is_of_whole_patches(write):
    path = write("dino", VIT)
    with pytest.raises(InputError, match="substitute_size.*: 80 px must be a multiple of 32 .*; take 64"):
        metric_networks.choose(["fid"], Files(substitute=path, substitute_size=80))


def test_an_untrained_substitute_has_no_file(monkeypatch):
    monkeypatch.setattr(extractor, "RANDOM", VIT.clone(depth=1))
    monkeypatch.setattr(extractor, "inputs_of", lambda *_: Inputs(("block1",), 32, 32))
    networks = metric_networks.choose(["fid", "ppl"], Files(substitute="random", substitute_size=64))
    again = metric_networks.substitute("random", 64)
    assert networks.moments.label("FID", "Frechet distance") == "Frechet distance on ViT random (64 px) features"
    assert networks.moments.digest == again.digest != networks.distance.digest
    jax.tree.map(np.testing.assert_array_equal, networks.moments.variables, again.variables)


def test_missing_networks_are_named_at_once():
    with pytest.raises(InputError, match=r"inception \(for fid\), lpips \(for ppl\): empty.*substitute"):
        metric_networks.choose(["fid", "ppl", "als"], Files(pr_network="there"))
    assert metric_networks.choose(["als"], Files()) == MetricNetworks()


def test_ppl_is_of_lpips_with_vgg16(write):
    path = write("lpips", Lpips(VGG16((2, 2, 2, 2, 2))))
    distance = metric_networks.perceptual(path)
    assert distance.label == "PPL"
    a = jnp.zeros((2, SIDE, SIDE, 3))
    assert (jax.jit(distance.compare)(distance.variables, a, a + 0.5) > 0).all()
    resnet = write("resnet", RESNET)
    with pytest.raises(InputError, match="field lpips: .*substitute"):
        metric_networks.perceptual(resnet)


@pytest.mark.parametrize("variant", ["stylegan2-ada", "pytorch-fid"])
def test_fid_is_of_inception(monkeypatch, variant):
    class Shape:
        """The network's place; it is compared elsewhere."""

        apply = lambda variables, inputs: (inputs.reshape(len(inputs), -1), {})

    monkeypatch.setattr(metric_networks.formats, "open_network", lambda path, names: (None, Shape, {}))
    monkeypatch.setattr(metric_networks, "_digest", lambda path, what: what)
    e = metric_networks.inception("file", variant)
    pixels = jnp.full((1, SIDE, SIDE, 3), 255, jnp.uint8)
    white = {"stylegan2-ada": 127 / 128, "pytorch-fid": 1.0}[variant]  # (x - 128) / 128, or 2 x / 255 - 1
    np.testing.assert_allclose(e.embed({}, pixels), np.full((1, 299 * 299 * 3), white), rtol=1e-6)
    assert e.label("FID", "Frechet distance") == "FID" and variant in e.digest


def test_vgg16_flattens_as_torchvision_does(write):
    module = VGG16((2, 2, 2, 2, 3), fc_width=5)
    path = write("vgg16", module, imported=True)
    e = metric_networks.vgg16(path)
    _, found, variables = formats.open_network(path, ("vgg16",))
    assert found == module and e.label("precision", "precision") == "precision"
    images = jax.random.normal(jax.random.key(0), (2, 224, 224, 3))
    fc2, features = jax.jit(module.apply)(variables, images)
    maps = np.moveaxis(np.asarray(features["relu5_3"]), -1, 1)  # [B, C, 14, 14]
    flat = maps.reshape(2, 3, 7, 2, 7, 2).max((3, 5)).reshape(2, -1)
    arrays = VGG_16.arrays(variables, module)
    fc1 = np.maximum(flat @ arrays["classifier.0.weight"].T + arrays["classifier.0.bias"], 0)
    np.testing.assert_allclose(features["fc1"], fc1, rtol=1e-4)
    fc1 = np.maximum(fc1 @ arrays["classifier.3.weight"].T + arrays["classifier.3.bias"], 0)
    np.testing.assert_allclose(fc2, fc1, rtol=1e-4)
    assert fc1.std() > 0
    with pytest.raises(InputError, match="field pr_network: .* fully connected"):
        metric_networks.vgg16(write("vgg16", module.clone(fc_width=None)))


def test_all_run_at_full_float32(write):
    """Every product of the compiled programs is of the highest precision."""
    e = metric_networks.substitute(write("resnet", RESNET), 32)
    text = jax.jit(e.embed).lower(e.variables, jnp.zeros((1, SIDE, SIDE, 3), jnp.uint8)).as_text()
    assert "stablehlo.convolution" in text and "HIGHEST" in text and "DEFAULT" not in text
    d = metric_networks.substitute_distance(write("resnet", RESNET), 32)
    text = jax.jit(d.compare).lower(d.variables, *[jnp.zeros((1, SIDE, SIDE, 3))] * 2).as_text()
    assert "stablehlo.convolution" in text and "HIGHEST" in text and "DEFAULT" not in text
