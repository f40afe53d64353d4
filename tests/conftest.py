"""Settings of all tests: eight virtual devices for the sharding tests, and an error for every silent rank promotion.

Programs are hardly optimised, because the tests compile hundreds of small ones and run each of them once.
"""

import os
import sys
from pathlib import Path

FLAGS = ("--xla_force_host_platform_device_count=8", "--xla_backend_optimization_level=0")
os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *FLAGS))

import jax  # noqa: E402  (the flags must be set first)
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")

sys.path.insert(0, str(Path(__file__).parent / "golden"))

from golden_coverage import GoldenCoverage  # noqa: E402


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # the process that starts the workers and collects their results
        config.pluginmanager.register(GoldenCoverage())


@pytest.fixture(autouse=True, scope="module")
def _release_programs():
    """Frees the compiled programs of a test file at its end; otherwise a worker holds several gigabytes of them."""
    yield
    jax.clear_caches()
