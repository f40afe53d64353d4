"""Tests of `common.nn.fpn`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.nn.fpn import FPN

QUICK = {"xla_backend_optimization_level": 0}
NETWORK = FPN(features=8, width=6, groups=4)
WIDTHS = {"layer1": 3, "layer2": 4, "layer3": 5, "layer4": 7}


def stages(sizes, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(2, *size, width) for size, width in zip(sizes, WIDTHS.values(), strict=True)]
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in zip(WIDTHS, shapes, strict=True)}


# Stages for 96 px, where each has half the size of the stage before, and for 136 x 100 px, where sizes are rounded up.
SIZES = {"even": [(24, 24), (12, 12), (6, 6), (3, 3)], "odd": [(34, 25), (17, 13), (9, 7), (5, 4)]}


@pytest.fixture(scope="module")
def variables():
    return jax.jit(NETWORK.init, compiler_options=QUICK)(jax.random.key(0), stages(SIZES["even"]))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_shapes(variables, sizes):
    y, features = jax.eval_shape(NETWORK.apply, variables, stages(sizes))
    assert y.shape == (2, *sizes[0], 8) and y.dtype == jnp.float32
    for (name, _), size in zip(WIDTHS.items(), sizes, strict=True):
        assert features[f"{name}.pyramid"].shape == (2, *size, 6)
        assert features[f"{name}.upsampled"].shape == (2, *sizes[0], 8)
    assert len(features) == 8


def test_a_block_for_every_doubling(variables):
    blocks = sorted(name for name in variables["params"] if "_up" in name)
    assert blocks == ["layer1_up0", "layer2_up0", "layer3_up0", "layer3_up1", *(f"layer4_up{i}" for i in range(3))]


def test_coarse_stages_reach_every_level_and_fine_ones_only_theirs(variables):
    """The top-down path: a change of stage i moves the pyramid at i and at all finer levels, and none coarser."""
    run, given = jax.jit(NETWORK.apply, compiler_options=QUICK), stages(SIZES["odd"])
    y, before = run(variables, given)
    names = list(WIDTHS)
    for i, name in enumerate(names):
        moved, after = run(variables, given | {name: given[name] + 1})
        changed = [n for n in names if np.abs(after[f"{n}.pyramid"] - before[f"{n}.pyramid"]).max() > 1e-3]
        assert changed == names[: i + 1]
        assert np.abs(moved - y).max() > 1e-3


def test_the_pyramid_adds_what_lies_above_to_the_lateral(variables):
    given = stages(SIZES["odd"])
    _, features = jax.jit(NETWORK.apply, compiler_options=QUICK)(variables, given)
    lateral = variables["params"]["layer3_lateral"]
    own = np.einsum("bhwc,cd->bhwd", given["layer3"], lateral["kernel"][0, 0]) + np.asarray(lateral["bias"])
    above = features["layer4.pyramid"]
    rows, columns = np.arange(9) // 2, np.arange(7) // 2
    np.testing.assert_allclose(features["layer3.pyramid"], own + above[:, rows[:, None], columns], atol=1e-5)


def test_every_parameter_gets_a_gradient(variables):
    given = stages(SIZES["even"])
    loss = lambda params: jnp.sin(NETWORK.apply({"params": params}, given)[0]).sum()
    gradient = jax.jit(jax.grad(loss), compiler_options=QUICK)(variables["params"])
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(gradient))


def test_mistakes_are_loud(variables):
    given = stages(SIZES["even"])
    with pytest.raises(ValueError, match="no stages named layer2; there are layer1, layer3"):
        NETWORK.apply(variables, {name: x for name, x in given.items() if name != "layer2"})
    with pytest.raises(ValueError, match="8 features are no multiple of 32 groups"):
        FPN(features=8).init(jax.random.key(0), given)
