"""Paints the albedo of a synthetic head on its surface grid: skin, eyes, brows, lips, beard and hair.

Edges are signed distances to curves through the landmarks, softened over one step of the grid.
"""

import dataclasses

import numpy as np

from common.data.face_appearance import Appearance, lattice_noise, linear
from common.data.face_model import LEFT_EYE, RIGHT_EYE
from common.data.face_surface import Head, smoothstep, spline


@dataclasses.dataclass
class Canvas:
    """A grid on the surface, rows from crown to chin and columns from the left of the picture to the right."""

    color: np.ndarray
    """float32 [R, C, 3], linear RGB, painted in place."""
    x: np.ndarray
    """float32 [R, C], chart x."""
    y: np.ndarray
    """float32 [R], chart y."""
    azimuth: np.ndarray
    """float32 [C]."""
    t: np.ndarray
    """float32 [R]."""
    step: float
    """Distance of neighbours in the chart, the width of a soft edge."""
    cache: dict = dataclasses.field(default_factory=dict)

    def window(self, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
        """Rows and columns that hold the chart rectangle."""
        r0, r1 = np.searchsorted(self.y, (y0, y1))
        if r1 <= r0:
            return slice(0, 0), slice(0, 0)
        inside = np.flatnonzero(((self.x[r0:r1] >= x0) & (self.x[r0:r1] <= x1)).any(0))
        return slice(r0, r1), slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)

    def noise(self, look: Appearance, name: str, stretch: float = 1.0) -> np.ndarray:
        """The named noise [R, C] over the whole head; a `stretch` below 1 draws it out along the height."""
        if name not in self.cache:
            self.cache[name] = lattice_noise(look.noises[name], self.t * stretch, self.azimuth / (2 * np.pi) + 0.5)
        return self.cache[name]


def mix(color: np.ndarray, amount: np.ndarray, target: np.ndarray) -> None:
    """Moves `color` [R, C, 3] towards `target` by `amount` [R, C] in [0, 1], in place."""
    color += amount[..., None] * (target - color)


def _edge(distance: np.ndarray, width: float) -> np.ndarray:
    """1 where the signed distance is inside (positive), 0 outside, a ramp of `width` between."""
    return np.clip(distance / width + 0.5, 0, 1).astype(np.float32)


