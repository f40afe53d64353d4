"""StyleGAN2-ADA's losses, penalties and their gradients against the numbers of the official implementation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import Case

from common.nn.discriminator import Discriminator
from common.nn.stylegan2 import Generator, num_ws
from common.weights.networks import discriminator, stylegan2
from hsr_jax.gan import losses
from hsr_jax.gan.gan import GAN, LatentDraws, synthesis

NAME = "stylegan2_losses"
PATH_LENGTH_WEIGHT = 2.0  # the reference's value, which the case does not state
# case.json: losses "rtol 2e-4"; grad_norms "rtol 1e-3, or 1e-5*max norm"; grads "atol 1e-3*norm/sqrt(n)+rtol 1e-3".
# The loss is 1-Lipschitz in a logit, and single logits may be near 0, so logits get the same share of their spread.
LOSSES = {"rtol": 2e-4, "atol": 0}
LOGITS = {"rtol": 2e-4, "atol": 2e-4}
EXACT = {"rtol": 0, "atol": 0}


@functools.cache
def case() -> Case:
    return Case(NAME)


def variants(*phases: str) -> list[str]:
    return [name for name, variant in case().variants.items() if variant["phase"] in phases]


@functools.cache
def gan() -> GAN:
    """The networks with the sizes in case.json."""
    config = case().config["config"]
    widths = {"c_dim": config["c"], "channel_base": config["cb"], "channel_max": config["cm"]}
    generator = Generator(config["res"], config["z"], w_dim=config["w"], num_layers=config["layers"], **widths)
    return GAN(generator, Discriminator(config["res"], **widths))


@functools.cache
def variables() -> tuple[dict, dict, dict]:
    """Parameters and collections of the generator, parameters of the discriminator."""
    found = dict(stylegan2.ADA.variables(case().net("G"), gan().generator))
    d_params = discriminator.ADA.variables(case().net("D"), gan().discriminator)["params"]
    return found.pop("params"), found, d_params


@functools.cache
def inputs() -> dict[str, np.ndarray]:
    return {name: np.moveaxis(x, 1, -1) if x.ndim == 4 else x for name, x in case().inputs().items()}


def draws(variant: str, mixing_z: str = "mixing_z") -> LatentDraws:
    """Draws with as many latents as there are others to mix in: all, or the first half for the path length."""
    cutoff = case().variants[variant]["style_mixing_cutoff"]
    cutoff = num_ws(gan().generator.resolution) if cutoff is None else cutoff
    other = inputs()[mixing_z]
    return LatentDraws(inputs()["gen_z"][: len(other)], other, np.int32(cutoff))


def gradient(loss_fn):
    """Compiles (params, ...) -> gradient of the mean loss, losses [B], the rest."""

    def mean(*arguments):
        losses, rest = loss_fn(*arguments)
        return losses.mean(), (losses, rest)

    program = jax.jit(jax.grad(mean, has_aux=True), compiler_options={"xla_backend_optimization_level": 0})

    def run(*arguments):
        gradients, (losses, rest) = jax.tree.map(np.asarray, program(*arguments))
        return gradients, losses, rest

    return run


@functools.cache
def g_main():
    def loss_fn(params, stats, d_params, draws):
        values, (logits, generated) = losses.g_main(gan(), params, stats, d_params, draws, lambda x: x)
        return values, (logits, generated.model_state)

    return gradient(loss_fn)


@functools.cache
def g_reg():
    return gradient(functools.partial(losses.g_reg, gan(), weight=PATH_LENGTH_WEIGHT))


@functools.cache
def fakes(cutoff: int) -> np.ndarray:
    variant = next(v for v in variants("Dmain", "Dboth") if int(draws(v).cutoff) == cutoff)
    params, stats, _ = variables()
    generate = jax.jit(lambda *arguments: gan().generate(*arguments).images)
    return np.asarray(generate(params, stats, draws(variant)))


@functools.cache
def d_main(cutoff: int):
    run = gradient(functools.partial(losses.d_main, gan()))
    return run(variables()[2], fakes(cutoff), inputs()["real_img"])


@functools.cache
def d_reg(gamma: float):
    run = gradient(functools.partial(losses.d_reg, gan(), gamma=gamma, augment=lambda x: x))
    return run(variables()[2], inputs()["real_img"])


def compare_gradients(variant: str, gradients: dict[str, np.ndarray]):
    """Compares the norm of each parameter's gradient, and the first entries of some gradients."""
    order = case().variants[variant]["grad_norm_order"]
    assert set(order) == set(gradients)
    norms = {name: np.linalg.norm(gradients[name].astype(np.float64)) for name in order}
    largest = max(case().expected[f"{variant}/grad_norms"])
    case().compare(f"{variant}/grad_norms", list(norms.values()), rtol=1e-3, atol=0, absolute=1e-5 * largest)
    prefix = f"{variant}/grad/"
    for key in [key for key in case().expected if key.startswith(prefix)]:
        name, count = key.removeprefix(prefix), case().expected[key].size
        entry = norms[name] / np.sqrt(gradients[name].size)
        case().compare(key, gradients[name].reshape(-1)[:count], rtol=1e-3, atol=0, absolute=1e-3 * entry)


