"""Tests `benchmarks.measure`."""

import pytest

from benchmarks import measure
from common.errors import InputError


def test_the_fastest_call_counts(monkeypatch):
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(clock))
    calls = []
    assert measure.best_of(lambda: calls.append(None), 3) == 1.0
    assert len(calls) == 4  # the first one compiles


def test_a_case_runs_in_a_process_of_its_own(tmp_path, monkeypatch):
    module = "import json, os, sys; print(json.dumps({'process': os.getpid(), 'arguments': sys.argv[1:]}))"
    (tmp_path / "measured_module.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    results = measure.run("measured_module", ["a, b", "c"], ["a, b", "c"], ["--x", "1"])
    assert results["a, b"]["arguments"] == ["--child", "True", "--cases", "a, b", "--x", "1"]
    assert results["a, b"]["process"] != results["c"]["process"]


def test_what_is_wrong_is_said(tmp_path, monkeypatch, capfd):
    with pytest.raises(InputError, match="no case 'x'; there are a, b"):
        measure.run("none", ["x"], ["a", "b"])
    (tmp_path / "failing_module.py").write_text("import sys; sys.exit('error: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SystemExit):
        measure.run("failing_module", ["a"], ["a"])
    assert "error: no such file" in capfd.readouterr().err
