"""Painter of the eyes, brows and lips of a synthetic head, exactly at its landmarks.

Edges are signed distances to curves through the landmarks, softened over one step of the grid.
"""

import numpy as np

from common.data.synthetic.appearance import Appearance, lattice_noise, linear
from common.data.synthetic.model import LEFT_EYE, RIGHT_EYE
from common.data.synthetic.paint import Canvas, edge, mix
from common.data.synthetic.surface import Head, smoothstep, spline


def paint_features(canvas: Canvas, head: Head, look: Appearance) -> None:
    """Paints lips, eyes and brows over the skin."""
    _lips(canvas, head, look)
    for corners, blink in zip((LEFT_EYE, RIGHT_EYE), head.expression.blink, strict=True):
        _eye(canvas, head, look, head.chart[list(corners)], blink)
    for brow in (slice(17, 22), slice(22, 27)):
        _brow(canvas, look, head.chart[brow])


def _curve(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Height y of the smooth curve through `points` [N, 2] at chart positions x of any shape; level beyond its ends."""
    points = points[np.argsort(points[:, 0])]
    # Chord length as parameter keeps the curve smooth where points crowd at a corner.
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    dense = spline(s, points, np.linspace(0, s[-1], 65))
    return np.interp(x, dense[:, 0], dense[:, 1]).astype(np.float32)


def _lips(canvas: Canvas, head: Head, look: Appearance) -> None:
    c = head.chart
    where = canvas.window(
        c[48, 0] - 0.04, c[54, 0] + 0.04, c[[48, 50], 1].min() - 0.05, c[[48, 54, 57], 1].max() + 0.05
    )
    color, x, y = canvas.color[where], canvas.x[where], canvas.y[where[0]][:, None]
    top, bottom = _curve(c[48:55], x), _curve(c[[48, 59, 58, 57, 56, 55, 54]], x)
    inner_top, inner_bottom = _curve(c[60:65], x), _curve(c[[60, 67, 66, 65, 64]], x)
    sides = np.minimum(x - c[48, 0], c[54, 0] - x)
    aa = max(canvas.step * 1.2, 0.012)
    lips = edge(np.minimum(np.minimum(y - top, bottom - y), sides), aa)
    streaks = 1 + 0.12 * np.sin(70 * x + 9 * np.sin(11 * x))
    shade = np.where(y < (inner_top + inner_bottom) / 2, 0.80, 1.0) * streaks
    mix(color, 0.92 * lips, look.lips * shade[..., None])
    inside = np.minimum(np.minimum(x - c[60, 0], c[64, 0] - x), np.minimum(y - inner_top, inner_bottom - y))
    mouth = edge(inside, aa)
    mix(color, mouth, _inside_mouth(head, look, x, y, aa))
    seam = np.abs(y - (inner_top + inner_bottom) / 2) - np.maximum(inner_bottom - inner_top, 0) / 2
    seam = np.exp(-0.5 * (np.maximum(seam, 0) / max(0.010, canvas.step * 0.6)) ** 2) * edge(sides, 0.05)
    mix(color, (0.75 * seam * (1 - mouth)), look.lips * 0.12)


def _inside_mouth(head: Head, look: Appearance, x: np.ndarray, y: np.ndarray, softness: float) -> np.ndarray:
    """Colours [R, C, 3] behind the lips: darkness, the tongue below and the upper teeth."""
    top, bottom = head.chart[62, 1], head.chart[66, 1]
    color = np.broadcast_to(look.lips * 0.10 + np.float32((0.012, 0.003, 0.003)), (*x.shape, 3)).copy()
    tongue = np.exp(-0.5 * ((x / 0.16) ** 2 + ((y - bottom) / (0.25 * (bottom - top) + 0.01)) ** 2))
    mix(color, 0.8 * tongue, linear((0.62, 0.28, 0.28)))
    row = edge(np.minimum(0.075 - (y - top) - 0.25 * x**2, 0.24 - np.abs(x)), softness)
    teeth = row * (0.85 + 0.15 * np.cos(70 * x))
    mix(color, 0.9 * teeth, linear((0.86, 0.83, 0.76)) * (1 - 1.6 * np.abs(x))[..., None])
    return color


def _eye(canvas: Canvas, head: Head, look: Appearance, points: np.ndarray, blink: float) -> None:
    """Paints an eye; `points` [6, 2]: outer corner, two on the upper lid, inner corner, two on the lower lid."""
    outer, inner = points[0], points[3]
    x0, x1 = sorted((outer[0], inner[0]))
    width, mid = x1 - x0, (outer + inner) / 2
    where = canvas.window(x0 - 0.08, x1 + 0.08, mid[1] - 0.24, mid[1] + 0.17)
    color, x, y = canvas.color[where], canvas.x[where], canvas.y[where[0]][:, None]
    upper, lower = _curve(points[:4], x), _curve(points[[0, 5, 4, 3]], x)
    across = np.clip(np.minimum(x - x0, x1 - x) / (0.5 * width), 0, 1)  # 1 in the middle, 0 at the corners
    aa = max(canvas.step * 1.2, 0.010)
    inside = edge(np.minimum(y - upper, lower - y), aa) * edge(np.minimum(x - x0, x1 - x), aa)

    mix(color, inside, _eyeball(head, look, points, blink, x, y, across, aa))
    color *= 1 - (0.55 * inside * np.exp(-np.maximum(y - upper, 0) / 0.03))[..., None]  # shadow of the lid

    ends = edge(np.minimum(x - x0, x1 - x) + 0.012, 0.03)
    dark, brown = look.brows * 0.25, look.skin * (0.45, 0.33, 0.30)
    lash = np.exp(-0.5 * ((y - upper + 0.004) / (0.010 + 0.011 * look.lashes)) ** 2) * ends
    rim = np.exp(-0.5 * ((y - lower - 0.004) / 0.011) ** 2) * ends
    crease = np.exp(-0.5 * ((y - upper + 0.030 + 0.040 * across * (1 - 0.4 * max(blink, 0))) / 0.011) ** 2) * ends
    pouch = np.exp(-0.5 * ((y - lower - 0.055 - 0.03 * across) / 0.014) ** 2) * ends
    mix(color, (0.55 * crease), brown)
    mix(color, ((0.12 + 0.35 * look.age) * pouch), brown)
    mix(color, ((0.35 + 0.3 * look.makeup) * rim).astype(np.float32), brown * 0.6)
    mix(color, ((0.70 + 0.28 * look.lashes) * lash).astype(np.float32), dark)


def _eyeball(head: Head, look: Appearance, points: np.ndarray, blink: float, x, y, across, softness) -> np.ndarray:
    """Colours [R, C, 3] between the lids; `across` is 0 at the corners and 1 in the middle."""
    outer, inner = points[0], points[3]
    mid = (outer + inner) / 2
    ball = np.broadcast_to(linear((0.84, 0.82, 0.80)), (*x.shape, 3)) * (0.55 + 0.45 * across)[..., None]
    pink = np.exp(-0.5 * ((x - inner[0]) / 0.022) ** 2)
    mix(ball, 0.7 * pink, linear((0.78, 0.45, 0.42)))
    centre = np.array([mid[0], (points[[1, 2], 1].mean() * 0.45 + points[[4, 5], 1].mean() * 0.55)])
    # A shut lid hides the iris instead of moving it.
    centre[1] = centre[1] * (1 - max(blink, 0)) + (mid[1] - 0.01) * max(blink, 0)
    centre += head.expression.gaze
    r = np.hypot(x - centre[0], y - centre[1])
    radius = 0.088
    rays = 1 + 0.25 * np.sin(17 * np.arctan2(y - centre[1], x - centre[0])) * smoothstep(0.02, 0.08, r)
    tint = look.iris * (rays * (1.15 - 0.85 * smoothstep(0.6 * radius, radius, r)))[..., None]
    mix(ball, edge(radius - r, softness), tint)
    mix(ball, edge(0.037 - r, softness), np.float32(0.004))
    glint = np.hypot(x - centre[0] - 0.028, y - centre[1] + 0.032)
    mix(ball, 0.95 * edge(0.017 - glint, max(softness, 0.012)), np.float32(0.95))
    return ball


def _brow(canvas: Canvas, look: Appearance, points: np.ndarray) -> None:
    x0, x1 = points[:, 0].min(), points[:, 0].max()
    where = canvas.window(x0 - 0.06, x1 + 0.06, points[:, 1].min() - 0.12, points[:, 1].max() + 0.12)
    x, y = canvas.x[where], canvas.y[where[0]][:, None]
    from_nose = np.clip((np.abs(x) - np.abs(points[:, 0]).min()) / (x1 - x0), 0, 1)  # 0 at the nose, 1 at the temple
    hairs = lattice_noise(
        look.noises["brows"], canvas.t[where[0]], 0.5 + 1.6 * (canvas.azimuth[where[1]] / (2 * np.pi))
    )
    half = look.brow_thickness * (1.0 - 0.62 * from_nose**1.5) * (1 + 0.15 * hairs)
    distance = half - np.abs(y - _curve(points, x))
    ends = edge(np.minimum(x - x0, x1 - x) + 0.01, 0.05)
    amount = look.brow_density * edge(distance, 0.028) * ends * (0.9 + 0.35 * hairs)
    mix(canvas.color[where], np.clip(amount, 0, 1), look.brows)
