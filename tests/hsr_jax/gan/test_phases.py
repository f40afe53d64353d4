"""Tests `hsr_jax.gan.phases` and `hsr_jax.gan.step` with networks for 8 px, on one device and on eight."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator
from common.ops.pixels import as_float
from common.train import logs, loop, sharding
from common.train.checkpoint import Checkpoints
from common.train.state import local_value
from hsr_jax.gan import losses
from hsr_jax.gan.gan import GAN
from hsr_jax.gan.losses import LossConfig
from hsr_jax.gan.optimizer import adam
from hsr_jax.gan.phases import Phases, ScheduleConfig
from hsr_jax.gan.state import GANState, create_gan_state
from hsr_jax.gan.step import Step

SIZE, BATCH = 8, 8
SMALL = {"channel_base": 64, "channel_max": 8}
NETWORKS = GAN(Generator(SIZE, 6, w_dim=5, num_layers=1, **SMALL), Discriminator(SIZE, mbstd_group=4, **SMALL))
SCHEDULE = ScheduleConfig(g_interval=2, d_interval=3, ada_interval=2, ema_kimg=0.1)
IMAGES = np.random.default_rng(0).integers(0, 256, (4 * BATCH, SIZE, SIZE, 3), np.uint8)


def augment(key, images, p):
    """Changes brightness and contrast; the contrast is a factor of R1's gradient."""
    shift, scale = jax.random.normal(key, (2, len(images)))[..., None, None, None]
    return images * (1 + 0.1 * p * scale) + p * shift


EXTRACTOR = {"scale": np.float32(0.5)}


def semantic_loss(heads, extractor, features, images):
    target = jax.lax.stop_gradient(extractor["scale"] * images.mean(-1, keepdims=True))
    return [jnp.square(features["b8.conv1"] @ heads["kernel"] - target).mean((1, 2, 3))] * 2


@functools.cache
def phases(devices: int = 1, sgd: bool = False) -> Phases:
    return Phases(
        NETWORKS,
        LossConfig(r1_gamma=1.0),
        SCHEDULE,
        optax.sgd(1e-2) if sgd else adam(1e-3, SCHEDULE.g_interval),
        optax.sgd(1e-2) if sgd else adam(1e-3, SCHEDULE.d_interval),
        sharding.make_mesh(jax.devices()[:devices]),
        augment,
        lambda *arguments: jnp.stack(semantic_loss(*arguments), 1),
        control=lambda p, sign: p + 0.125 * sign,
    )


@functools.cache
def initial(p: Phases) -> dict:
    """Arguments of `create_gan_state` to be copied for each state."""
    g_variables = NETWORKS.generator.init(jax.random.key(1), jnp.zeros((1, 6)))
    # An untrained generator has no noise; the tests need some.
    g_variables = jax.tree_util.tree_map_with_path(
        lambda path, x: x + 0.3 if "noise_strength" in str(path) else x, g_variables
    )
    d_params = NETWORKS.discriminator.init(jax.random.key(2), jnp.zeros((4, SIZE, SIZE, 3)))["params"]
    heads = {"kernel": jax.random.normal(jax.random.key(3), (8, 1))}
    return {"g_variables": g_variables, "d_params": d_params, "head_params": heads}


def create(p: Phases) -> GANState:
    arrays = jax.tree.map(jnp.array, initial(p))
    new = create_gan_state(
        **arrays, g_optimizer=p.g_optimizer, d_optimizer=p.d_optimizer, key=jax.random.key(4), ada_p=0.25
    )
    return sharding.put_replicated(new, p.mesh)


def batch(i: int, p: Phases) -> dict[str, jax.Array]:
    return sharding.put_batch({"image": IMAGES[i % 4 * BATCH :][:BATCH]}, p.mesh)


@functools.cache
def program(name: str, p: Phases):
    if name != "g_main_hsr":
        return sharding.jit_step(getattr(p, name), p.mesh)
    run = sharding.jit_step(p.g_main_hsr, p.mesh, constants=1)
    return lambda state, batch: run(state, batch, EXTRACTOR)


def after(name: str, images=None):
    """States before and after a phase on one device, copied to the host, and the metrics."""
    p = phases()
    data = batch(0, p) if images is None else sharding.put_batch({"image": images}, p.mesh)
    start = create(p).replace(ema_params=jax.tree.map(jnp.zeros_like, initial(p)["g_variables"]["params"]))
    before = jax.tree.map(np.array, host(start))
    new, metrics = program(name, p)(start, data)
    return before, host(new), metrics


def host(tree):
    return jax.tree.map(local_value, tree)


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


