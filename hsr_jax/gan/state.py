"""Everything that a training step of the generator and the discriminator changes, as one pytree."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array


class AdaState(flax.struct.PyTreeNode):
    """The augmentation's strength and what decides on the next one."""

    p: Array
    """float32 [], the overall strength."""
    sign_sum: Array
    """float32 [], sum of the signs of the logits of real images since the last decision."""
    count: Array
    """float32 [], number of these logits."""


class GANState(flax.struct.PyTreeNode):
    """State before batch `step`. Variables of the generator are {"params": g_params, **g_stats}."""

    step: Array
    """int32 [], number of batches done."""
    g_params: Any
    g_stats: Any
    """The generator's collections: {"stats": ...} with the mean w and the noise maps."""
    d_params: Any
    head_params: Any
    """Of the predictors that the semantic regularizer trains; {} without it."""
    g_opt: optax.OptState
    d_opt: optax.OptState
    head_opt: optax.OptState
    """Apart from `g_opt`: the predictors take no step where the generator is regularised."""
    ema_params: Any
    """Moving average of `g_params`: the generator to use."""
    ema_stats: Any
    """Of the average; like `g_stats`."""
    pl_mean: Array
    """float32 [], running mean of the path lengths."""
    ada: AdaState
    key: Array
    """Typed PRNG key. It never changes: batch k draws from `step_key()`, so that a resumed run draws the same."""

    def step_key(self) -> Array:
        """The key of this batch."""
        return jax.random.fold_in(self.key, self.step)

    @property
    def params(self) -> dict[str, Any]:
        """All that learns."""
        return {"generator": self.g_params, "discriminator": self.d_params, "heads": self.head_params}

    @property
    def stats(self) -> Any:
        """The collections of the modules."""
        return self.g_stats


def create_gan_state(
    g_variables: dict[str, Any],
    d_params: Any,
    g_optimizer: optax.GradientTransformation,
    d_optimizer: optax.GradientTransformation,
    key: Array,
    head_params: Any = None,
    ada_p: float = 0.0,
) -> GANState:
    """State before the first batch. The arrays are shared with the caller's: a step that donates its state invalidates
    those too.

    Args:
      g_variables: {"params": ..., "stats": ...}, of an untrained generator or an imported one.
      ada_p: strength of the augmentation at the start.
    """
    head_params = {} if head_params is None else head_params
    g_params = g_variables["params"]
    g_stats = {name: collection for name, collection in g_variables.items() if name != "params"}
    zero = lambda: jnp.zeros((), jnp.float32)
    return GANState(
        step=jnp.zeros((), jnp.int32),
        g_params=g_params,
        g_stats=g_stats,
        d_params=d_params,
        head_params=head_params,
        g_opt=g_optimizer.init(g_params),
        d_opt=d_optimizer.init(d_params),
        head_opt=g_optimizer.init(head_params),
        ema_params=jax.tree.map(jnp.array, g_params),
        ema_stats=jax.tree.map(jnp.array, g_stats),
        pl_mean=zero(),
        ada=AdaState(jnp.float32(ada_p), zero(), zero()),
        key=key,
    )
