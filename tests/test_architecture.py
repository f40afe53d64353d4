"""Arrows point one way: commands -> a system's science -> common.nn, common.metrics -> common.ops."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEMS = ("fase_jax", "lead_jax", "hsr_jax")
# What a package may import of this project besides itself.
MAY_IMPORT = {
    "common/ops": (),
    "common/nn": ("common.ops",),
    "common/metrics": ("common.ops", "common.errors"),
    "common/weights": ("common.nn", "common.errors", "common.files", "common.typed", "common.config"),
    "common/viz": ("common.data.faces.scheme", "common.files"),
    "common/data": ("common.ops", "common.errors", "common.files"),
}
SCIENCE = {
    "fase_jax": ("encoder", "transfer", "model", "losses"),
    "hsr_jax": (
        "adversarial",
        "objectives",
        "ada",
        "ada_colour",
        "ada_controller",
        "ada_draws",
        "ada_filter",
        "ada_geometry",
        "regularizer",
        "features",
        "latents",
        "editing",
        "projection",
    ),
}


def _imports(path: Path) -> set[str]:
    """Modules of this project that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in ("common", *SYSTEMS)}


def _allowed(name: str, prefixes) -> bool:
    return name == "common" or any(name == p or name.startswith(f"{p}.") or p.startswith(f"{name}.") for p in prefixes)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_common_packages_import_what_lies_below(package):
    own = package.replace("/", ".")
    for path in sorted((ROOT / package).rglob("*.py")):
        wrong = {name for name in _imports(path) if not _allowed(name, (own, *MAY_IMPORT[package]))}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_common_knows_no_system_and_systems_not_each_other():
    for package in ("common", *SYSTEMS):
        for path in sorted((ROOT / package).rglob("*.py")):
            others = {name.split(".")[0] for name in _imports(path)} - {"common", package}
            assert not others, f"{path.relative_to(ROOT)} imports {sorted(others)}"


@pytest.mark.parametrize("package", SCIENCE)
def test_science_does_no_io(package):
    for name in SCIENCE[package]:
        wrong = {
            module
            for module in _imports(ROOT / package / f"{name}.py")
            if module.startswith(("common.train", "common.data", "common.viz", "common.files"))
        }
        assert not wrong, f"{package}/{name}.py imports {sorted(wrong)}"