CHANGES = {
    "g_main": {"g_params", "g_opt", "g_model_state"},
    "g_main_hsr": {"g_params", "g_opt", "g_model_state", "head_params", "head_opt"},
    "g_reg": {"g_params", "g_opt", "g_model_state", "pl_mean"},
    "d_main": {"d_params", "d_opt", "g_model_state", "ada"},
    "d_reg": {"d_params", "d_opt", "ada"},
    "finish": {"step", "ema_params"},
}
REPORTS = {
    "g_main": {"loss/G", "score/fake"},
    "g_main_hsr": {"loss/G", "loss/hsr", "score/fake"},
    "g_reg": {"path_length", "path_length_penalty"},
    "d_main": {"loss/D", "score/real", "real_sign"},
    "d_reg": {"r1"},
    "finish": {"ada_p", "path_length_mean"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_phase_changes_only_its_own_fields(name):
    before, new, metrics = after(name)
    fields = [field.name for field in dataclasses.fields(GANState)]
    assert {f for f in fields if not same(getattr(before, f), getattr(new, f))} == CHANGES[name]
    assert set(metrics) == REPORTS[name] and all(np.isfinite(value) for value in metrics.values())
    if "g_model_state" in CHANGES[name]:  # the mean w changes, the noise maps do not
        assert not same(before.g_model_state["stats"]["mapping"], new.g_model_state["stats"]["mapping"])
        assert same(before.g_model_state["stats"]["synthesis"], new.g_model_state["stats"]["synthesis"])


@pytest.mark.parametrize("name", ["g_main", "g_main_hsr", "g_reg", "d_main", "d_reg"])
def test_all_parameters_learn(name):
    """Only biases that do not influence a regularisation stay: the image's, and the discriminator's last ones in R1."""
    before, new, _ = after(name)
    kind = "g_params" if name.startswith("g") else "d_params"
    unseen = {"g_reg": {"torgb/bias"}, "d_reg": {"conv/bias", "fc/bias", "out/bias"}}.get(name, set())
    equal = jax.tree.map(np.array_equal, getattr(before, kind), getattr(new, kind))
    leaves = jax.tree_util.tree_leaves_with_path(equal)
    still = {jax.tree_util.keystr(path[-2:], simple=True, separator="/") for path, same_ in leaves if same_}
    assert still == unseen


def test_r1_has_no_gradient_in_the_last_bias():
    reals = as_float(IMAGES[:BATCH])
    loss = lambda d: losses.d_reg(NETWORKS, d, reals, 10.0, lambda x: x)[0].mean()
    gradients = jax.jit(jax.grad(loss))(initial(phases())["d_params"])
    assert gradients["b4"]["out"]["bias"] == 0 and gradients["b4"]["out"]["kernel"].any()


def test_images_of_both_types_are_the_same():
    floats = IMAGES[:BATCH].astype(np.float32) / np.float32(127.5) - 1
    a, b = after("d_reg")[1], after("d_reg", floats)[1]
    # Division and multiplication by the inverse differ in the last bit; Adam's first step is at most 1e-3.
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-5), a.d_params, b.d_params)
    np.testing.assert_array_equal(as_float(jnp.array([0, 255], jnp.uint8)), [-1, 1])


def test_gradients_that_are_not_finite_change_nothing():
    images = np.full((BATCH, SIZE, SIZE, 3), np.nan, np.float32)
    before, new, metrics = after("d_main", images)
    assert np.isnan(metrics["loss/D"]) and same(before.d_params, new.d_params)


def test_augmentation_follows_the_signs_of_both_phases():
    p = phases()
    s = create(p)
    s, first = program("d_main", p)(s, batch(0, p))
    s, _ = program("d_reg", p)(s, batch(0, p))
    assert s.ada.count == 2 * BATCH
    np.testing.assert_allclose(first["real_sign"] * BATCH, np.round(first["real_sign"] * BATCH), atol=1e-6)
    s, metrics = program("finish", p)(s, batch(0, p))
    assert metrics["ada_p"] == 0.25 and s.ada.count == 2 * BATCH  # p changes after two batches, not after one
    mean = float(s.ada.sign_sum) / (2 * BATCH)
    assert mean != 0
    s, metrics = program("finish", p)(s, batch(0, p))
    np.testing.assert_allclose(metrics["ada_p"], 0.25 + 0.125 * mean, rtol=1e-6)
    assert (s.ada.p, s.ada.sign_sum, s.ada.count) == (metrics["ada_p"], 0, 0)


def test_the_average_follows_and_buffers_are_copied():
    p = phases()
    s, _ = program("g_main", p)(create(p), batch(0, p))
    old, params, stats = host(s.ema_params), host(s.g_params), host(s.g_model_state)
    s, _ = program("finish", p)(s, batch(0, p))
    beta = 0.5 ** (BATCH / 100)
    jax.tree.map(
        lambda e, a, b: np.testing.assert_allclose(e, beta * a + (1 - beta) * b, rtol=1e-5, atol=1e-7),
        host(s.ema_params),
        old,
        params,
    )
    assert same(host(s.ema_model_state), stats) and same(host(s.g_model_state), stats)


def test_phases_are_due_at_their_intervals():
    step = Step(phases(), hsr_start=5)
    due = [step.due(i) for i in range(7)]
    assert due[0] == ["g_main", "g_reg", "d_main", "d_reg", "finish"]
    assert due[1] == ["g_main", "d_main", "finish"]
    assert [["g_reg" in d, "d_reg" in d, "g_main_hsr" in d] for d in due[2:]] == [
        [True, False, False],
        [False, True, False],
        [True, False, False],
        [False, False, True],
        [True, True, True],
    ]
    without = dataclasses.replace(phases(), losses=LossConfig(r1_gamma=0, path_length_weight=0), semantic_loss=None)
    assert Step(without).due(0) == ["g_main", "d_main", "finish"]


