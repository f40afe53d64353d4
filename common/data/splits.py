"""Random draws of rows: few-shot sets, validation splits, subsets of StyleGAN2-ADA. Rows are int64 and sorted."""

import numpy as np

from common.errors import InputError


def few_shot_rows(count: int, n: int, seed: int) -> np.ndarray:
    """`n` of `count` rows, drawn without replacement (Sec. 4.3, FASE). A larger draw contains a smaller one.

    Raises:
      InputError: unless 1 <= n <= count.
    """
    _check_draw(count, n)
    return np.sort(np.random.default_rng(seed).permutation(count)[:n])


def validation_rows(count: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Training rows and validation rows, which are disjoint and together all rows.

    Args:
      count: number of rows.
      fraction: fraction of the rows for validation, in (0, 1); at least one row.
      seed: seed of the draw.

    Raises:
      InputError: the fraction is not in (0, 1), or no training row is left.
    """
    held_out = max(1, round(fraction * count))
    if not 0 < fraction < 1 or held_out >= count:
        raise InputError(
            f"field data.validation_fraction: {fraction} of {count} images leaves no image to train on or to "
            "validate with; change it"
        )
    drawn = np.random.default_rng(seed).permutation(count)
    return np.sort(drawn[held_out:]), np.sort(drawn[:held_out])


def ada_rows(count: int, n: int, seed: int) -> np.ndarray:
    """`n` of `count` rows as StyleGAN2-ADA draws them: the first `n` of a shuffle by NumPy's legacy generator.

    A larger draw contains a smaller one with the same seed. Raises `InputError` unless 1 <= n <= count.
    """
    _check_draw(count, n)
    rows = np.arange(count)
    np.random.RandomState(seed).shuffle(rows)
    return np.sort(rows[:n])


def _check_draw(count: int, n: int) -> None:
    if not 1 <= n <= count:
        raise InputError(f"{n} images asked for, but there are {count}; give a number from 1 to {count}")
