"""Trained generators, read from a run's work directory, an imported directory or a public checkpoint."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save

from common import files
from common.nn.hsr_heads import GeneratorWithHeads
from common.nn.stylegan2 import Generator
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
    """Averaged generator and its variables {"params": ..., "stats": ...}, numpy arrays.

    Args:
      path: the work directory of a run (its last checkpoint), a directory that `common.weights import` wrote, or a
        checkpoint in StyleGAN2-ADA's or rosinality's layout.

    Raises:
      InputError: the path is none of these, or it is damaged.
    """
    if (Path(path) / workdir.CONFIG).is_file():
        return _load_run(path)
    _, module, variables = formats.open_network(path, GENERATORS)
    if isinstance(module, GeneratorWithHeads):
        return module.generator, {name: tree["generator"] for name, tree in variables.items()}
    return module, variables


def _load_run(path: str) -> tuple[Generator, dict[str, Any]]:
    config = workdir.read_config(GanConfig, path)
    checkpoints = Checkpoints(path)
    embedding = checkpoints.shapes().get("ema_params/mapping/embed/kernel", (0,))
    gan = build.build_gan(config, c_dim=embedding[0])
    shapes, _ = build.shapes(gan)
    stats = {name: tree for name, tree in shapes.items() if name != "params"}
    part, _ = checkpoints.restore_part({"ema_params": shapes["params"], "ema_model_state": stats}, "last")
    return gan.generator, {"params": part["ema_params"], **part["ema_model_state"]}


def with_networks_of(path: str, new: GANState) -> GANState:
    """State `new` with the generator, the averaged generator and the discriminator of a snapshot, as in StyleGAN2-ADA.

    Optimisers, heads, path-length mean and augmentation are those of `new`.

    Args:
      path: the work directory of a run, or a checkpoint of both networks in StyleGAN2-ADA's or rosinality's layout. If
        the checkpoint holds only the averaged generator, the training also continues from the average.
      new: the state of an untrained run.

    Raises:
      InputError: the snapshot holds networks of other sizes; the message names the first array that differs.
    """
    if (Path(path) / workdir.CONFIG).is_file():
        workdir.read_values(GanConfig, path)  # raises an error for the directory of another kind of run
        names = ("g_params", "g_model_state", "d_params", "ema_params", "ema_model_state")
        like = jax.eval_shape(lambda: {name: getattr(new, name) for name in names})
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
    return new.replace(**jax.tree.map(jnp.array, found))  # copies, because a step that donates its state frees them


def _unaveraged(path: str) -> dict[str, Any] | None:
    """Variables of the generator without averaging, which a StyleGAN2-ADA `.pkl` holds; None if there are none."""
    if converted.is_directory(path):
        return None
    content = read.arrays(path)
    if "G." not in read.prefixes(content, ADA.marks):
        return None
    return ADA.variables(read.part(content, ADA.marks, "G", source=path)[0], source=path)


def write(generator: Generator, variables: dict[str, Any], path: str | Path) -> int:
    """Writes a generator with StyleGAN2-ADA's names of arrays and returns the number of values.

    The .safetensors file `path` is written completely or not at all, and replaces an older one.
    """
    arrays = ADA.arrays(jax.tree.map(np.asarray, variables), generator)
    contiguous = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    files.write_bytes(path, save(contiguous, metadata={"format": "pt"}))
    return sum(x.size for x in contiguous.values())
