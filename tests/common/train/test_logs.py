"""Tests `common.train.logs`: lines, their truncation, and what the terminal shows."""

import json

import pytest

from common.errors import InputError
from common.train import logs


def test_lines_and_tensorboard(tmp_path):
    with logs.Logger(tmp_path, 20) as log:
        log.write(10, {"train/loss": 0.1 + 0.2}, images_per_second=3.0)
        log.write(20, {"train/loss": 1})
    assert logs.read(tmp_path) == [{"step": 10, "train/loss": 0.1 + 0.2}, {"step": 20, "train/loss": 1.0}]
    (events,) = tmp_path.glob("events.out.tfevents.*")
    assert b"train/loss" in events.read_bytes() and b"speed/images_per_second" in events.read_bytes()


def test_a_resumed_log_drops_what_will_be_computed_again(tmp_path):
    path = tmp_path / logs.METRICS
    path.write_text('{"step": 10, "a": 1.0}\n{"step": 12, "b": 2.0}\n{"step": 20, "a": 3.0}\n{"step": 30, "a"')
    with logs.Logger(tmp_path, 40, resume_step=12) as log:
        log.write(20, {"a": 4})
    assert path.read_text() == '{"step": 10, "a": 1.0}\n{"step": 12, "b": 2.0}\n{"step": 20, "a": 4.0}\n'
    path.write_text('{"step": 10}\nnonsense\n{"step": 20}\n')
    with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is not a log line"):
        logs.Logger(tmp_path, 40, resume_step=30)


def test_a_new_log_starts_empty(tmp_path):
    (tmp_path / logs.METRICS).write_text(json.dumps({"step": 1}) + "\n")
    logs.Logger(tmp_path, 40).close()
    assert logs.read(tmp_path) == []


def test_progress_without_a_terminal(tmp_path, capsys):
    with logs.Logger(tmp_path, 100, plain_seconds=1000) as log:
        log.write(1, {"train/loss": 0.5, "validation/nme": 3.25})
        for step in range(1, 101):
            log.progress(step, 12.34, 60.0)
        log.say("done [in time]")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "step 1/100  12.3 images/s  1:39:00 left  loss 0.5  validation/nme 3.25",
        "step 100/100  12.3 images/s  0:00 left  loss 0.5  validation/nme 3.25",
        "done [in time]",
    ]


def test_progress_on_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logs.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with logs.Logger(tmp_path, 100) as log:
        log.progress(30, 12.34, 60.0)
        log.say("a [line]")
    text = capsys.readouterr().err
    assert "30/100" in text and "12.3 images/s" in text and "1:10:00 left" in text and "a [line]" in text


def test_a_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        logs.Logger(tmp_path / "file", 10)
