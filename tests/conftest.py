"""Eight virtual devices for the sharding tests; silent rank promotion is an error everywhere."""

import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"

import jax  # noqa: E402  (the flag must be set first)

jax.config.update("jax_numpy_rank_promotion", "raise")
