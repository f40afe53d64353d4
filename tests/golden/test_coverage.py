"""Tests `golden_coverage`, which watches that every golden array is compared."""

import golden_coverage
import pytest
from golden_coverage import GoldenCoverage, problems


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.setattr(golden_coverage, "NOT_YET", {"a": [r"later/.*"]})
    monkeypatch.setattr(golden_coverage, "OTHERWISE", {"a": [r".*_idx"]})
    return GoldenCoverage()


def test_problems(plugin):
    stored = ["x", "y@sub", "later/z", "n_idx"]
    assert problems("a", stored, {"x", "y@sub"}) == []
    assert problems("a", stored, {"x"}) == ["a: y@sub is compared by no test"]
    (line,) = problems("a", stored, {"x", "y@sub", "later/z"})
    assert "later/.*" in line and "off the list" in line


class Report:
    skipped, when = False, "teardown"

    def __init__(self, nodeid: str, compared: list):
        self.nodeid, self.user_properties = nodeid, [("compared", compared)]


def test_reports_of_all_processes_add_up(plugin):
    plugin.pytest_runtest_logreport(Report("tests/golden/test_b.py::test", [["a", "x"]]))
    plugin.pytest_runtest_logreport(Report("tests/golden/test_a.py::test", [["a", "y"], ["b", "x"]]))
    plugin.pytest_runtest_logreport(Report("tests/common/test_c.py::test", [["a", "z"]]))
    assert plugin.compared == {"a": {"x", "y"}, "b": {"x"}}
    assert plugin.seen == {"test_a.py", "test_b.py"}
