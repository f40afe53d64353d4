"""Phases of a training step, each a pure function of the state and a batch.

The order within a batch is: the generator's loss, in every 4th batch its regularisation, the discriminator's loss, in
every 16th batch its regularisation, and finally the averages. Each phase draws its own latents and continues with the
networks that the previous phase returned. A regularisation is a separate step of the optimiser of its network.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from common.ops.pixels import as_float
from common.ops.trees import moving_average
from hsr_jax.gan import losses
from hsr_jax.gan.gan import GAN, LatentDraws, draw_latents
from hsr_jax.gan.losses import LossConfig
from hsr_jax.gan.optimizer import ema_beta, update
from hsr_jax.gan.state import GANState

Batch = dict[str, Array]
Metrics = dict[str, Array]
SemanticLoss = Callable[[Any, Any, dict[str, Array], Array], Array]
"""Semantic regularizer: (parameters of the heads, variables of the extractor, features of the generator, its images
before the augmentation) -> [B, levels]."""
Control = Callable[[Array, Array], Array]
"""Controller of the augmentation: (strength p [], mean sign [] of the logits of real images) -> new p []."""


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """Intervals of the phases and half-life of the average; the defaults are StyleGAN2-ADA's."""

    g_interval: int = 4
    """Number of batches from one path length regularisation to the next; also a factor of its loss."""
    d_interval: int = 16
    """Number of batches from one R1 regularisation to the next; also a factor of its loss."""
    ada_interval: int = 4
    """Number of batches from one change of the augmentation's strength to the next."""
    ema_kimg: float = 10.0
    """Half-life of the generator's average in thousands of images."""
    ema_ramp_up: float | None = None
    """Largest half-life as a share of the images seen, which matters early in a run; None for no limit. StyleGAN2-ADA's
    'auto': 0.05."""


