"""Networks that metrics are of: which are asked for, what their numbers are called, substitutes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.pretrained.features import Inputs
from common.pretrained.vgg_features import SIZE, Vgg16Features, read_vgg16, vgg16_table
from safetensors.numpy import save_file

from common.errors import InputError
from common.nn.lpips import Lpips
from common.nn.resnet import ResNet
from common.nn.vgg import VGG16
from common.nn.vit import ViT
from common.pretrained import extractor
from common.pretrained import metric_networks as feature_networks
from common.pretrained.metric_networks import Files
from common.weights import formats
from common.weights.networks.table import revert, shapes

SIDE = 16


def random_variables(module, *inputs) -> dict:
    """Every array drawn, none zero, without running the module."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0.1, 0.2, x.shape).astype(np.float32) ** 2, shapes(module, *inputs))


def write(tmp_path, name: str, module, *inputs) -> str:
    """A checkpoint of drawn weights in a public layout."""
    arrays = formats.BY_NAME[name].arrays(random_variables(module, *inputs), module)
    path = str(tmp_path / f"my_{name}.safetensors")
    save_file({key: np.array(x, order="C") for key, x in arrays.items()}, path)
    return path


RESNET = ResNet((2, 2, 2, 2), (1, 1, 1, 1), num_outputs=5)


VIT = ViT(patch=32, width=64, heads=1, grid=7)


IMAGES = (1, 64, 64, 3)


@pytest.mark.parametrize("name, module, inputs", [("resnet", RESNET, (IMAGES,)), ("dino", VIT, ((1, 224, 224, 3),))])
def test_a_substitute_never_bears_the_name_of_a_metric(tmp_path, name, module, inputs):
    path = write(tmp_path, name, module, *inputs)
    networks = feature_networks.choose(["fid", "kid", "pr", "ppl"], Files(substitute=path))
    e, kind = networks.moments, type(module).__name__
    assert e.label("FID", "Frechet distance") == f"Frechet distance on {kind} my_{name} (224 px) features"
    assert networks.distance.label == f"path length in {kind} my_{name} (224 px) features"
    assert networks.manifold.digest == e.digest
    # Features of another input are others, and say so.
    small = feature_networks.choose(["fid", "ppl"], Files(substitute=path, substitute_size=64))
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


def test_a_substitutes_input_is_of_whole_patches(tmp_path):
    path = write(tmp_path, "dino", VIT, (1, 224, 224, 3))
    with pytest.raises(InputError, match="substitute_size.*: 80 px are no multiple of 32 .*; take 64"):
        feature_networks.choose(["fid"], Files(substitute=path, substitute_size=80))


def test_an_untrained_substitute_has_no_file(monkeypatch):
    monkeypatch.setattr(extractor, "RANDOM", VIT.clone(depth=1))
    monkeypatch.setattr(extractor.features, "inputs_of", lambda *_: Inputs(("block1",), 32, 32))
    networks = feature_networks.choose(["fid", "ppl"], Files(substitute="random", substitute_size=64))
    again = feature_networks.substitute("random", 64)
    assert networks.moments.label("FID", "Frechet distance") == "Frechet distance on ViT random (64 px) features"
    assert networks.moments.digest == again.digest != networks.distance.digest
    jax.tree.map(np.testing.assert_array_equal, networks.moments.variables, again.variables)


def test_missing_networks_are_named_at_once():
    with pytest.raises(InputError, match=r"inception \(for fid\), lpips \(for ppl\): empty.*substitute"):
        feature_networks.choose(["fid", "ppl", "als"], Files(pr_network="there"))
    assert feature_networks.choose(["als"], Files()) == feature_networks.Networks()


def test_ppl_is_of_lpips_with_vgg16(tmp_path):
    path = write(tmp_path, "lpips", Lpips(VGG16((2, 2, 2, 2, 2))), IMAGES, IMAGES)
    distance = feature_networks.perceptual(path)
    assert distance.label == "PPL"
    a = jnp.zeros((2, SIDE, SIDE, 3))
    assert (jax.jit(distance.compare)(distance.variables, a, a + 0.5) > 0).all()
    resnet = write(tmp_path, "resnet", RESNET, IMAGES)
    with pytest.raises(InputError, match="field lpips: .*substitute"):
        feature_networks.perceptual(resnet)


@pytest.mark.parametrize("variant", ["stylegan2-ada", "pytorch-fid"])
def test_fid_is_of_inception(monkeypatch, variant):
    class Shape:
        """The network's place; it is compared elsewhere."""

        module = lambda arrays, source: Shape
        variables = lambda arrays, module, source: {}
        apply = lambda variables, inputs: (inputs.reshape(len(inputs), -1), {})

    monkeypatch.setattr(feature_networks.formats, "network_arrays", lambda path, names: (Shape, {}))
    monkeypatch.setattr(feature_networks, "_digest", lambda path, what: what)
    e = feature_networks.inception("file", variant)
    pixels = jnp.full((1, SIDE, SIDE, 3), 255, jnp.uint8)
    white = {"stylegan2-ada": 127 / 128, "pytorch-fid": 1.0}[variant]  # (x - 128) / 128, or 2 x / 255 - 1
    np.testing.assert_allclose(e.embed({}, pixels), np.full((1, 299 * 299 * 3), white), rtol=1e-6)
    assert e.label("FID", "Frechet distance") == "FID" and variant in e.digest


def test_vgg16_flattens_as_torchvision_does(tmp_path):
    module = Vgg16Features(VGG16((2, 2, 2, 2, 3)), width=5)
    weights = random_variables(module, (1, SIZE, SIZE, 3))
    arrays = revert(weights, vgg16_table(module))
    arrays["classifier.6.weight"] = np.zeros((7, 5), np.float32)  # what is left out
    path = str(tmp_path / "vgg16.safetensors")
    save_file({key: np.array(x, order="C") for key, x in arrays.items()}, path)
    found, read = read_vgg16(path)
    assert found == module
    jax.tree.map(np.testing.assert_array_equal, read, weights)

    images = jax.random.normal(jax.random.key(0), (2, SIZE, SIZE, 3))
    _, features = jax.jit(module.apply)(read, images)
    maps = np.moveaxis(np.asarray(features["relu5_3"]), -1, 1)  # [B, C, 14, 14]
    flat = maps.reshape(2, 3, 7, 2, 7, 2).max((3, 5)).reshape(2, -1)
    fc1 = np.maximum(flat @ arrays["classifier.0.weight"].T + arrays["classifier.0.bias"], 0)
    np.testing.assert_allclose(features["fc1"], fc1, rtol=1e-4)
    assert fc1.std() > 0
