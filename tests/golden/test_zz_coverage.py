"""What of the golden cases is not compared yet, and why; everything else must have been, in whichever test file.

Runs after the other files of this folder, whose comparisons it counts; alone it has nothing to say.
"""

import re

import pytest
from reference import COMPARED, Case, folder

# Patterns of arrays by case. A pattern that fits nothing any more is an error, so that the list stays true.
NOT_YET = {
    # The landmark regressor's training, the contrastive loss, warps and crops of landmark learning.
    "landmarks_cl": [r"regressor/.*(loss|grad).*", r"nce/.*", r"tps/.*", r"data/.*"],
    # The dense equivariance loss and the hourglass network.
    "landmarks_dve": [r"grid.*", r"loss/.*", r"hourglass/.*"],
}
# Inputs that a case stores among its results, arrays known to be no result (see the tests that use them), and those
# that a test compares without `Case.compare` because they are whole numbers.
OTHERWISE = {
    "metrics": [r"kid/.*_idx"],
    "stylegan2_ada_g": [r".*/w_avg_after_one_train_call"],
    "fabrec_heatmaps": [r"bbox/.*", r"crop/.*"],
    "resnet50": [r".*num_batches_tracked.*"],
}


def cases() -> list[str]:
    return sorted(path.parent.name for path in folder().glob("*/expected.npz"))


@pytest.mark.parametrize("name", cases())
def test_the_rest_of_a_case_is_compared(name):
    if set(cases()) - set(COMPARED):
        pytest.skip("run the whole folder")
    left = Case(name).unchecked()
    fits = lambda array, patterns: any(re.fullmatch(p, array) for p in patterns)
    assert [a for a in left if not fits(a, NOT_YET.get(name, []) + OTHERWISE.get(name, []))] == []
    done = [p for p in NOT_YET.get(name, []) if not any(re.fullmatch(p, a) for a in left)]
    assert not done, f"compared by now: {done}; take it off the list"