@dataclasses.dataclass(frozen=True)
class Phases:
    """Phases as methods (state, batch) -> (state, dict of scalars); the object itself never changes.

    A batch holds 'image' [B, R, R, C], uint8 or float32 in [-1, 1], and for conditional networks 'label' [B, c_dim],
    float32. Generated images get the labels of the batch, which have the distribution of the data.
    """

    gan: GAN
    """Generator and discriminator."""
    losses: LossConfig
    """Weights of the losses."""
    schedule: ScheduleConfig
    """Intervals of the phases."""
    g_optimizer: optax.GradientTransformation
    """Optimiser of the generator. The heads use it too, with the same learning rate and a separate state."""
    d_optimizer: optax.GradientTransformation
    """Optimiser of the discriminator."""
    mesh: Mesh
    """Devices. Batches and random draws are split over the mesh axis 'data'; all other arrays are on every device."""
    augment: Callable[[Array, Array, Array], Array] | None = None
    """Augmentation: (key, images [B, R, R, C], strength p []) -> augmented images [B, R, R, C]; None for none."""
    semantic_loss: SemanticLoss | None = None
    """Semantic regularizer of `g_main_hsr`; None for a baseline."""
    control: Control | None = None
    """Controller of the augmentation's strength; None keeps the strength constant."""

    def g_main(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Step of the generator against the discriminator. Eq. (4.1), thesis."""
        return self._g_main(state, batch, None)

    def g_main_hsr(self, state: GANState, batch: Batch, extractor: Any) -> tuple[GANState, Metrics]:
        """Step of the generator and of the heads with the semantic regularizer. Eq. (4.2), thesis.

        Args:
          extractor: variables of the frozen network.
        """
        semantic_loss = self.semantic_loss
        if semantic_loss is None:
            raise ValueError("the phase with the semantic regularizer needs `semantic_loss`")
        return self._g_main(state, batch, lambda heads, *rest: semantic_loss(heads, extractor, *rest))

    def _g_main(self, state: GANState, batch: Batch, semantic_loss: Callable | None) -> tuple[GANState, Metrics]:
        draw, augmentation = jax.random.split(self._key(state, 0))
        draws, c = self._draws(draw, len(batch["image"])), batch.get("label")

        def loss_fn(params):
            augment = lambda images: self._augmented(augmentation, images, state)
            model_state, d_params = state.g_model_state, state.d_params
            loss, (logits, generated) = losses.g_main(self.gan, params[0], model_state, d_params, draws, augment, c)
            metrics = {"loss/G": loss.mean(), "score/fake": logits.mean()}
            if semantic_loss is not None:
                hsr = semantic_loss(params[1], generated.features, generated.images).sum(1)
                loss, metrics["loss/hsr"] = loss + hsr, hsr.mean()
            return loss.mean(), (generated.model_state, metrics)

        params = (state.g_params,) if semantic_loss is None else (state.g_params, state.head_params)
        gradients, (model_state, metrics) = jax.grad(loss_fn, has_aux=True)(params)
        g_params, g_opt = update(self.g_optimizer, gradients[0], state.g_opt, state.g_params)
        state = state.replace(g_params=g_params, g_opt=g_opt, g_model_state=model_state)
        if semantic_loss is not None:
            head_params, head_opt = update(self.g_optimizer, gradients[1], state.head_opt, state.head_params)
            state = state.replace(head_params=head_params, head_opt=head_opt)
        return state, metrics

    def g_reg(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Step of the generator towards equal path lengths."""
        draw, noise = jax.random.split(self._key(state, 1))
        size, shrink = len(batch["image"]), self.losses.path_length_shrink
        # Every `shrink`-th label is taken, so that each device finds its labels in its own part of the batch.
        c = batch["label"][::shrink][: size // shrink] if "label" in batch else None
        draws = self._draws(draw, size // shrink)
        pl_noise = self._normal(noise, (size // shrink, *batch["image"].shape[1:]))

        def loss_fn(g_params):
            weight = self.losses.path_length_weight
            loss, out = losses.g_reg(self.gan, g_params, state.g_model_state, state.pl_mean, draws, pl_noise, weight, c)
            return self.schedule.g_interval * loss.mean(), out

        gradients, out = jax.grad(loss_fn, has_aux=True)(state.g_params)
        g_params, g_opt = update(self.g_optimizer, gradients, state.g_opt, state.g_params)
        state = state.replace(g_params=g_params, g_opt=g_opt, g_model_state=out.model_state, pl_mean=out.mean)
        return state, {"path_length": out.lengths.mean(), "path_length_penalty": out.penalty.mean()}

    def d_main(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Step of the discriminator on one batch of generated and one of real images. Eq. (4.1), thesis."""
        draw, *augmentations = jax.random.split(self._key(state, 2), 3)
        reals, c = as_float(batch["image"]), batch.get("label")
        generated = self.gan.generate(state.g_params, state.g_model_state, self._draws(draw, len(reals)), c)
        fakes = self._augmented(augmentations[0], generated.images, state)
        reals = self._augmented(augmentations[1], reals, state)

        def loss_fn(d_params):
            loss, logits = losses.d_main(self.gan, d_params, fakes, reals, c)
            return loss.mean(), (loss.mean(), logits)

        gradients, (loss, (_, real)) = jax.grad(loss_fn, has_aux=True)(state.d_params)
        d_params, d_opt = update(self.d_optimizer, gradients, state.d_opt, state.d_params)
        state = _reported(state, real).replace(d_params=d_params, d_opt=d_opt, g_model_state=generated.model_state)
        return state, {"loss/D": loss, "score/real": real.mean(), "real_sign": jnp.sign(real).mean()}

    def d_reg(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Step of the discriminator towards small gradients at real images (R1)."""
        key, reals, c = self._key(state, 3), as_float(batch["image"]), batch.get("label")

        def loss_fn(d_params):
            augment = lambda images: self._augmented(key, images, state)
            loss, out = losses.d_reg(self.gan, d_params, reals, self.losses.r1_gamma, augment, c)
            return self.schedule.d_interval * loss.mean(), out

        gradients, (penalty, real) = jax.grad(loss_fn, has_aux=True)(state.d_params)
        d_params, d_opt = update(self.d_optimizer, gradients, state.d_opt, state.d_params)
        return _reported(state, real).replace(d_params=d_params, d_opt=d_opt), {"r1": penalty.mean()}

    def finish(self, state: GANState, batch: Batch) -> tuple[GANState, Metrics]:
        """Update of the generator's average, of the augmentation's strength and of the count of batches."""
        size, s = len(batch["image"]), self.schedule
        beta = ema_beta(size, state.step * size, s.ema_kimg, s.ema_ramp_up)
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

    def _draws(self, key: Array, batch: int) -> LatentDraws:
        return draw_latents(key, self.gan.generator, batch, self.losses.style_mixing, self._normal)

    def _normal(self, key: Array, shape: tuple[int, ...]) -> Array:
        split = NamedSharding(self.mesh, PartitionSpec("data"))
        return jax.lax.with_sharding_constraint(jax.random.normal(key, shape), split)

    def _augmented(self, key: Array, images: Array, state: GANState) -> Array:
        return images if self.augment is None else self.augment(key, images, state.ada.p)


def _reported(state: GANState, real: Array) -> GANState:
    """State after the signs of real images' logits [B] are counted, which decide about the augmentation's strength."""
    ada = state.ada
    return state.replace(ada=ada.replace(sign_sum=ada.sign_sum + jnp.sign(real).sum(), count=ada.count + len(real)))
