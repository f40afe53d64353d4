"""Tests of imports, sizes of folders and first words of docstrings. New files are covered without an edit.

Arrows: commands and benchmarks -> configs -> a system's science -> common.pretrained, common.augment -> common.nn,
common.metrics -> common.ops.
"""

import ast
import functools
import graphlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SYSTEMS = ("fase_jax", "lead_jax", "hsr_jax")
PACKAGES = [name for name in ("common", *SYSTEMS, "configs", "benchmarks") if (ROOT / name).is_dir()]
MAX_FILES = 18
PURE = ("common.errors", "common.ops")
MODELS = (*PURE, "common.nn", "common.metrics", "common.augment", "common.pretrained")
BASE = tuple(f"common.{name}" for name in "errors files archive terminal typed config tables".split())

# Folder of `common` -> modules that its files may import besides the folder itself; `PURE` for a folder not named here.
COMMON = {
    "nn": PURE,
    "metrics": PURE,
    "augment": (*PURE, "common.nn", "common.metrics"),
    "weights": (*BASE, *PURE, "common.nn"),
    "pretrained": (*PURE, "common.nn", "common.metrics", "common.weights", "common.files"),
    "data": (*BASE, *PURE),
    "viz": (*BASE, *PURE, "common.metrics", "common.data.faces.scheme"),
    "train": (*BASE, *PURE, "common.data"),
}

# Files and folders of a system that may import all of `common`, each with its task. Every other file is science: it may
# import `MODELS`, its system's science and its system's config, and nothing that touches a disk, a clock or a process.
DRIVERS = {
    "fase_jax": {
        "config": "fields of a run",
        "train evaluate predict repeat compare tables demo": "commands",
        "step": "joins model, losses, augmentation and optimizer into the compiled functions",
        "sources": "opens the data of a config",
        "prior": "loads pretrained weights into a model",
        "detector": "loads a run and predicts a source",
        "results": "errors of predictions as tables and JSON",
    },
    "hsr_jax": {
        "config": "fields of a run",
        "train evaluate generate project edit lines tables train_attributes export": "commands",
        "published": "numbers of the thesis beside ours",
        "sources": "opens the data of a config",
        "snapshot": "loads a trained generator",
        "build": "networks and optimizers of a config",
        "gan.step": "compiles the phases for a mesh",
        "evaluation": "runs networks over data, writes results and pictures",
        "editing.renderer": "runs the generator over latents",
        "editing.scorer": "runs the attribute classifier over images",
        "editing.latent_files": "reads and writes latents",
        "editing.options": "options that the editing commands share",
        "attributes.config": "fields of a classifier's run",
        "attributes.data": "reads tables of attributes",
        "attributes.build": "loads a trained classifier",
    },
}


@functools.cache
def _files(package: str) -> dict[str, Path]:
    """Files of a package by module name."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = [name for package in PACKAGES for name in _files(package)]
TESTS = list(_files("tests"))


@functools.cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_files(name.split(".")[0])[name].read_text())


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def _imports(name: str) -> list[tuple[str, str | None]]:
    """Modules of this project that a module imports, each with its alias, if any."""
    found = []
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found += [(alias.name, alias.asname) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append((inner, alias.asname) if _is_module(inner) else (node.module, None))
    return [(imported, alias) for imported, alias in found if imported.split(".")[0] in PACKAGES]


def _lies_in(name: str, places: tuple[str, ...] | list[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def _drivers(system: str) -> list[str]:
    return [f"{system}.{name}" for names in DRIVERS.get(system, {}) for name in names.split()]


def _allowed(name: str) -> tuple[str, ...]:
    """Modules and packages that a module may import."""
    top, *rest = name.split(".")
    if top == "benchmarks":
        return tuple(PACKAGES)
    if top == "configs":
        return ("configs", "common", *SYSTEMS)
    if top in SYSTEMS:
        return (top, "common") if _lies_in(name, _drivers(top)) else (top, *MODELS)
    if not rest:
        return ()
    own = f"common.{rest[0]}"
    return (own, *BASE) if own in BASE else (own, *COMMON.get(rest[0], PURE))


def _wrong_imports(name: str) -> list[str]:
    imported, top = {imported for imported, _ in _imports(name)} - {"common"}, name.split(".")[0]
    wrong = {other for other in imported if not _lies_in(other, _allowed(name))}
    if top in SYSTEMS and not _lies_in(name, _drivers(top)):  # of the drivers, science may import the config only
        wrong |= {other for other in imported - {f"{top}.config"} if _lies_in(other, _drivers(top))}
    return sorted(wrong)


def test_imports_follow_the_arrows():
    assert {name: wrong for name in MODULES if (wrong := _wrong_imports(name))} == {}


def test_no_modules_import_each_other():
    """Neither when they run nor for the type checker only."""
    graph = {name: {other for other, _ in _imports(name)} - {name} for name in MODULES}
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that lists the modules of a circle


def test_every_driver_exists():
    assert [name for system in DRIVERS for name in _drivers(system) if not _is_module(name)] == []


def test_no_module_of_the_project_has_an_alias():
    aliases = {name: [f"{other} as {alias}" for other, alias in _imports(name) if alias] for name in MODULES + TESTS}
    assert {name: found for name, found in aliases.items() if found} == {}


def test_folders_are_small():
    folders = {path.parent for package in PACKAGES for path in _files(package).values()}
    assert {str(f.relative_to(ROOT)): n for f in folders if (n := len(list(f.glob("*.py")))) > MAX_FILES} == {}


PREPOSITIONS = frozenset(
    "about above across after against along among around as at before behind below beneath beside besides between "
    "beyond by down during except for from in inside into like near of off on onto out outside over per since than "
    "through to toward towards under unlike until up upon via with within without".split()
)


def _docstrings(name: str) -> list[tuple[int, str]]:
    """Lines and texts of the docstrings of a module, its functions, its classes and their fields."""
    statements = [node.value for node in ast.walk(_tree(name)) if isinstance(node, ast.Expr)]
    return [(s.lineno, s.value) for s in statements if isinstance(s, ast.Constant) and isinstance(s.value, str)]


def test_docstrings_start_with_a_verb_or_a_noun_phrase():
    first_words = {f"{name}:{line}": text.split()[:1] for name in MODULES for line, text in _docstrings(name)}
    wrong = {place for place, words in first_words.items() if not words or words[0].strip(",;").lower() in PREPOSITIONS}
    assert sorted(wrong) == []


def test_metrics_are_exported_as_functions():
    """Function and file of a metric can be imported even if they have the same name."""
    import common.metrics
    from common.metrics.nme import inter_ocular

    exports = {name: getattr(common.metrics, name) for name in common.metrics.__all__}
    assert exports["inter_ocular"] is inter_ocular
    assert [name for name, export in exports.items() if not callable(export)] == []
