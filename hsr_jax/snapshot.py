"""Trained generators, read from a run's work directory, an imported directory or a public checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from safetensors.numpy import save

from common import files
from common.nn.hsr_heads import GeneratorWithHeads
from common.nn.stylegan2 import Generator
from common.ops.pixels import stylegan2_ada_uint8
from common.ops.trees import check_same_shapes
from common.train import workdir
from common.train.checkpoint import Checkpoints
from common.weights import converted, formats, read
from common.weights.networks.stylegan2 import ADA
from hsr_jax import build
from hsr_jax.config import GanConfig
from hsr_jax.gan.state import GANState

GENERATORS = ("stylegan2-ada", "hsr", "rosinality")
DISCRIMINATORS = ("stylegan2-ada-discriminator", "rosinality-discriminator")


def load(path: str) -> tuple[Generator, dict[str, Any]]:
    """The averaged generator and its variables {"params": ..., "stats": ...}, numpy arrays.

    Args:
      path: the work directory of a run (its last checkpoint), a directory that `common.weights import` wrote, or a
        checkpoint in StyleGAN2-ADA's or rosinality's layout.

    Raises:
      InputError: none of these is there, or it is damaged.
    """
    if (Path(path) / workdir.CONFIG).is_file():
        return _of_run(path)
    _, module, variables = formats.open_network(path, GENERATORS)
    if isinstance(module, GeneratorWithHeads):
        return module.generator, {name: tree["generator"] for name, tree in variables.items()}
    return module, variables


def _of_run(path: str) -> tuple[Generator, dict[str, Any]]:
    config = workdir.read_config(GanConfig, path)
    checkpoints = Checkpoints(path)
    embedding = checkpoints.shapes().get("ema_params/mapping/embed/kernel", (0,))
    generator = build.build_gan(config, c_dim=embedding[0]).generator
    shapes = jax.eval_shape(generator.init, jax.random.key(0), *_inputs(generator))
    stats = {name: tree for name, tree in shapes.items() if name != "params"}
    part, _ = checkpoints.restore_part({"ema_params": shapes["params"], "ema_model_state": stats}, "last")
    return generator, {"params": part["ema_params"], **part["ema_model_state"]}


def with_networks_of(path: str, new: GANState) -> GANState:
    """`new` with the networks of a snapshot: generator, average and discriminator, as StyleGAN2-ADA resumes.

    Optimisers, heads, path-length mean and augmentation start anew.

    Args:
      path: the work directory of a run, or a checkpoint of both networks in StyleGAN2-ADA's or rosinality's layout.
        Where it holds the averaged generator only, that is also the one that is trained further.
      new: the state of an untrained run.

    Raises:
      InputError: the snapshot holds other networks; names the first array that differs.
    """
    if (Path(path) / workdir.CONFIG).is_file():
        workdir.read_values(GanConfig, path)  # says what else is there
        names = ("g_params", "g_model_state", "d_params", "ema_params", "ema_model_state")
        like = {name: jax.tree.map(_shape, getattr(new, name)) for name in names}
        part, _ = Checkpoints(path).restore_part(like, "last")
        return new.replace(**jax.tree.map(jnp.asarray, part))
    generator, variables = load(path)
    found = {"d_params": formats.open_network(path, DISCRIMINATORS)[2]["params"]}
    for kind, tree in {"g": _unaveraged(path) or variables, "ema": variables}.items():
        found[f"{kind}_params"] = tree["params"]
        found[f"{kind}_model_state"] = {name: collection for name, collection in tree.items() if name != "params"}
    wanted = {name: getattr(new, name) for name in found}
    remedy = "give this run the sizes of the snapshot"
    check_same_shapes(found, wanted, source=f"field resume_from: {path}", remedy=remedy)
    return new.replace(**jax.tree.map(jnp.array, found))  # copies: a step that donates its state takes each for itself


def _unaveraged(path: str) -> dict[str, Any] | None:
    """Variables of the generator that was trained, which lies beside its average in a StyleGAN2-ADA `.pkl`."""
    if converted.is_directory(path):
        return None
    content = read.arrays(path)
    if "G." not in read.prefixes(content, ADA.marks):
        return None
    return ADA.variables(read.part(content, ADA.marks, "G", source=path)[0], source=path)


def write(generator: Generator, variables: dict[str, Any], path: str | Path) -> int:
    """Writes a generator in StyleGAN2-ADA's names, whole or not at all; returns the number of values.

    Args:
      path: the file, .safetensors; an older one is replaced.
    """
    arrays = ADA.arrays(jax.tree.map(np.asarray, variables), generator)
    contiguous = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    files.write_bytes(path, save(contiguous, metadata={"format": "pt"}))
    return sum(x.size for x in contiguous.values())


def make_generate(generator: Generator) -> Callable[..., Array]:
    """(variables, z [B, z_dim], c or None, psi) -> images uint8 [B, R, R, 3], a pure function to be compiled."""

    def generate(variables: Any, z: Array, c: Array | None = None, psi: float | Array = 1.0) -> Array:
        images, _ = generator.apply(variables, z, c, jnp.float32(psi))
        return stylegan2_ada_uint8(images)

    return generate


def _inputs(generator: Generator) -> tuple[Array, Array | None]:
    return jnp.zeros((1, generator.z_dim)), jnp.zeros((1, generator.c_dim)) if generator.c_dim else None


def _shape(x: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype)
