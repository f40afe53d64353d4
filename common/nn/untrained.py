"""Variables of modules before any training."""

from typing import Any

import flax.linen as nn
import jax
from jax import Array


def init_on_host(module: nn.Module, key: Array, *inputs: Any) -> dict[str, Any]:
    """Variables of an untrained module by a PRNG key, the same on every backend.

    Args:
      inputs: what the module is called with; only shapes and types matter.
    """
    # On the host and hardly optimised: the program runs once, and optimising a hundred draws takes half a minute.
    init = jax.jit(module.init, compiler_options={"xla_backend_optimization_level": 0})
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        return init(key, *inputs)
