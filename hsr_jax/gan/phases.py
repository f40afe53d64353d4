"""The phases of a training step, each a pure function of the state and a batch.

In a batch come, in this order: the generator's loss, every 4th time its regularisation, the discriminator's loss, every
16th time its regularisation, and the averages. Each phase draws latents of its own and sees the networks as the phases
before it left them. A regularisation is its own step of the optimiser that it shares with the loss.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from common.nn.stylegan2 import num_ws
from common.ops.pixels import as_float
from common.ops.trees import moving_average
from common.train import sharding
from hsr_jax.gan import adversarial, objectives
from hsr_jax.gan.objectives import GAN, LatentDraws
from hsr_jax.gan.state import GANState

Batch = dict[str, Array]
Metrics = dict[str, Array]
Augment = Callable[[Array, Array, Array], Array]
"""(key, images [B, R, R, C], strength p []) -> augmented images [B, R, R, C]."""
SemanticLoss = Callable[[Any, Any, dict[str, Array], Array], Array]
"""(parameters of the heads, variables of the extractor, the generator's features, its images before augmentation) ->
[B, levels]."""
Control = Callable[[Array, Array], Array]
"""(p [], mean sign [] of the logits of real images) -> the next p []."""


@dataclasses.dataclass(frozen=True)
class LossConfig:
    """What the losses are made of; the defaults are StyleGAN2's."""

    r1_gamma: float = 10.0
    """Weight of the R1 regularisation, as gamma / 2; 0 leaves it out. StyleGAN2-ADA: 0.0002 R^2 / batch size."""
    path_length_weight: float = 2.0
    """0 leaves the path length regularisation out."""
    path_length_shrink: int = 2
    """The path length is of a batch that is smaller by this factor."""
    style_mixing: float = 0.9
    """Probability that a batch is of two styles an image."""


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """When what happens; the defaults are StyleGAN2-ADA's."""

    g_interval: int = 4
    """Batches from one path length regularisation to the next; its loss is multiplied by as much."""
    d_interval: int = 16
    """Batches from one R1 regularisation to the next; its loss is multiplied by as much."""
    ada_interval: int = 4
    """Batches from one change of the augmentation's strength to the next."""
    ema_kimg: float = 10.0
    """Half-life of the average of the generator, in thousands of images."""
    ema_ramp_up: float | None = None
    """In a young run the half-life is this share of the images seen. StyleGAN2-ADA's 'auto': 0.05."""


def adam(learning_rate: float, interval: int, b1: float = 0.0, b2: float = 0.99) -> optax.GradientTransformation:
    """The optimiser of a network whose regularisation comes every `interval` batches."""
    rate, b1, b2 = adversarial.lazy_adam(learning_rate, b1, b2, interval)
    return optax.adam(rate, b1, b2, eps=1e-8)


@dataclasses.dataclass(frozen=True)
class Phases:
    """The phases as methods (state, batch) -> (state, dict of scalars); the object itself never changes.

    A batch holds 'image' [B, R, R, C], uint8 or float32 in [-1, 1], and for conditional networks 'label' [B, c_dim],
    float32. Generated images have the labels of the batch, which come from the distribution that they should.
    """

    gan: GAN
    losses: LossConfig
    schedule: ScheduleConfig
    g_optimizer: optax.GradientTransformation
    """Of the generator and, apart, of the heads, which learn at its rate."""
    d_optimizer: optax.GradientTransformation
    mesh: Mesh
    """Draws are split over its axis 'data', as batches are: a phase may read nothing else that is split."""
    augment: Augment | None = None
    semantic_loss: SemanticLoss | None = None
    control: Control | None = None
    """Changes the augmentation's strength, which stays when absent."""

    def g_main(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """A step of the generator against the discriminator. Eq. (4.1), thesis."""
        return self._g_main(state, batch, None)

    def g_main_hsr(self, state: GANState, batch: Batch, extractor: Any) -> tuple[GANState, Metrics]:
        """The same with the semantic regularizer, of the generator and the heads; `extractor`: the variables of the
        frozen network. Eq. (4.2), thesis."""
        return self._g_main(state, batch, lambda heads, *rest: self.semantic_loss(heads, extractor, *rest))

    def _g_main(self, state: GANState, batch: Batch, semantic_loss: Callable | None) -> tuple[GANState, Metrics]:
        draw, augmentation = jax.random.split(self._key(state, 0))
        draws, c = self._draws(draw, len(batch["image"])), batch.get("label")

        def loss_fn(params):
            augment = lambda images: self._augmented(augmentation, images, state)
            stats, d_params = state.g_model_state, state.d_params
            loss, (logits, generated) = objectives.g_main(self.gan, params[0], stats, d_params, draws, augment, c)
            metrics = {"loss/G": loss.mean(), "score/fake": logits.mean()}
            if semantic_loss is not None:
                hsr = semantic_loss(params[1], generated.features, generated.images).sum(1)
                loss, metrics["loss/hsr"] = loss + hsr, hsr.mean()
            return loss.mean(), (generated.stats, metrics)

        params = (state.g_params,) if semantic_loss is None else (state.g_params, state.head_params)
        gradients, (stats, metrics) = jax.grad(loss_fn, has_aux=True)(params)
        g_params, g_opt = _updated(self.g_optimizer, gradients[0], state.g_opt, state.g_params)
        state = state.replace(g_params=g_params, g_opt=g_opt, g_model_state=stats)
        if semantic_loss is not None:
            head_params, head_opt = _updated(self.g_optimizer, gradients[1], state.head_opt, state.head_params)
            state = state.replace(head_params=head_params, head_opt=head_opt)
        return state, metrics

    def g_reg(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """A step of the generator towards equal path lengths."""
        draw, noise = jax.random.split(self._key(state, 1))
        size, shrink = len(batch["image"]), self.losses.path_length_shrink
        # Every shrink-th label: each device keeps a share of its own.
        c = batch["label"][::shrink][: size // shrink] if "label" in batch else None
        draws = self._draws(draw, size // shrink)
        pl_noise = self._normal(noise, (size // shrink, *batch["image"].shape[1:]))

        def loss_fn(g_params):
            weight = self.losses.path_length_weight
            loss, out = objectives.g_reg(
                self.gan, g_params, state.g_model_state, state.pl_mean, draws, pl_noise, weight, c
            )
            return self.schedule.g_interval * loss.mean(), out

        gradients, out = jax.grad(loss_fn, has_aux=True)(state.g_params)
        g_params, g_opt = _updated(self.g_optimizer, gradients, state.g_opt, state.g_params)
        state = state.replace(g_params=g_params, g_opt=g_opt, g_model_state=out.stats, pl_mean=out.mean)
        return state, {"path_length": out.lengths.mean(), "path_length_penalty": out.penalty.mean()}

    def d_main(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """A step of the discriminator on a batch of each kind. Eq. (4.1), thesis."""
        draw, *augmentations = jax.random.split(self._key(state, 2), 3)
        reals, c = as_float(batch["image"]), batch.get("label")
        generated = self.gan.generate(state.g_params, state.g_model_state, self._draws(draw, len(reals)), c)
        images = [
            self._augmented(key, images, state)
            for key, images in zip(augmentations, (generated.images, reals), strict=True)
        ]

        def loss_fn(d_params):
            loss, logits = objectives.d_main(self.gan, d_params, *images, c)
            return loss.mean(), (loss.mean(), logits)

        gradients, (loss, (_, real)) = jax.grad(loss_fn, has_aux=True)(state.d_params)
        d_params, d_opt = _updated(self.d_optimizer, gradients, state.d_opt, state.d_params)
        state = _reported(state, real).replace(d_params=d_params, d_opt=d_opt, g_model_state=generated.stats)
        return state, {"loss/D": loss, "score/real": real.mean(), "real_sign": jnp.sign(real).mean()}

    def d_reg(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """A step of the discriminator towards small gradients at real images."""
        key, reals, c = self._key(state, 3), as_float(batch["image"]), batch.get("label")

        def loss_fn(d_params):
            augment = lambda images: self._augmented(key, images, state)
            loss, out = objectives.d_reg(self.gan, d_params, reals, self.losses.r1_gamma, augment, c)
            return self.schedule.d_interval * loss.mean(), out

        gradients, (penalty, real) = jax.grad(loss_fn, has_aux=True)(state.d_params)
        d_params, d_opt = _updated(self.d_optimizer, gradients, state.d_opt, state.d_params)
        return _reported(state, real).replace(d_params=d_params, d_opt=d_opt), {"r1": penalty.mean()}

    def finish(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """The average of the generator, the augmentation's strength and the count of batches."""
        size, s = len(batch["image"]), self.schedule
        beta = adversarial.ema_beta(size, state.step * size, s.ema_kimg, s.ema_ramp_up)
        step, ada = state.step + 1, state.ada
        due = step % s.ada_interval == 0
        if self.control is not None:
            p = self.control(ada.p, ada.sign_sum / jnp.maximum(ada.count, 1))
            ada = ada.replace(p=jnp.where(due, p, ada.p))
        ada = ada.replace(sign_sum=jnp.where(due, 0, ada.sign_sum), count=jnp.where(due, 0, ada.count))
        ema_params = moving_average(state.ema_params, state.g_params, beta)
        state = state.replace(step=step, ada=ada, ema_params=ema_params, ema_model_state=state.g_model_state)
        return state, {"ada_p": ada.p, "path_length_mean": state.pl_mean}

    def _key(self, state: GANState, phase: int) -> Array:
        return jax.random.fold_in(state.step_key(), phase)

    def _draws(self, key: Array, size: int) -> LatentDraws:
        generator, (z, mixing_z, cutoff, noise) = self.gan.generator, jax.random.split(key, 4)
        shape, rows = (size, generator.z_dim), num_ws(generator.resolution)
        cutoff = adversarial.draw_cutoff(cutoff, rows, self.losses.style_mixing)
        return LatentDraws(self._normal(z, shape), self._normal(mixing_z, shape), cutoff, noise)

    def _normal(self, key: Array, shape: tuple[int, ...]) -> Array:
        return jax.lax.with_sharding_constraint(jax.random.normal(key, shape), sharding.batch_sharding(self.mesh))

    def _augmented(self, key: Array, images: Array, state: GANState) -> Array:
        return images if self.augment is None else self.augment(key, images, state.ada.p)


def _updated(optimizer: optax.GradientTransformation, gradients: Any, opt_state: Any, params: Any) -> tuple[Any, Any]:
    """The next parameters and state of the optimiser."""
    updates, opt_state = optimizer.update(adversarial.clean_gradients(gradients), opt_state, params)
    return optax.apply_updates(params, updates), opt_state


def _reported(state: GANState, real: Array) -> GANState:
    """The logits [B] of real images, for the augmentation's strength."""
    ada = state.ada
    return state.replace(ada=ada.replace(sign_sum=ada.sign_sum + jnp.sign(real).sum(), count=ada.count + len(real)))