def of_generator(gradients: dict) -> dict[str, np.ndarray]:
    """Gradients of the generator by the reference's names, in its layout."""
    named = stylegan2.ADA.arrays({"params": gradients, **variables()[1]}, gan().generator)
    return {name: x for name, x in named.items() if not name.endswith(("noise_const", "w_avg"))}


def of_discriminator(gradients: dict) -> dict[str, np.ndarray]:
    return discriminator.ADA.arrays({"params": gradients}, gan().discriminator)


def compare_mean_w(variant: str, stats: dict, count: int):
    """Compares the mean w after a pass. It moves by the first latents of the pass: all in Gmain, half of them in Greg.

    If all stored means are equal bit for bit, although their batches differ, they are not those of their own runs: they
    share memory, in which the last run left its mean, and that run had half a batch.
    """
    actual = stats["stats"]["mapping"]["w_avg"]
    stored = [case().expected[f"{v}/w_avg_after"] for v in variants("Gmain", "Greg")]
    before, mean = case().net("G")["mapping.w_avg"], mean_w(count)
    expected = mean + 0.995 * (before - mean)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 * np.abs(expected - before).max())
    if all(np.array_equal(x, stored[0]) for x in stored):
        half = mean_w(len(inputs()["pl_mixing_z"]))
        actual = actual if count == len(inputs()["pl_mixing_z"]) else half + 0.995 * (before - half)
    case().compare(f"{variant}/w_avg_after", actual)


@functools.cache
def mean_w(count: int) -> np.ndarray:
    """Mean w of the first latents, by the definition of the mapping, in float64."""
    net, x = case().net("G"), inputs()["gen_z"][:count].astype(np.float64)
    x = x / np.sqrt(np.square(x).mean(1, keepdims=True) + 1e-8)
    for i in range(gan().generator.num_layers):
        weight, bias = net[f"mapping.fc{i}.weight"].astype(np.float64), net[f"mapping.fc{i}.bias"]
        x = x @ weight.T * (0.01 / np.sqrt(weight.shape[1])) + 0.01 * bias[None]
        x = np.where(x > 0, x, 0.2 * x) * np.sqrt(2)
    return x.mean(0)


@pytest.mark.parametrize("name", [name for name in case().expected if name.startswith("softplus/")])
def test_losses_of_logits(name):
    functions = {
        "loss_G_from_logits": losses.generator_loss,
        "loss_Dgen_from_logits": losses.discriminator_loss_fake,
    }
    case().compare(name, functions[name.partition("/")[2]](jnp.asarray(inputs()["logits"])), **LOSSES)


