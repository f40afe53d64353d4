"""State of the training of a generator and a discriminator, as one pytree."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array


class AdaState(flax.struct.PyTreeNode):
    """Strength of the augmentation, and the statistics from which the next strength is computed."""

    p: Array
    """float32 [], strength of all augmentations."""
    sign_sum: Array
    """float32 [], sum of the signs of real images' logits since the last change of the strength."""
    count: Array
    """float32 [], number of logits in `sign_sum`."""


class GANState(flax.struct.PyTreeNode):
    """State before batch `step`. The generator's variables are {"params": g_params, **g_model_state}."""

    step: Array
    """int32 [], number of completed batches."""
    g_params: Any
    """Parameters of the generator."""
    g_model_state: Any
    """Collections of the generator besides its parameters: {"stats": ...} with the mean w and the noise maps."""
    d_params: Any
    """Parameters of the discriminator."""
    head_params: Any
    """Parameters of the heads of the semantic regularizer; {} without it."""
    g_opt: optax.OptState
    """State of the generator's optimiser."""
    d_opt: optax.OptState
    """State of the discriminator's optimiser."""
    head_opt: optax.OptState
    """State of the heads' optimiser, separate because the path length regularisation does not step the heads."""
    ema_params: Any
    """Moving average of `g_params`; the result of a training."""
    ema_model_state: Any
    """Collections of the averaged generator, like `g_model_state`."""
    pl_mean: Array
    """float32 [], running mean of the path lengths."""
    ada: AdaState
    """State of the augmentation."""
    key: Array
    """Typed PRNG key. It never changes: each batch draws from `step_key()`, so a resumed run draws the same numbers."""

    def step_key(self) -> Array:
        """PRNG key of the next batch."""
        return jax.random.fold_in(self.key, self.step)

    def watched(self) -> Any:
        """Trained parameters and collections, which must stay finite."""
        names = ("g_params", "d_params", "head_params", "g_model_state")
        return {name: getattr(self, name) for name in names}


def create_gan_state(
    g_variables: dict[str, Any],
    d_params: Any,
    g_optimizer: optax.GradientTransformation,
    d_optimizer: optax.GradientTransformation,
    key: Array,
    head_params: Any = None,
    ada_p: float = 0.0,
) -> GANState:
    """State before the first batch.

    The arrays are shared with the caller: a step that donates its state invalidates the caller's as well.

    Args:
      g_variables: {"params": ..., "stats": ...} of an untrained or imported generator.
      ada_p: initial strength of the augmentation.
    """
    head_params = {} if head_params is None else head_params
    g_params = g_variables["params"]
    g_model_state = {name: collection for name, collection in g_variables.items() if name != "params"}
    zero = lambda: jnp.zeros((), jnp.float32)
    return GANState(
        step=jnp.zeros((), jnp.int32),
        g_params=g_params,
        g_model_state=g_model_state,
        d_params=d_params,
        head_params=head_params,
        g_opt=g_optimizer.init(g_params),
        d_opt=d_optimizer.init(d_params),
        head_opt=g_optimizer.init(head_params),
        ema_params=jax.tree.map(jnp.array, g_params),
        ema_model_state=jax.tree.map(jnp.array, g_model_state),
        pl_mean=zero(),
        ada=AdaState(jnp.float32(ada_p), zero(), zero()),
        key=key,
    )
