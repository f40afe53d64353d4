"""Rows that a seed draws, and sources that hold these rows."""

import numpy as np
import pytest

from common.data.faces.schemes import FIVE
from common.data.faces.source import Source, few_shot, split_validation
from common.data.splits import ada_rows, few_shot_rows, validation_rows
from common.errors import InputError

N = 13


class Faces(Source):
    """Faces of different names, landmarks and images."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.scheme = FIVE
        self.files, self.subsets = [f"{i}.png" for i in range(N)], [("odd", "even")[i % 2] for i in range(N)]
        self.landmarks, self.boxes = rng.random((N, 5, 2), np.float32), rng.random((N, 4), np.float32)
        self.visible = rng.random((N, 5)) < 0.5

    def read(self, row):
        return self.files[row].encode()


@pytest.mark.parametrize("draw", [few_shot_rows, ada_rows])
def test_a_draw_has_rows_in_order_and_holds_the_smaller_ones(draw):
    rows = draw(N, 6, seed=3)
    assert len(set(rows)) == 6 and (np.diff(rows) > 0).all() and set(rows) <= set(range(N))
    np.testing.assert_array_equal(rows, draw(N, 6, seed=3))
    assert len({tuple(draw(N, 6, seed)) for seed in range(8)}) > 1
    assert set(draw(N, 2, seed=3)) < set(rows)
    np.testing.assert_array_equal(draw(N, N, seed=1), np.arange(N))
    for n in (0, N + 1):
        with pytest.raises(InputError, match=f"{n} .* {N}"):
            draw(N, n, seed=0)


def test_few_shot_draws_use_numpys_generator_and_ada_draws_the_legacy_one():
    np.testing.assert_array_equal(few_shot_rows(N, 3, seed=5), sorted(np.random.default_rng(5).permutation(N)[:3]))
    rows = np.arange(N)
    np.random.RandomState(5).shuffle(rows)
    np.testing.assert_array_equal(ada_rows(N, 3, seed=5), sorted(rows[:3]))


def test_a_split_is_disjoint_and_complete():
    training, validation = validation_rows(N, 0.2, seed=1)
    assert len(validation) == 3  # 0.2 * 13 = 2.6
    assert sorted([*training, *validation]) == list(range(N))
    np.testing.assert_array_equal(validation_rows(N, 0.2, seed=1)[1], validation)
    assert len(validation_rows(2, 0.1, seed=0)[1]) == 1
    for fraction in (0.0, 0.99, 1.0):
        with pytest.raises(InputError, match="validation_fraction"):
            validation_rows(N, fraction, seed=1)


def test_a_view_carries_everything_along():
    source = Faces()
    drawn, (training, validation) = few_shot(source, 6, seed=3), split_validation(source, 0.2, seed=1)
    rows = few_shot_rows(N, 6, seed=3)
    np.testing.assert_array_equal(drawn.indices, rows)
    assert drawn.scheme is FIVE and drawn.subsets == [source.subsets[i] for i in rows]
    for name in ("landmarks", "visible", "boxes"):
        np.testing.assert_array_equal(getattr(drawn, name), getattr(source, name)[rows])
    assert rows[-1] != 5  # a view that forgets its indices is seen
    assert drawn[5]["file"] == drawn.files[5] and drawn[5]["image"] == source[rows[5]]["image"]
    assert sorted(training.files + validation.files) == sorted(source.files)
