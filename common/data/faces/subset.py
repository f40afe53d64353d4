"""Views of a source: few-shot draws and validation splits."""

from collections.abc import Sequence

import numpy as np

from common.data.faces.source import Record, Source
from common.errors import InputError


class Rows:
    """Some rows of a source, itself a source; nothing is read or copied but the annotations of these rows.

    Args:
      source: any source.
      indices: int [N], rows of the source, in the order of the view.
    """

    def __init__(self, source: Source, indices: Sequence[int] | np.ndarray):
        self.source = source
        self.indices = np.asarray(indices, np.int64)
        self.scheme = source.scheme
        self.files = [source.files[i] for i in self.indices]
        self.subsets = [source.subsets[i] for i in self.indices]
        self.landmarks = np.asarray(source.landmarks)[self.indices]
        self.visible = np.asarray(source.visible)[self.indices]
        self.boxes = np.asarray(source.boxes)[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Record:
        return self.source[int(self.indices[index])]


def few_shot(source: Source, n: int, seed: int) -> Rows:
    """`n` rows drawn at random without replacement by `seed`, in the source's order (Sec. 4.3, FASE).

    With one seed, a smaller draw is part of a larger one. Raises `InputError` unless 1 <= n <= len(source).
    """
    if not 1 <= n <= len(source):
        raise InputError(
            f"{n} training images asked for, but there are {len(source)}; give a number from 1 to {len(source)}"
        )
    return Rows(source, np.sort(_permutation(len(source), seed)[:n]))


def split_validation(source: Source, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Training and validation rows: disjoint, together the whole source, each in its order.

    Args:
      source: what to split.
      fraction: part of the rows that goes to validation, in (0, 1); at least one row.
      seed: of the draw.

    Raises:
      InputError: the fraction is not in (0, 1) or leaves nothing to train on.
    """
    count = max(1, round(fraction * len(source)))
    if not 0 < fraction < 1 or count >= len(source):
        raise InputError(
            f"a validation fraction of {fraction} leaves nothing of {len(source)} images to train on; lower it"
        )
    drawn = _permutation(len(source), seed)
    return Rows(source, np.sort(drawn[count:])), Rows(source, np.sort(drawn[:count]))


def _permutation(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count)
