"""Directories with an imported network: its variables, and a JSON file with its module and its origin."""

import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util
from safetensors.numpy import save

from common import files
from common.config import stored_class
from common.errors import InputError
from common.weights import read

VARIABLES = "variables.safetensors"
HEADER = "weights.json"


def save_directory(directory: str | Path, variables: dict, header: Mapping[str, Any]) -> None:
    """Writes `variables` (a tree of arrays) and `header` (JSON values) as a whole directory, or nothing.

    Raises:
      InputError: the directory exists and is not empty, or cannot be written.
    """
    directory = Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory}: exists already; name another directory or delete it")
    flat = traverse_util.flatten_dict(variables, sep="/")
    data = save({path: np.asarray(x, order="C") for path, x in flat.items()})
    aside = None
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        files.write_bytes(aside / VARIABLES, data)
        files.write_json(aside / HEADER, {**header, "variables_sha256": hashlib.sha256(data).hexdigest()})
        os.chmod(aside, 0o755)  # mkdtemp gives a directory that only its owner may read
        os.replace(aside, directory)
    except OSError as error:
        raise InputError(f"{directory}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)  # gone after the rename


def is_directory(path: str | Path) -> bool:
    """Whether `path` is a directory that `save_directory` wrote."""
    return (Path(path) / HEADER).is_file()


def load_directory(directory: str | Path) -> tuple[dict[str, Any], dict]:
    """Header and variables (a tree of NumPy arrays) of a directory that `save_directory` wrote.

    Raises:
      InputError: `save_directory` did not write the directory or it was changed.
    """
    directory = Path(directory)
    if not is_directory(directory):
        if run := stored_class(directory):
            raise InputError(
                f"{directory}: holds a run with a {run}, not an imported network; `python -m hsr_jax.export` writes "
                "the generator of a GAN's run"
            )
        raise InputError(f"{directory}: holds no {HEADER}; make it with `python -m common.weights import`")
    header, file = files.read_json(directory / HEADER), directory / VARIABLES
    arrays = read.arrays(file)
    if sha256(file) != header.get("variables_sha256"):
        raise InputError(f"{file}: not the file that the import wrote, its hash differs; import again")
    return header, traverse_util.unflatten_dict(arrays, sep="/")


def describe(module: Any) -> Any:
    """A module as JSON values: its class, and its fields that hold numbers, texts or modules."""
    if dataclasses.is_dataclass(module):
        names = [field.name for field in dataclasses.fields(module) if field.name not in ("parent", "name", "dtype")]
        return {"class": type(module).__name__} | {name: describe(getattr(module, name)) for name in names}
    if isinstance(module, Mapping):
        return {name: describe(value) for name, value in module.items()}
    return [describe(value) for value in module] if isinstance(module, tuple | list) else module


def build(value: Any, classes: Iterable[type]) -> Any:
    """The inverse of `describe`, for modules of these classes. Raises `KeyError` or `TypeError` for other values."""
    if isinstance(value, list):
        return tuple(build(item, classes) for item in value)
    if not isinstance(value, dict):
        return value
    fields = {name: build(item, classes) for name, item in value.items() if name != "class"}
    return {cls.__name__: cls for cls in classes}[value["class"]](**fields) if "class" in value else fields


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name a file") from error
