"""Tests `common.terminal`: tables and progress."""

import sys

from common import terminal


def test_progress_of_other_work_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with terminal.Progress("project", 100, "steps") as progress:
        progress.update(30, "loss 0.25")
    text = capsys.readouterr().err
    assert "30/100" in text and "steps/s" in text and "project  loss 0.25" in text


def test_table(capsys):
    terminal.print_table("errors", ["subset", "NME"], [("full", 3.14159), ("a_long_name_of_a_subset", 10)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "errors" and lines[-2].split() == ["full", "│", "3.14"]
    assert lines[-1].split() == ["a_long_name_of_a_subset", "│", "10"]
