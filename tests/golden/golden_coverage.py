"""Checks at the end of a session that every array of the golden cases was compared, in whichever test and process.

Each test reports the arrays that it compared to the process that prints the results (`conftest.py`), so that the order
of the tests and their distribution over processes do not matter. The check is made only if the whole folder ran.
"""

import re
from pathlib import Path

import pytest
from reference import Case, folder

HERE = Path(__file__).parent
# Patterns, by case, of arrays that are not compared yet. A pattern that matches no such array is an error, so that the
# list stays true.
NOT_YET = {
    # The landmark regressor's training, the contrastive loss, warps and crops of landmark learning.
    "landmarks_cl": [r"regressor/.*(loss|grad).*", r"nce/.*", r"tps/.*", r"data/.*"],
    # The dense equivariance loss and the hourglass network.
    "landmarks_dve": [r"grid.*", r"loss/.*", r"hourglass/.*"],
}
# Patterns, by case, of arrays that need no comparison by `Case.compare`: inputs that a case stores among its results,
# arrays that are no results (the tests that use them say why), and integers that a test compares exactly.
OTHERWISE = {
    "metrics": [r"kid/.*_idx"],
    "stylegan2_ada_g": [r".*/w_avg_after_one_train_call"],
    "fabrec_heatmaps": [r"bbox/.*", r"crop/.*"],
    "resnet50": [r".*num_batches_tracked.*"],
}


class GoldenCoverage:
    """Pytest plugin for the process that prints the results. It collects what all processes have compared."""

    def __init__(self):
        self.seen: set[str] = set()
        self.skipped = False
        self.compared: dict[str, set[str]] = {}
        self.problems: list[str] = []

    def pytest_runtest_logreport(self, report):
        file = Path(report.nodeid.partition("::")[0])
        if file.parent.name != HERE.name:
            return
        self.seen.add(file.name)
        self.skipped |= report.skipped
        if report.when == "teardown":
            for case, name in dict(report.user_properties).get("compared", ()):
                self.compared.setdefault(case, set()).add(name)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        chosen = session.config.option.keyword or session.config.option.markexpr
        if exitstatus or chosen or {path.name for path in HERE.glob("test_*.py")} - self.seen:
            return
        for case in sorted(path.parent.name for path in folder().glob("*/expected.npz")):
            if case in self.compared or not self.skipped:  # all tests of a case are skipped if its weights are missing
                self.problems += problems(case, Case(case).expected, self.compared.get(case, set()))
        if self.problems:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.problems:
            terminalreporter.section("golden arrays")
            terminalreporter.write("\n".join(self.problems) + "\n", red=True)


def problems(case: str, stored, compared) -> list[str]:
    """Faults in the comparisons of a case, one line per array or pattern."""
    not_yet, left = NOT_YET.get(case, []), [name for name in sorted(stored) if name not in compared]
    allowed = not_yet + OTHERWISE.get(case, [])
    unchecked = [name for name in left if not any(re.fullmatch(pattern, name) for pattern in allowed)]
    done = [pattern for pattern in not_yet if not any(re.fullmatch(pattern, name) for name in left)]
    return [f"{case}: {name} is compared by no test" for name in unchecked] + [
        f"{case}: {pattern} is compared by now; take it off the list in {Path(__file__).name}" for pattern in done
    ]
