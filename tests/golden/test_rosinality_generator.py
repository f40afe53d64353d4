"""A generator in rosinality's (and pSp's) checkpoint layout against the numbers of its official implementation."""

import functools

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.stylegan2 import Generator, conv_name
from common.weights.networks.stylegan2 import ROSINALITY


@functools.cache
def case() -> Case:
    return Case("rosinality_g")


def generators() -> list[str]:
    return [name for name, variant in case().variants.items() if "n_mlp" in variant["config"]]


@functools.cache
def converted(name: str) -> tuple[Generator, dict]:
    """The module with the sizes in case.json, and its variables."""
    variant = case().variants[name]
    config, widths = variant["config"], {int(r): width for r, width in variant["channels"].items()}
    generator = Generator(
        resolution=config["size"],
        z_dim=config["style_dim"],
        w_dim=config["style_dim"],
        num_layers=config["n_mlp"],
        channel_base=config["size"] * widths[config["size"]],
        channel_max=widths[4],
    )
    return generator, ROSINALITY.variables(arrays(name, np.zeros(generator.w_dim)), generator)


def arrays(name: str, mean: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the network, and a mean w, which checkpoints hold beside the network and the case does not."""
    return case().net(name) | {"latent_avg": mean}


@pytest.mark.parametrize("name", generators())
def test_generator(name):
    generator, variables = converted(name)

    def both(self, ws, z):
        return *self.synthesis(ws), self.mapping(z)[0][:, 0]

    # One forward pass: compiling takes the time.
    run = jax.jit(
        functools.partial(generator.apply, method=both), compiler_options={"xla_backend_optimization_level": 0}
    )
    image, features, w = run(variables, case().inputs()[f"{name}/wplus"], case().inputs()[f"{name}/z"])
    case().compare(f"{name}/w_from_z", w)
    const = variables["params"]["synthesis"]["b4"]["const"]
    case().compare(f"{name}/outs0", nchw(np.broadcast_to(const, (len(w), *const.shape))))
    for i in range(case().variants[name]["n_latent"] - 1):
        resolution, layer = conv_name(i)
        case().compare(f"{name}/outs{i + 1}", nchw(features[f"b{resolution}.{layer}"]))
    case().compare(f"{name}/image", nchw(image))


@pytest.mark.parametrize("name", generators())
def test_configuration_is_read_off_the_arrays(name):
    generator, variables = converted(name)
    mean = np.arange(generator.w_dim, dtype=np.float32)
    again = ROSINALITY.variables(arrays(name, mean))
    assert ROSINALITY.infer(case().net(name)).resolution == generator.resolution
    np.testing.assert_array_equal(again["stats"]["mapping"]["w_avg"], mean)
    np.testing.assert_array_equal(variables["stats"]["mapping"]["w_avg"], np.zeros_like(mean))
    again["stats"]["mapping"]["w_avg"] = variables["stats"]["mapping"]["w_avg"]
    jax.tree.map(np.testing.assert_array_equal, again, variables)
