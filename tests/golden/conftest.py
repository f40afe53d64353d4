"""Golden tests run at full float32 on every backend, and say which arrays they have compared."""

import sys
from pathlib import Path

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import reference  # noqa: E402  (found by the line above, whichever way pytest is started)


@pytest.fixture(autouse=True, scope="module")
def full_float32():
    with jax.default_matmul_precision("highest"):
        yield


@pytest.fixture(autouse=True)
def compared_arrays(request):
    """Adds the arrays that a test compares to its report, which `golden_coverage` reads."""
    reference.COMPARED.clear()
    yield
    request.node.user_properties.append(("compared", sorted(reference.COMPARED)))
