"""Variables of modules before any training."""

from typing import Any

import flax.linen as nn
import jax
from jax import Array


def init_on_host(module: nn.Module, key: Array, *inputs: Any) -> dict[str, Any]:
    """Variables of an untrained module, drawn with a PRNG key; the same on every backend.

    Args:
      module: the module.
      key: one PRNG key.
      inputs: arguments of the module's call; only their shapes and types matter.
    """
    # The program runs once, on the host and hardly optimised, since optimising a hundred draws takes half a minute.
    init = jax.jit(module.init, compiler_options={"xla_backend_optimization_level": 0})
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        return init(key, *inputs)
