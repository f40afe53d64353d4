"""Tests `fase_jax.prior`: generators and encoders of every kind of file as the start of a FASE model."""

import dataclasses

import jax
import numpy as np
import pytest
from examples import source_of
from safetensors.numpy import save_file
from writers import Storages, modules_of, pickled, write_zip

from common.data.faces.schemes import FIVE
from common.errors import InputError
from common.nn.feature_style import FeatureStyleEncoder
from common.nn.stylegan2 import Generator
from common.weights.__main__ import main
from common.weights.networks.feature_style import FEATURE_STYLE
from fase_jax import step
from fase_jax.config import FaseConfig
from fase_jax.model import ModelConfig
from fase_jax.prior import load_prior

SIZES = ModelConfig(
    image_size=32,
    heatmap_size=16,
    generator_resolution=16,
    feature_resolution=4,
    channel_base=128,
    channel_max=8,
    w_dim=8,
    encoder_widths=(4, 4, 8, 8),
    encoder_depths=(1, 2, 1, 1),
    num_itls=1,
)
CONFIG = dataclasses.replace(FaseConfig(), model=SIZES)


@pytest.fixture(scope="module")
def variables():
    model = step.build_model(CONFIG, FIVE)
    return step.initialize(model, CONFIG)


def _encoder_checkpoint(variables) -> dict[str, np.ndarray]:
    """The encoder's variables under the published names."""
    found = {name: variables[name]["encoder"] for name in ("params", "batch_stats")}
    encoder = FeatureStyleEncoder(6, 8, 4, 8, SIZES.encoder_widths, SIZES.encoder_depths)
    arrays = FEATURE_STYLE.arrays(found, encoder)
    return {name: np.array(value, order="C") for name, value in arrays.items()}


def _generator_checkpoint() -> dict[str, np.ndarray]:
    """Random arrays in StyleGAN2-ADA's names and layouts."""
    generator = Generator(16, z_dim=8, w_dim=8, num_layers=2, channel_base=128, channel_max=8)
    return {name: np.asarray(x, order="C") for name, x in source_of("stylegan2-ada", generator)[1].items()}


def test_a_prior_of_safetensors(variables, tmp_path):
    arrays = _encoder_checkpoint(variables)
    moved = {name: value + 1 for name, value in arrays.items()}
    save_file({f"encoder.{name}": value for name, value in moved.items()}, tmp_path / "encoder.safetensors")
    layout = _generator_checkpoint()
    save_file(layout, tmp_path / "generator.safetensors")

    loaded = load_prior(str(tmp_path), variables, CONFIG)
    kernel = loaded["params"]["encoder"]["trunk"]["stem_conv"]["kernel"]
    np.testing.assert_array_equal(kernel, variables["params"]["encoder"]["trunk"]["stem_conv"]["kernel"] + 1)
    np.testing.assert_array_equal(loaded["stats"]["w_avg"], layout["mapping.w_avg"])
    weight = layout["synthesis.b8.conv0.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(loaded["params"]["synthesis"]["b8"]["conv0"]["kernel"], weight)
    assert jax.tree.structure(loaded) == jax.tree.structure(variables)

    with_sizes = lambda **sizes: dataclasses.replace(CONFIG, model=dataclasses.replace(SIZES, **sizes))
    with pytest.raises(InputError, match="generator_resolution is 32, the file has 16"):
        load_prior(str(tmp_path), variables, with_sizes(generator_resolution=32))
    with pytest.raises(InputError, match="channel_base is 64, the file has 128"):
        load_prior(str(tmp_path), variables, with_sizes(channel_base=64))
    # With at most 8 channels everywhere a larger base makes no difference.
    load_prior(str(tmp_path), variables, with_sizes(channel_base=1024))
    deeper = with_sizes(encoder_depths=(1, 2, 2, 1))
    with pytest.raises(InputError, match="stage3_unit1"):
        load_prior(str(tmp_path), step.initialize(step.build_model(deeper, FIVE), deeper), deeper)
    (tmp_path / "encoder.safetensors").write_bytes(b"\x10\x00\x00\x00")
    with pytest.raises(InputError, match="encoder.safetensors"):
        load_prior(str(tmp_path), variables, CONFIG)


def test_a_prior_of_other_files(variables, tmp_path):
    """PyTorch and NVIDIA files and imported directories give what safetensors give."""
    arrays, layout = _encoder_checkpoint(variables), _generator_checkpoint()
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    save_file(arrays, first / "encoder.safetensors")
    save_file(layout, first / "generator.safetensors")
    second.mkdir()
    storages = Storages()
    write_zip(second / "encoder.pth", {name: storages.tensor(x) for name, x in arrays.items()}, storages)
    (tmp_path / "ffhq.pkl").write_bytes(pickled({"G_ema": modules_of(layout, ("w_avg", "noise_const"))}))
    source, out = str(tmp_path / "ffhq.pkl"), str(second / "generator")
    main(["import", "--format", "stylegan2-ada", "--src", source, "--out", out])
    a, b = (load_prior(str(path), variables, CONFIG) for path in (first, second))
    jax.tree.map(np.testing.assert_array_equal, a, b)
    np.testing.assert_array_equal(b["stats"]["w_avg"], layout["mapping.w_avg"])

    (second / "generator.pkl").write_bytes((tmp_path / "ffhq.pkl").read_bytes())
    with pytest.raises(InputError, match="generator and .*generator.pkl are two candidates"):
        load_prior(str(second), variables, CONFIG)
    with pytest.raises(InputError, match="field prior: .*generator does not exist"):
        load_prior(str(tmp_path), variables, CONFIG)
    (first / "encoder.safetensors").write_bytes((first / "generator.safetensors").read_bytes())
    with pytest.raises(InputError, match="encoder.safetensors: holds no feature-style network"):
        load_prior(str(first), variables, CONFIG)
