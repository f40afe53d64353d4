"""StyleGAN2-ADA's generator against the numbers of the official implementation, layer by layer."""

import functools
import re

import jax
import numpy as np
import pytest
from reference import Case, nchw

from common.nn.stylegan2 import Generator, SynthesisNetwork, num_ws
from common.weights.networks.stylegan2 import ADA

NAME = "stylegan2_ada_g"
AFTER_TRAINING = "w_avg_after_one_train_call"


@functools.cache
def case() -> Case:
    return Case(NAME)


def variants() -> list[str]:
    return list(case().variants)


@functools.cache
def converted(variant: str) -> tuple[Generator, dict]:
    """The module with the sizes in case.json, not those inferred from the weights, and its variables."""
    config = case().variants[variant]["config"]
    generator = Generator(
        resolution=config["res"],
        z_dim=config["z"],
        c_dim=config["c"],
        w_dim=config["w"],
        num_layers=config["layers"],
        channel_base=config["cb"],
        channel_max=config["cm"],
    )
    return generator, ADA.variables(case().net(variant), generator)


@functools.cache
def latents(variant: str) -> tuple[np.ndarray, np.ndarray | None]:
    """z and the one-hot labels of a variant."""
    config = case().variants[variant]
    z, labels = case().inputs()[f"{variant}/z"], config["class_labels"]
    return z, None if labels is None else np.eye(config["config"]["c"], dtype=np.float32)[labels]


@functools.cache
def mapping(variant: str, psi: float = 1.0, cutoff: int | None = None) -> np.ndarray:
    generator, variables = converted(variant)

    @jax.jit
    def run(variables, z, c):
        return generator.apply(variables, z, c, psi, cutoff, method=lambda self, *args: self.mapping(*args)[0])

    return np.asarray(run(variables, *latents(variant)))


@functools.cache
def program(network: SynthesisNetwork, noise_mode: str):
    """Variants that differ in the mapping only share a compiled program."""
    run = functools.partial(network.apply, noise_mode=noise_mode)
    return jax.jit(run, compiler_options={"xla_backend_optimization_level": 0})  # small: compiling takes the time


def synthesis(variant: str, noise_mode: str, ws: np.ndarray):
    """Image and features."""
    generator, variables = converted(variant)
    config = {name: getattr(generator, name) for name in ("resolution", "w_dim", "channel_base", "channel_max")}
    part = {collection: tree["synthesis"] for collection, tree in variables.items()}
    return program(SynthesisNetwork(**config), noise_mode)(part, ws)


def stored(pattern: str) -> list[str]:
    """Names of stored arrays, without suffixes such as `@sub`, whose start matches the pattern."""
    return sorted({name.partition("@")[0] for name in case().expected if re.match(pattern, name)})


@pytest.mark.parametrize("variant", variants())
def test_mapping(variant):
    generator, _ = converted(variant)
    ws = mapping(variant)
    assert ws.shape[1] == case().variants[variant]["num_ws"] == num_ws(generator.resolution)
    case().compare(f"{variant}/w", ws[:, 0])
    np.testing.assert_array_equal(ws, np.repeat(ws[:, :1], ws.shape[1], axis=1))
    case().compare(f"{variant}/w_trunc0.7", mapping(variant, 0.7)[:, -1])
    # Two rows before the cutoff and two after it are stored; rows on the same side are equal.
    truncated = mapping(variant, 0.5, 4)
    case().compare(f"{variant}/w_trunc0.5_cutoff4_ws", truncated[:, 2:6])
    np.testing.assert_allclose(truncated[:, 4:], ws[:, 4:], rtol=0, atol=1e-6 * ws.std())  # two compilations


def without_update(name: str) -> bool:
    """Whether the stored mean w "after a training call" equals the mean w before it bit for bit, so that it is wrong.

    The likely reason is that the buffer was restored, in place, before the array that shares its memory was written.
    """
    variant, _, array = name.partition("/")
    before = case().net(variant)["mapping.w_avg"] if array == AFTER_TRAINING else None
    return before is not None and np.array_equal(case().expected[name], before)


@pytest.mark.parametrize("variant", [v for v in variants() if f"{v}/{AFTER_TRAINING}" in case().expected])
def test_mean_w_after_a_training_call(variant):
    generator, variables = converted(variant)
    z, c = latents(variant)
    _, updated = generator.apply(
        variables, z, c, update_w_avg=True, mutable=["stats"], method=lambda self, *a, **k: self.mapping(*a, **k)
    )
    actual = updated["stats"]["mapping"]["w_avg"]
    # w_avg <- mean(w) + 0.995 (w_avg - mean(w)), from the reference's own w
    before, mean = case().net(variant)["mapping.w_avg"], case().expected[f"{variant}/w"].mean(0)
    np.testing.assert_allclose(actual, mean + 0.995 * (before - mean), rtol=0, atol=2e-4 * before.std())
    if not without_update(f"{variant}/{AFTER_TRAINING}"):
        case().compare(f"{variant}/{AFTER_TRAINING}", actual)


RUNS = [(v, mode) for v in variants() for mode in ("const", "none") if stored(f"{v}/{mode}/b")]


@pytest.mark.parametrize(("variant", "noise_mode"), RUNS)
def test_synthesis(variant, noise_mode):
    image, features = synthesis(variant, noise_mode, mapping(variant))
    for name in stored(f"{variant}/{noise_mode}/b"):
        block, layer = name.split("/")[2:]
        case().compare(name, nchw(features[f"{block}.{'conv1' if layer == 'x' else layer}"]))
    case().compare(f"{variant}/{noise_mode}/image", nchw(image))


@pytest.mark.parametrize("name", stored(r"\w+/const/image_(trunc0\.7|ws_distinct)"))
def test_truncated_and_distinct_rows(name):
    """Distinct rows of ws catch a layer that reads another's row."""
    variant = name.split("/")[0]
    ws = case().inputs()[f"{variant}/ws_distinct"] if name.endswith("distinct") else mapping(variant, 0.7)
    case().compare(name, nchw(synthesis(variant, "const", ws)[0]))


@pytest.mark.parametrize("variant", variants())
def test_configuration_is_read_off_the_arrays(variant):
    """The arrays cannot tell a channel_base beyond the cap, which changes no width."""
    generator, variables = converted(variant)
    inferred = ADA.infer(case().net(variant))
    assert (inferred.resolution, inferred.z_dim, inferred.c_dim) == (
        generator.resolution,
        generator.z_dim,
        generator.c_dim,
    )
    again = jax.tree.map(np.shape, ADA.variables(case().net(variant)))
    assert again == jax.tree.map(np.shape, variables)
