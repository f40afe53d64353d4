"""What FASE starts from: a trained generator and its inversion encoder (Sec. 4.3)."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util
from safetensors import SafetensorError
from safetensors.numpy import load_file

from common.errors import InputError
from common.nn.stylegan2 import Generator
from common.train import workdir
from common.weights import feature_style
from common.weights import stylegan2 as generators
from fase_jax import inference
from fase_jax.config import Config

PREFIXES = ("g_ema.", "decoder.", "generator.", "encoder.", "module.")


def load_prior(path: str, variables: dict[str, Any], config: Config) -> dict[str, Any]:
    """Variables of the model with generator, mean w and encoder from `path`; the ITLs stay as they start.

    Args:
      path: the work directory of a FASE run with the same encoder and generator (any number of landmarks), or a
        directory with `generator.safetensors` (StyleGAN2-ADA's or rosinality's layout, the mean w as `latent_avg`) and
        `encoder.safetensors` (Feature-Style).
      variables: of the untrained model.
      config: of the run.

    Raises:
      InputError: nothing usable there, or it is of another model; names the arrays.
    """
    directory = Path(path)
    if (directory / workdir.CONFIG).is_file():
        return _from_run(directory, variables)
    files = {name: directory / f"{name}.safetensors" for name in ("generator", "encoder")}
    missing = [str(file) for file in files.values() if not file.is_file()]
    if missing:
        raise InputError(
            f"field prior: {missing[0]} does not exist; name the work directory of a run, a directory with "
            "generator.safetensors and encoder.safetensors, or `none`"
        )
    generator = _read_generator(files["generator"], config)
    encoder = _read_encoder(files["encoder"], variables, config)
    return {
        "params": variables["params"] | {"synthesis": generator["params"]["synthesis"], "encoder": encoder["params"]},
        "batch_stats": variables["batch_stats"] | {"encoder": encoder["batch_stats"]},
        "stats": {"synthesis": generator["stats"]["synthesis"], "w_avg": generator["stats"]["mapping"]["w_avg"]},
    }


def _from_run(directory: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """Encoder, generator and mean w of another run: everything but its ITLs."""
    found = inference.load(str(directory)).variables
    parts = {name: found["params"][name] for name in ("encoder", "synthesis")}
    rest = {name: value for name, value in found.items() if name != "params"}
    loaded = {"params": variables["params"] | parts, **rest}
    shapes = [traverse_util.flatten_dict(jax.tree.map(np.shape, tree), sep="/") for tree in (loaded, variables)]
    different = sorted(
        name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name)
    )
    if different:
        raise InputError(
            f"field prior: {directory}: {different[0]} and {len(different) - 1} more have other shapes here; "
            "give both runs the same sizes of encoder and generator"
        )
    return loaded


def _read_generator(file: Path, config: Config) -> dict[str, Any]:
    arrays = _load(file)
    sizes = config.model
    if any(key.startswith("synthesis.") for key in arrays):
        found = generators.from_ada(arrays, source=str(file))
        module = generators.ada_generator(arrays, source=str(file))
    else:
        mean = arrays.pop("latent_avg", None)
        if mean is None:
            raise InputError(f"{file}: no latent_avg, the mean w that W+ offsets start from; add it to the file")
        mean = mean if mean.ndim == 1 else mean.reshape(-1, mean.shape[-1])[0]
        found = generators.from_rosinality(arrays, mean, source=str(file))
        module = generators.rosinality_generator(arrays, source=str(file))
    return _check_generator(found, module, sizes, file)


def _check_generator(found: dict[str, Any], module: Generator, sizes, file: Path) -> dict[str, Any]:
    have = (module.resolution, module.w_dim, module.channel_base, module.channel_max)
    want = (sizes.generator_resolution, sizes.w_dim, sizes.channel_base, sizes.channel_max)
    names = ("generator_resolution", "w_dim", "channel_base", "channel_max")
    off = [f"model.{n} is {w}, the file has {h}" for n, h, w in zip(names, have, want, strict=True) if h != w]
    if off:
        raise InputError(f"{file}: {'; '.join(off)}; set these fields")
    return found


def _read_encoder(file: Path, variables: dict[str, Any], config: Config) -> dict[str, Any]:
    template = {name: variables[name]["encoder"] for name in ("params", "batch_stats")}
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), template)
    arrays = _load(file)
    return feature_style.from_feature_style(arrays, shapes, config.model.encoder_depths, source=str(file))


def _load(file: Path) -> dict[str, np.ndarray]:
    """Arrays of a safetensors file, without a prefix that all or some of the names share."""
    try:
        arrays = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file}: not a whole safetensors file ({error}); download or export it again") from error
    for prefix in PREFIXES:
        if any(key.startswith(prefix) for key in arrays):
            arrays = {key.removeprefix(prefix): value for key, value in arrays.items()}
    return arrays
