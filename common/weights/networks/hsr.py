"""Heads of public HSR generators -> variables of `hsr_jax`'s `Heads`.

The heads are part of the generator's state dict: `synthesis.feat_transfer_list.{i}.conv1x1_{1,2}` for the block of
8 * 2^i px. The rest of it is a StyleGAN2-ADA generator (`common.weights.networks.stylegan2`).
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from common.errors import InputError
from common.weights.networks.table import Row, convert, hwio, same

StateDict = Mapping[str, np.ndarray]

PREFIX = "synthesis.feat_transfer_list."
IGNORED = r".*\.resample_filter"


def split(state_dict: StateDict) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The arrays of the generator and those of the heads, under their names."""
    heads = {key: x for key, x in state_dict.items() if key.startswith(PREFIX)}
    return {key: x for key, x in state_dict.items() if key not in heads}, heads


def from_hsr(state_dict: StateDict, template: dict, *, source: str = "the state dict") -> dict:
    """Variables of the heads.

    Args:
      state_dict: arrays of the heads by name, see `split`.
      template: shapes of the variables of `Heads`, {"params": {"b8": ..., "b16": ...}}.
      source: the file, for error messages.

    Returns:
      A tree like `template` of numpy arrays.

    Raises:
      InputError: with all missing, unexpected and mis-shaped names.
    """
    return convert(state_dict, table(template), template, ignored=IGNORED, source=source)


def table(template: dict) -> Iterator[Row]:
    """The rows of the heads in `template`, whose blocks are numbered from the coarsest."""
    blocks = sorted(template["params"], key=lambda name: int(name[1:]))
    for i, block in enumerate(blocks):
        for layer in (1, 2):
            source, path = f"{PREFIX}{i}.conv1x1_{layer}", f"params/{block}/conv{layer}"
            yield Row(f"{source}.weight", f"{path}/kernel", hwio)
            yield Row(f"{source}.bias", f"{path}/bias", same)


def head_sizes(state_dict: StateDict, *, source: str = "the state dict") -> dict:
    """Fields of `Heads` that the arrays tell: `features`, `blocks` and `hidden`; not its activation.

    Raises:
      InputError: there is no head, or an array of one is missing.
    """
    found = (re.match(re.escape(PREFIX) + r"(\d+)\.", key) for key in state_dict)
    count = 1 + max((int(match[1]) for match in found if match), default=0)
    names = [f"{PREFIX}{i}.conv1x1_2.weight" for i in range(count)]
    if absent := [name for name in names if name not in state_dict]:
        raise InputError(f"{source} has no HSR heads or not all of them: it lacks {', '.join(absent)}")
    shapes = [np.shape(state_dict[name]) for name in names]
    return {
        "features": tuple(shape[0] for shape in shapes),
        "blocks": tuple(8 << i for i in range(count)),
        "hidden": shapes[0][1],
    }