@pytest.mark.parametrize("variant", variants("Gmain"))
def test_g_main(variant):
    params, stats, d_params = variables()
    gradients, losses, (logits, stats) = g_main()(params, stats, d_params, draws(variant))
    compare_mean_w(variant, stats, len(inputs()["gen_z"]))
    case().compare(f"{variant}/scores/fake", logits, **LOGITS)
    case().compare(f"{variant}/signs/fake", np.sign(logits), **EXACT)
    case().compare(f"{variant}/G/loss", losses, **LOSSES)
    compare_gradients(variant, of_generator(gradients))


def test_path_length_by_row():
    """Path lengths of unmixed styles: first the squared length per row, then the root mean square over rows."""
    params, stats, _ = variables()
    z, noise = inputs()["gen_z"], inputs()["pl_noise"]

    @jax.jit
    def run(params, z, noise):
        draws = LatentDraws(z, z, num_ws(gan().generator.resolution))
        ws, _ = gan().latents(params, stats, draws)
        synthesize = lambda ws: synthesis(gan().generator, {"params": params, **stats}, ws)[0]
        return losses.path_gradients(synthesize, ws, noise)

    gradients = run(params, z[: len(noise)], noise)
    case().compare("pl_direct/pl_grads_norm_per_layer", jnp.square(gradients).sum(2), **LOSSES)
    case().compare("pl_direct/pl_lengths", losses.path_lengths(gradients), **LOSSES)


@pytest.mark.parametrize("variant", variants("Greg"))
def test_g_reg(variant):
    params, stats, _ = variables()
    mean = np.float32(case().variants[variant]["pl_mean_before"])
    gradients, losses, out = g_reg()(params, stats, mean, draws(variant, "pl_mixing_z"), inputs()["pl_noise"])
    compare_mean_w(variant, out.model_state, len(inputs()["pl_mixing_z"]))
    case().compare(f"{variant}/pl_mean_after", out.mean, **LOSSES)
    case().compare(f"{variant}/pl_penalty", out.penalty, **LOSSES)
    case().compare(f"{variant}/G/reg", losses, **LOSSES)
    compare_gradients(variant, of_generator(gradients))


def compare_d_main(variant: str) -> dict:
    gradients, losses, (fake, real) = d_main(int(draws(variant).cutoff))
    for kind, logits in (("fake", fake), ("real", real)):
        case().compare(f"{variant}/scores/{kind}", logits, **LOGITS)
        case().compare(f"{variant}/signs/{kind}", np.sign(logits), **EXACT)
    case().compare(f"{variant}/D/loss", losses, **LOSSES)
    return gradients


def compare_d_reg(variant: str) -> dict:
    gradients, losses, (penalty, logits) = d_reg(case().variants[variant]["r1_gamma"])
    case().compare(f"{variant}/scores/real", logits, **LOGITS)
    case().compare(f"{variant}/signs/real", np.sign(logits), **EXACT)
    case().compare(f"{variant}/r1_penalty", penalty, **LOSSES)
    case().compare(f"{variant}/D/reg", losses, **LOSSES)
    return gradients


@pytest.mark.parametrize("variant", variants("Dmain"))
def test_d_main(variant):
    compare_gradients(variant, of_discriminator(compare_d_main(variant)))


@pytest.mark.parametrize("variant", variants("Dreg"))
def test_d_reg(variant):
    gradients = of_discriminator(compare_d_reg(variant))
    compare_gradients(variant, gradients)
    assert not gradients["b4.out.bias"].any()  # no gradient of the image depends on it


@pytest.mark.parametrize("variant", variants("Dboth"))
def test_both_of_the_discriminator_at_once(variant):
    """Both losses in one phase: the gradients add up."""
    gradients = jax.tree.map(np.add, compare_d_main(variant), compare_d_reg(variant))
    compare_gradients(variant, of_discriminator(gradients))