def run(p: Phases, count: int) -> tuple[GANState, list[dict]]:
    step, s, rows = Step(p, extractor=EXTRACTOR), create(p), []
    for i in range(count):
        s, metrics = step(s, batch(i, p))
        rows.append(metrics)
    return host(s), jax.device_get(rows)


def test_one_device_and_eight_train_the_same():
    """Adam would hide a gradient that is n times too large, so it is SGD. There are more devices than path lengths."""
    (one, a), (eight, b) = run(phases(1, sgd=True), 2), run(phases(8, sgd=True), 2)
    start = host(create(phases(1, sgd=True)))
    assert one.step == eight.step == 2 and [set(row) for row in a] == [set(row) for row in b]
    for kind in ("g_params", "d_params", "head_params", "ema_params"):
        for x, y, z in zip(*(jax.tree.leaves(getattr(s, kind)) for s in (one, eight, start)), strict=True):
            # Sums of up to 8 * 8 * 8 terms have another order; the tolerance is relative to the parameters' change.
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-3 * np.abs(x - z).max() + 1e-6)
    np.testing.assert_allclose(one.pl_mean, eight.pl_mean, rtol=1e-4)
    np.testing.assert_allclose(
        one.g_model_state["stats"]["mapping"]["w_avg"], eight.g_model_state["stats"]["mapping"]["w_avg"], atol=1e-6
    )
    assert one.ada.count == eight.ada.count


def test_labels_reach_both_networks():
    """Every phase accepts labels and keeps the shapes of the state; none runs without labels. Nothing is computed."""
    gan = GAN(NETWORKS.generator.clone(c_dim=3), NETWORKS.discriminator.clone(c_dim=3))
    p = dataclasses.replace(phases(), gan=gan)
    images, labels = IMAGES[:BATCH], np.eye(3, dtype=np.float32)[np.arange(BATCH) % 3]
    g = jax.eval_shape(gan.generator.init, jax.random.key(0), jnp.zeros((1, 6)), labels[:1])
    d = jax.eval_shape(gan.discriminator.init, jax.random.key(0), jnp.zeros((4, *images.shape[1:])), labels[:4])
    optimizers = {"g_optimizer": p.g_optimizer, "d_optimizer": p.d_optimizer}
    heads = initial(phases())["head_params"]
    make = lambda g, d, key: create_gan_state(g, d, key=key, head_params=heads, **optimizers)
    s = jax.eval_shape(make, g, d["params"], jax.random.key(0))
    for name in set(CHANGES) - {"finish"}:
        extractor = (EXTRACTOR,) * (name == "g_main_hsr")
        new, _ = jax.eval_shape(getattr(p, name), s, {"image": images, "label": labels}, *extractor)
        assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, s)
        with pytest.raises(ValueError, match="needs c"):
            jax.eval_shape(getattr(p, name), s, {"image": images}, *extractor)


class Images:
    """Iterator over batches with a position that can be saved."""

    def __init__(self):
        self.position = 0

    def __next__(self):
        self.position += 1
        return {"image": IMAGES[(self.position - 1) % 4 * BATCH :][:BATCH]}

    def get_state(self):
        return {"position": self.position}

    def set_state(self, value):
        self.position = value["position"]


def train(directory, steps: int) -> GANState:
    p, data, checkpoints = phases(), Images(), Checkpoints(directory)
    s, resume = create(p), None
    if checkpoints.latest() is not None:
        s, resume = checkpoints.restore(s, data)
    training = loop.Loop(
        step=Step(p, hsr_start=4, extractor=EXTRACTOR),
        compiled=True,
        iterator=data,
        keys=("image",),
        mesh=p.mesh,
        steps=steps,
        batch_size=BATCH,
        log_every=3,
        save_every=100,
    )
    with logs.Logger(directory, steps, resume_step=int(s.step)) as logger:
        return loop.run(training, s, logger, checkpoints, resume)[0]


def test_a_resumed_run_is_in_phase(tmp_path):
    """After a break the regularisations are due in the same batches as without it."""
    whole = train(tmp_path / "whole", 7)
    train(tmp_path / "parts", 5)
    parts = train(tmp_path / "parts", 7)
    assert whole.step == parts.step == 7 and same(host(whole), host(parts))
    lines = [logs.read(tmp_path / name) for name in ("whole", "parts")]
    first = lines[0][0]
    assert first == lines[1][0] and first["step"] == 3 and "train/loss/hsr" not in first
    # The log has means over the steps that reported a metric: one of three for R1, two for the path length.
    assert {"train/loss/G", "train/loss/D", "train/r1", "train/path_length", "train/ada_p"} < set(first)
    assert lines[0][-1]["train/loss/hsr"] == lines[1][-1]["train/loss/hsr"]
