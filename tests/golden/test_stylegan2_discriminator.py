"""StyleGAN2-ADA's discriminator against the numbers of the official implementation, block by block."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.discriminator import Discriminator, minibatch_std
from common.weights.networks.discriminator import ADA

NAME = "stylegan2_ada_d"
# case.json: "rtol 1e-4 + 1e-4 abs" for logits and "rtol 5e-4" for the penalty. The penalty is the square of a gradient,
# so the gradient gets half of that, also in parts of its standard deviation, because single entries may vanish.
LOGITS = {"rtol": 1e-4, "atol": 0, "absolute": 1e-4}
PENALTY = {"rtol": 5e-4, "atol": 0}
GRADIENT = {"rtol": 2.5e-4, "atol": 2.5e-4}


@functools.cache
def case() -> Case:
    return Case(NAME)


def variants() -> list[str]:
    return [name for name, variant in case().variants.items() if "config" in variant]


@functools.cache
def converted(variant: str) -> tuple[Discriminator, dict]:
    """The module with the sizes in case.json, not those inferred from the weights, and its variables."""
    config = case().variants[variant]["config"]
    discriminator = Discriminator(
        config["res"],
        c_dim=config["c"],
        architecture=config["arch"],
        channel_base=config["cb"],
        channel_max=config["cm"],
        mbstd_group=config["group"],
        mbstd_channels=config["nch"],
    )
    return discriminator, ADA.variables(case().net(variant), discriminator)


@functools.cache
def run(variant: str):
    """Gradient of the sum of the logits with respect to the images, logits, features."""
    discriminator, variables = converted(variant)
    images, labels = case().inputs()[f"{variant}/img"], case().variants[variant]["class_labels"]
    c = None if labels is None else np.eye(discriminator.c_dim, dtype=np.float32)[labels]

    def total(images):
        logits, features = discriminator.apply(variables, images, c)
        return logits.sum(), (logits, features)

    program = jax.jit(jax.grad(total, has_aux=True), compiler_options={"xla_backend_optimization_level": 0})
    return jax.tree.map(np.asarray, program(np.moveaxis(images, 1, -1)))


@pytest.mark.parametrize("variant", variants())
def test_logits(variant):
    _, (logits, features) = run(variant)
    for r in converted(variant)[0].resolutions:
        case().compare(f"{variant}/b{r}/x", nchw(features[f"b{r}"])[:2])
    std = features["mbstd"]
    case().compare(f"{variant}/mbstd_channel", std[:, 0] if std.shape[1] == 1 else std)
    case().compare(f"{variant}/logits", logits[:, None], **LOGITS)


@pytest.mark.parametrize("variant", variants())
def test_r1(variant):
    gradient, _ = run(variant)
    case().compare(f"{variant}/r1_grad", nchw(gradient), **GRADIENT)
    case().compare(f"{variant}/r1_penalty", np.square(gradient.astype(np.float64)).sum((1, 2, 3)), **PENALTY)


@pytest.mark.parametrize("name", [name for name in case().expected if name.startswith("mbstd_layer/")])
def test_minibatch_deviation(name):
    x = np.moveaxis(case().inputs()["mbstd_x"], 1, -1)
    group, count = re.fullmatch(r"mbstd_layer/group(\d+|None)_ch(\d+)", name).groups()
    case().compare(name, minibatch_std(jnp.asarray(x), None if group == "None" else int(group), int(count)))


@pytest.mark.parametrize("variant", variants())
def test_configuration_is_read_off_the_arrays(variant):
    """The arrays tell every field but the group, and but a channel_base beyond the cap, which changes no width."""
    discriminator, variables = converted(variant)
    inferred = ADA.infer(case().net(variant))
    for field in ("resolution", "c_dim", "architecture", "mbstd_channels", "img_channels"):
        assert getattr(inferred, field) == getattr(discriminator, field)
    assert jax.tree.map(np.shape, ADA.variables(case().net(variant))) == jax.tree.map(np.shape, variables)
