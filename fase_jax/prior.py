"""The prior that FASE starts from: a trained generator and its inversion encoder (Sec. 4.3, FASE)."""

from pathlib import Path
from typing import Any

from common.errors import InputError
from common.nn.stylegan2 import Generator, channels
from common.ops.trees import check_same_shapes
from common.train import workdir
from common.weights import formats
from fase_jax.config import FaseConfig
from fase_jax.detector import load_detector
from fase_jax.model import ModelConfig


def load_prior(path: str, variables: dict[str, Any], config: FaseConfig) -> dict[str, Any]:
    """The untrained variables with generator, mean w and encoder from `path`; the ITLs keep their initial values.

    Args:
      path: the work directory of a FASE run with the same encoder and generator (its number of landmarks does not
        matter), or a directory with `generator` (in StyleGAN2-ADA's or rosinality's layout) and `encoder`
        (Feature-Style). Each of the two is a directory that `python -m common.weights import` wrote, or a checkpoint
        such as `generator.pkl` or `encoder.pth`.
      variables: those of the untrained model.
      config: of the run that starts.

    Raises:
      InputError: `path` holds no prior, or one of another model; names the arrays.
    """
    directory = Path(path)
    if (directory / workdir.CONFIG).is_file():
        return _from_run(directory, variables)
    generator = _read_generator(_find(directory, "generator"), config)
    encoder = _read_encoder(_find(directory, "encoder"), variables)
    return {
        "params": variables["params"] | {"synthesis": generator["params"]["synthesis"], "encoder": encoder["params"]},
        "batch_stats": variables["batch_stats"] | {"encoder": encoder["batch_stats"]},
        "stats": {"synthesis": generator["stats"]["synthesis"], "w_avg": generator["stats"]["mapping"]["w_avg"]},
    }


def _from_run(directory: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """`variables` with encoder, generator and mean w of another run, that is everything but its ITLs."""
    found = load_detector(str(directory)).variables
    parts = {name: found["params"][name] for name in ("encoder", "synthesis")}
    rest = {name: value for name, value in found.items() if name != "params"}
    loaded = {"params": variables["params"] | parts, **rest}
    remedy = "give both runs the same sizes of encoder and generator"
    check_same_shapes(loaded, variables, source=f"field prior: {directory}", remedy=remedy)
    return loaded


def _find(directory: Path, name: str) -> Path:
    """The file or imported directory that is called `name`, with any suffix."""
    found = sorted(path for path in directory.glob(f"{name}*") if path.stem == name)
    if not found:
        raise InputError(
            f"field prior: {directory / name} does not exist, as a directory of python -m common.weights import or as "
            "a checkpoint file; name the work directory of a run, a directory with generator and encoder, or `none`"
        )
    if len(found) > 1:
        raise InputError(f"field prior: {found[0]} and {found[1]} are both there; delete one")
    return found[0]


def _read_generator(path: Path, config: FaseConfig) -> dict[str, Any]:
    _, module, found = formats.open_network(path, ("stylegan2-ada", "rosinality"))
    return _check_generator(found, module, config.model, path)


def _check_generator(found: dict[str, Any], module: Generator, sizes: ModelConfig, file: Path) -> dict[str, Any]:
    have = (module.resolution, module.w_dim, module.channel_base, module.channel_max)
    want = (sizes.generator_resolution, sizes.w_dim, sizes.channel_base, sizes.channel_max)
    if have[:2] == want[:2] and _widths(have[0], *have[2:]) == _widths(want[0], *want[2:]):
        return found
    names = ("generator_resolution", "w_dim", "channel_base", "channel_max")
    off = [f"model.{n} is {w}, the file has {h}" for n, h, w in zip(names, have, want, strict=True) if h != w]
    raise InputError(f"{file}: {'; '.join(off)}; set these fields")


def _widths(resolution: int, channel_base: int, channel_max: int) -> list[int]:
    """Channels per resolution, all that a file tells: different bases may give the same channels under one maximum."""
    return [channels(r, channel_base, channel_max) for r in (2**k for k in range(2, resolution.bit_length()))]


def _read_encoder(path: Path, variables: dict[str, Any]) -> dict[str, Any]:
    _, module, found = formats.open_network(path, ("feature-style",))
    template = {name: variables[name]["encoder"] for name in ("params", "batch_stats")}
    sizes = f"widths {module.widths}, depths {module.depths}, {module.num_ws} rows of {module.w_dim}"
    check_same_shapes(found, template, source=str(path), remedy=f"set the fields of the encoder to the file's {sizes}")
    return found
