"""Tests of `common.viz.curves`."""

import sys

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from common.viz import curves


@pytest.fixture
def axes(monkeypatch):
    """The axes of every figure that is written."""
    seen = []
    write = curves._write
    monkeypatch.setattr(curves, "_write", lambda figure, path: (seen.append(figure.axes[0]), write(figure, path)))
    return seen


def test_ced_has_a_step_at_each_error(tmp_path, axes):
    errors = np.array([6.0, 2.0, np.nan, 4.0, 30.0])
    curves.plot_ced({"model": errors}, tmp_path / "ced.png", 10.0)
    (line,) = axes[0].lines
    assert line.get_drawstyle() == "steps-post"
    np.testing.assert_allclose(line.get_xdata(), [0, 2, 4, 6, 10])
    np.testing.assert_allclose(line.get_ydata(), [0, 25, 50, 75, 75])
    # (8 + 6 + 4 + 0) / 4 of 10
    assert line.get_label() == "model (AUC 45.0 %)"
    assert axes[0].get_xlim() == (0, 10)


def test_pictures_are_not_empty_and_need_no_global_state(tmp_path):
    curves.plot_ced({"a": np.arange(1.0, 9.0), "b": np.arange(2.0, 18.0, 2)}, tmp_path / "ced.png", 8.0, "NME box in %")
    picture = np.asarray(Image.open(tmp_path / "ced.png").convert("RGB")).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(picture - np.array(colour)).sum(-1) < 30).sum() > 100
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_lines(tmp_path, axes):
    x = np.array([50, 200, 3000])
    lines = {"with prior": (x, np.array([4.0, 3.5, 3.2])), "without": (x, np.array([8.0, 6.0, np.nan]))}
    curves.plot_lines(lines, tmp_path / "lines.svg", "faces", "NME in %")
    assert (tmp_path / "lines.svg").read_text().rstrip().endswith("</svg>")
    assert axes[0].get_xlabel() == "faces"
    assert [text.get_text() for text in axes[0].get_legend().get_texts()] == ["with prior", "without"]
    first, second = axes[0].lines
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()


def test_a_model_without_errors_is_named():
    with pytest.raises(ValueError, match="empty model"):
        curves.plot_ced({"empty model": np.array([np.nan])}, "unused.png", 10.0)


def test_nothing_is_written_when_drawing_fails(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("half way")

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", fail)
    with pytest.raises(RuntimeError):
        curves.plot_ced({"a": np.ones(3)}, tmp_path / "ced.png", 8.0)
    assert not list(tmp_path.iterdir())