def _curve(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """y of the smooth curve through `points` [N, 2] at chart positions x of any shape; the ends go on level."""
    points = points[np.argsort(points[:, 0])]
    # Chord length as parameter keeps the curve smooth where points crowd at a corner.
    s = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    dense = spline(s, points, np.linspace(0, s[-1], 65))
    return np.interp(x, dense[:, 0], dense[:, 1]).astype(np.float32)


def paint(canvas: Canvas, head: Head, look: Appearance) -> None:
    """Paints everything on the head but the hair."""
    _skin(canvas, head, look)
    _nose(canvas, head, look)
    _beard(canvas, head, look)
    _lips(canvas, head, look)
    for corners, blink in zip((LEFT_EYE, RIGHT_EYE), head.expression.blink, strict=True):
        _eye(canvas, head, look, head.chart[list(corners)], blink)
    for brow in (slice(17, 22), slice(22, 27)):
        _brow(canvas, head, look, head.chart[brow])


def _spot(canvas: Canvas, x: float, y: float, sx: float, sy: float) -> tuple[tuple[slice, slice], np.ndarray]:
    """A Gaussian spot of height 1: its window and values."""
    where = canvas.window(x - 3 * sx, x + 3 * sx, y - 3 * sy, y + 3 * sy)
    across = (canvas.x[where] - x) / sx
    down = (canvas.y[where[0]] - y)[:, None] / sy
    return where, np.exp(-0.5 * (across**2 + down**2)).astype(np.float32)


def _skin(canvas: Canvas, head: Head, look: Appearance) -> None:
    tone = (
        1 + 0.09 * canvas.noise(look, "blotch") + 0.08 * canvas.noise(look, "skin") + 0.10 * canvas.noise(look, "pores")
    )
    canvas.color[:] = look.skin * tone[..., None]
    if look.freckles:
        spots = smoothstep(0.45, 0.8, canvas.noise(look, "beard")) * np.exp(-((canvas.y[:, None] + 0.05) ** 2) / 0.06)
        mix(canvas.color, (0.5 * min(look.freckles, 1) * spots).astype(np.float32), look.skin * (0.62, 0.45, 0.38))
    c = head.chart
    eye_y = c[36:48, 1].mean()
    blush = 0.25 + 0.35 * look.makeup
    red, brown = look.skin * (1.0, 0.70, 0.68), look.skin * (0.62, 0.50, 0.47)
    for side in (-1, 1):
        for x, y, sx, sy, amount, ink in (
            (0.55, 0.08, 0.18, 0.13, blush, red),
            (0.22, eye_y, 0.07, 0.10, 0.35, brown),
            (0.42, eye_y + 0.13, 0.14, 0.035, 0.20 + 0.3 * look.age, brown),
            (0.43, eye_y - 0.10, 0.17, 0.06, 0.22 + 0.3 * look.makeup, brown),
        ):
            where, spot = _spot(canvas, side * x, y, sx, sy)
            mix(canvas.color[where], amount * spot, ink)
        # The fold from the wing of the nose past the corner of the mouth.
        corner = c[54 if side > 0 else 48]
        x0, y0 = side * (abs(c[35, 0]) + 0.05), c[33, 1] - 0.08
        x1, y1 = corner[0] + side * 0.09, corner[1] + 0.03
        where = canvas.window(min(x0, x1) - 0.1, max(x0, x1) + 0.1, y0 - 0.05, y1 + 0.08)
        s = (canvas.y[where[0]][:, None] - y0) / (y1 - y0)
        line = x0 + (x1 - x0) * np.clip(s, 0, 1) ** 1.4
        fold = (
            np.exp(-0.5 * ((canvas.x[where] - line) / 0.025) ** 2) * smoothstep(-0.1, 0.2, s) * smoothstep(1.2, 0.8, s)
        )
        depth = 0.12 + 0.3 * look.age + 0.25 * max(head.expression.smile, 0)
        mix(canvas.color[where], (depth * fold).astype(np.float32), brown)
    for y in (-1.0, -1.12, -0.9):
        raised = max(head.expression.brow_raise, 0)
        where = canvas.window(-0.5, 0.5, y - 0.1, y + 0.1)
        wave = 0.03 * np.cos(5 * canvas.x[where])
        line = np.exp(-0.5 * ((canvas.y[where[0]][:, None] - y - wave) / 0.014) ** 2) * (
            1 - (canvas.x[where] / 0.5) ** 2
        )
        mix(canvas.color[where], ((0.3 * look.age + 0.12 * raised) * line).astype(np.float32), brown)


def _nose(canvas: Canvas, head: Head, look: Appearance) -> None:
    c = head.chart
    where, spot = _spot(canvas, 0.0, c[30, 1], 0.13, 0.10)
    mix(canvas.color[where], 0.3 * spot, look.skin * (1.0, 0.72, 0.70))
    where, spot = _spot(canvas, 0.0, c[33, 1] + 0.02, 0.16, 0.035)
    mix(canvas.color[where], 0.55 * spot, look.skin * (0.45, 0.33, 0.30))
    for nostril, wing in ((c[32], c[31]), (c[34], c[35])):
        where = canvas.window(nostril[0] - 0.1, nostril[0] + 0.1, nostril[1] - 0.1, nostril[1] + 0.06)
        dx = (canvas.x[where] - nostril[0] * 1.02) / 0.052
        dy = (canvas.y[where[0]][:, None] - nostril[1] + 0.022 - 0.1 * np.abs(canvas.x[where] - nostril[0])) / 0.027
        mix(canvas.color[where], 0.9 * _edge(1 - np.hypot(dx, dy), 0.5), look.skin * (0.12, 0.06, 0.05))
        where = canvas.window(wing[0] - 0.12, wing[0] + 0.12, wing[1] - 0.18, wing[1] + 0.08)
        # The crease around the wing: a ring open towards the middle.
        dx = (canvas.x[where] - wing[0] * 0.72) * np.sign(wing[0])
        dy = canvas.y[where[0]][:, None] - (wing[1] - 0.055)
        ring = np.abs(np.hypot(dx, dy * 0.75) - abs(wing[0]) * 0.30) / 0.018
        mix(canvas.color[where], np.exp(-(ring**2)) * 0.55 * smoothstep(0.0, 0.04, dx), look.skin * (0.4, 0.28, 0.25))


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
    lips = _edge(np.minimum(np.minimum(y - top, bottom - y), sides), aa)
    streaks = 1 + 0.12 * np.sin(70 * x + 9 * np.sin(11 * x))
    shade = np.where(y < (inner_top + inner_bottom) / 2, 0.80, 1.0) * streaks
    mix(color, 0.92 * lips, look.lips * shade[..., None])
    inside = np.minimum(np.minimum(x - c[60, 0], c[64, 0] - x), np.minimum(y - inner_top, inner_bottom - y))
    mouth = _edge(inside, aa)
    depth = np.broadcast_to(look.lips * 0.10 + (0.012, 0.003, 0.003), color.shape).copy()
    gap = c[66, 1] - c[62, 1]
    tongue = np.exp(-0.5 * ((x / 0.16) ** 2 + ((y - c[66, 1]) / (0.25 * gap + 0.01)) ** 2))
    mix(depth, 0.8 * tongue, linear((0.62, 0.28, 0.28)))
    teeth = _edge(np.minimum(0.075 - (y - c[62, 1]) - 0.25 * x**2, 0.24 - np.abs(x)), aa) * (
        0.85 + 0.15 * np.cos(70 * x)
    )
    mix(depth, (0.9 * teeth).astype(np.float32), linear((0.86, 0.83, 0.76)) * (1 - 1.6 * np.abs(x))[..., None])
    mix(color, mouth, depth)
    seam = np.abs(y - (inner_top + inner_bottom) / 2) - np.maximum(inner_bottom - inner_top, 0) / 2
    seam = np.exp(-0.5 * (np.maximum(seam, 0) / max(0.010, canvas.step * 0.6)) ** 2) * _edge(sides, 0.05)
    mix(color, (0.75 * seam * (1 - mouth)).astype(np.float32), look.lips * 0.12)


def _beard(canvas: Canvas, head: Head, look: Appearance) -> None:
    if not (look.beard or look.moustache):
        return
    c = head.chart
    where = canvas.window(-1.6, 1.6, -0.35, 9.0)
    x, y = np.abs(canvas.x[where]), canvas.y[where[0]][:, None]
    mouth_x, mouth_y = abs(c[54, 0]), c[54, 1]
    # The upper edge of the beard by |x|: under the lip, up beside the mouth, over the cheek to the ear.
    edge_x = [mouth_x - 0.12, mouth_x + 0.02, mouth_x + 0.12, 0.75, 0.9, 0.97]
    border = np.interp(x, edge_x, [c[57, 1] + 0.05, mouth_y + 0.04, mouth_y - 0.12, 0.22, -0.05, -0.4])
    rough = lattice_noise(look.noises["beard"], canvas.t[where[0]] * 0.5, canvas.azimuth[where[1]] / 6.3 + 0.5)
    full = smoothstep(-0.06, 0.10, y - border + 0.06 * rough) * smoothstep(1.12, 0.98, x)
    lip = (y - c[33, 1] - 0.03) / (c[51, 1] - c[33, 1] - 0.03)
    over = (
        smoothstep(0.15, 0.5, lip)
        * smoothstep(mouth_y + 0.14, mouth_y + 0.02, y)
        * smoothstep(mouth_x + 0.12, mouth_x - 0.02, x)
    )
    amount = np.maximum(look.beard * full, look.moustache * max(look.beard, 0.5) * over)
    mix(canvas.color[where], np.clip(amount * (0.85 + 0.35 * rough), 0, 0.95).astype(np.float32), look.hair * 0.8)


def _eye(canvas: Canvas, head: Head, look: Appearance, points: np.ndarray, blink: float) -> None:
    """`points` [6, 2]: outer corner, upper lid outer and inner, inner corner, lower lid inner and outer."""
    outer, inner = points[0], points[3]
    x0, x1 = sorted((outer[0], inner[0]))
    width, mid = x1 - x0, (outer + inner) / 2
    where = canvas.window(x0 - 0.08, x1 + 0.08, mid[1] - 0.24, mid[1] + 0.17)
    color, x, y = canvas.color[where], canvas.x[where], canvas.y[where[0]][:, None]
    upper, lower = _curve(points[:4], x), _curve(points[[0, 5, 4, 3]], x)
    across = np.clip(np.minimum(x - x0, x1 - x) / (0.5 * width), 0, 1)  # 1 in the middle, 0 at the corners
    aa = max(canvas.step * 1.2, 0.010)
    inside = _edge(np.minimum(y - upper, lower - y), aa) * _edge(np.minimum(x - x0, x1 - x), aa)

    ball = np.broadcast_to(linear((0.90, 0.88, 0.87)), color.shape) * (0.55 + 0.45 * across)[..., None]
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
    mix(ball, _edge(radius - r, aa), tint)
    mix(ball, _edge(0.037 - r, aa), np.float32(0.004))
    ball *= (1 - 0.55 * np.exp(-np.maximum(y - upper, 0) / 0.03))[..., None]
    glint = np.hypot(x - centre[0] - 0.028, y - centre[1] + 0.032)
    mix(ball, 0.95 * _edge(0.017 - glint, max(aa, 0.012)), np.float32(0.95))
    mix(color, inside, ball)

    ends = _edge(np.minimum(x - x0, x1 - x) + 0.012, 0.03)
    dark, brown = look.brows * 0.25, look.skin * (0.45, 0.33, 0.30)
    lash = np.exp(-0.5 * ((y - upper + 0.004) / (0.010 + 0.011 * look.lashes)) ** 2) * ends
    rim = np.exp(-0.5 * ((y - lower - 0.004) / 0.011) ** 2) * ends
    crease = np.exp(-0.5 * ((y - upper + 0.030 + 0.040 * across * (1 - 0.4 * max(blink, 0))) / 0.011) ** 2) * ends
    pouch = np.exp(-0.5 * ((y - lower - 0.055 - 0.03 * across) / 0.014) ** 2) * ends
    mix(color, (0.55 * crease).astype(np.float32), brown)
    mix(color, ((0.12 + 0.35 * look.age) * pouch).astype(np.float32), brown)
    mix(color, ((0.35 + 0.3 * look.makeup) * rim).astype(np.float32), brown * 0.6)
    mix(color, ((0.70 + 0.28 * look.lashes) * lash).astype(np.float32), dark)


def _brow(canvas: Canvas, head: Head, look: Appearance, points: np.ndarray) -> None:
    x0, x1 = points[:, 0].min(), points[:, 0].max()
    where = canvas.window(x0 - 0.06, x1 + 0.06, points[:, 1].min() - 0.12, points[:, 1].max() + 0.12)
    x, y = canvas.x[where], canvas.y[where[0]][:, None]
    from_nose = np.clip((np.abs(x) - np.abs(points[:, 0]).min()) / (x1 - x0), 0, 1)  # 0 at the nose, 1 at the temple
    hairs = lattice_noise(
        look.noises["brows"], canvas.t[where[0]], 0.5 + 1.6 * (canvas.azimuth[where[1]] / (2 * np.pi))
    )
    half = look.brow_thickness * (1.0 - 0.62 * from_nose**1.5) * (1 + 0.15 * hairs)
    distance = half - np.abs(y - _curve(points, x))
    ends = _edge(np.minimum(x - x0, x1 - x) + 0.01, 0.05)
    amount = look.brow_density * _edge(distance, 0.028) * ends * (0.9 + 0.35 * hairs)
    mix(canvas.color[where], np.clip(amount, 0, 1).astype(np.float32), look.brows)
