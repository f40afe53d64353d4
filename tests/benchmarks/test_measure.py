"""Tests `benchmarks.measure`."""

import dataclasses
import json

import pytest

from benchmarks import measure
from common.errors import InputError


@dataclasses.dataclass(frozen=True)
class Bench(measure.Bench):
    cases: tuple[str, ...] = ("a, b", "c")
    sizes: tuple[str, ...] = ("1", "2")


def test_the_fastest_call_counts(monkeypatch):
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(clock))
    calls = []
    assert measure.best_of(lambda: calls.append(None), 3) == 1.0
    assert len(calls) == 4  # the first one compiles


def test_every_case_runs_in_its_own_process(tmp_path, monkeypatch, capfd):
    module = "import json, os, sys; print(json.dumps({'process': os.getpid(), 'arguments': sys.argv[1:]}))"
    (tmp_path / "measured_module.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    measure.command("measured_module", Bench(), dict, ["--sizes", "3", "4"])
    results = json.loads(capfd.readouterr().out.splitlines()[-1])
    arguments = ["--cases", "a, b", "--child", "True", "--sizes", "3", "4"]
    assert results["a, b"]["arguments"] == arguments
    assert results["a, b"]["process"] != results["c"]["process"]
    measure.command("measured_module", Bench(), dataclasses.asdict, arguments)  # what the child does
    child = {"cases": ["a, b"], "child": True, "sizes": ["3", "4"]}
    assert json.loads(capfd.readouterr().out) == child


def test_a_failing_case_ends_the_command_with_its_error(tmp_path, monkeypatch, capfd):
    (tmp_path / "failing_module.py").write_text("import sys; sys.exit('error: no such file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SystemExit):
        measure.command("failing_module", Bench(), dict, [])
    assert "error: no such file" in capfd.readouterr().err
    with pytest.raises(InputError, match="field cases"):
        measure.command("none", Bench(), dict, ["--cases", "x"])
