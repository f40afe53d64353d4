"""The prior from which FASE starts: a pretrained generator and the encoder that inverts it (Sec. 4.3, FASE)."""

from pathlib import Path
from typing import Any

from common.errors import InputError
from common.nn.stylegan2 import channels
from common.ops.trees import check_same_shapes
from common.train import workdir
from common.weights import formats
from fase_jax.config import FaseConfig
from fase_jax.detector import load_detector


def load_prior(path: str, variables: dict[str, Any], config: FaseConfig) -> dict[str, Any]:
    """Copies `variables` with generator, mean w and encoder from `path`; the ITLs keep their initial values.

    Args:
      path: the work directory of a FASE run whose encoder and generator have the same sizes (its number of landmarks
        does not matter), or a directory with `generator` (in StyleGAN2-ADA's or rosinality's layout) and `encoder`
        (Feature-Style). Each of the two is a directory that `python -m common.weights import` wrote, or a checkpoint
        such as `generator.pkl` or `encoder.pth`.
      variables: parameters and other collections of the untrained model.
      config: config of the run that starts.

    Raises:
      InputError: `path` holds no prior, or a prior of other sizes; the message names the fields or arrays.
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
    """Replaces everything in `variables` but the ITLs with the variables of another run."""
    found = load_detector(str(directory)).variables
    parts = {name: found["params"][name] for name in ("encoder", "synthesis")}
    loaded = found | {"params": variables["params"] | parts}
    remedy = "give both runs the same sizes of encoder and generator"
    check_same_shapes(loaded, variables, source=f"field prior: {directory}", remedy=remedy)
    return loaded


def _find(directory: Path, name: str) -> Path:
    """The file or imported directory with the given name, whatever its suffix."""
    found = sorted(path for path in directory.glob(f"{name}*") if path.stem == name)
    if not found:
        raise InputError(
            f"field prior: {directory / name} does not exist, neither as an imported directory nor as a checkpoint; "
            "name the work directory of a run, a directory with generator and encoder, or `none`"
        )
    if len(found) > 1:
        raise InputError(f"field prior: {found[0]} and {found[1]} are two candidates; delete one")
    return found[0]


def _read_generator(path: Path, config: FaseConfig) -> dict[str, Any]:
    _, module, found = formats.open_network(path, ("stylegan2-ada", "rosinality"))
    names = ("generator_resolution", "w_dim", "channel_base", "channel_max")
    have = (module.resolution, module.w_dim, module.channel_base, module.channel_max)
    want = tuple(getattr(config.model, name) for name in names)
    # A file holds the channels per resolution, which several pairs of `channel_base` and `channel_max` give.
    if have[:2] == want[:2] and _channels(have[0], *have[2:]) == _channels(want[0], *want[2:]):
        return found
    differing = [f"model.{n} is {w}, the file has {h}" for n, h, w in zip(names, have, want, strict=True) if h != w]
    raise InputError(f"{path}: {'; '.join(differing)}; set these fields to the file's values")


def _channels(resolution: int, channel_base: int, channel_max: int) -> list[int]:
    """Number of channels at each resolution from 4 px up."""
    return [channels(2**k, channel_base, channel_max) for k in range(2, resolution.bit_length())]


def _read_encoder(path: Path, variables: dict[str, Any]) -> dict[str, Any]:
    _, module, found = formats.open_network(path, ("feature-style",))
    template = {name: variables[name]["encoder"] for name in ("params", "batch_stats")}
    sizes = f"widths {module.widths}, depths {module.depths}, {module.num_ws} rows of {module.w_dim}"
    check_same_shapes(found, template, source=str(path), remedy=f"set the fields of the encoder to the file's {sizes}")
    return found
