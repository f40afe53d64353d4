"""Surface grid of a synthetic head as a canvas, and the painter of its skin: complexion, folds, nostrils, beard."""

import dataclasses

import numpy as np

from common.data.synthetic.appearance import Appearance, lattice_noise
from common.data.synthetic.surface import Head, smoothstep

_BROWN = (0.62, 0.50, 0.47)  # factor on the colour of the skin in its folds


@dataclasses.dataclass
class Canvas:
    """Grid on the surface, with rows from crown to chin and columns from the left of the picture to the right."""

    color: np.ndarray
    """Linear RGB that is painted in place, float32 [R, C, 3]."""
    x: np.ndarray
    """Position x in the chart, float32 [R, C]."""
    y: np.ndarray
    """Position y in the chart, float32 [R]."""
    azimuth: np.ndarray
    """Azimuth in radians, float32 [C]."""
    t: np.ndarray
    """Height parameter of the surface, 0 crown to 1 chin, float32 [R]."""
    step: float
    """Distance of neighbouring points in the chart, which is the width of a soft edge."""
    cache: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    """Noises that were made already, by name."""

    def window(self, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice]:
        """Rows and columns that cover a rectangle of the chart."""
        r0, r1 = np.searchsorted(self.y, (y0, y1))
        if r1 <= r0:
            return slice(0, 0), slice(0, 0)
        inside = np.flatnonzero(((self.x[r0:r1] >= x0) & (self.x[r0:r1] <= x1)).any(0))
        return slice(r0, r1), slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)

    def noise(self, look: Appearance, name: str, stretch: float = 1.0) -> np.ndarray:
        """Noise of this name over the whole head [R, C]. A `stretch` below 1 lengthens it along the height."""
        if name not in self.cache:
            self.cache[name] = lattice_noise(look.noises[name], self.t * stretch, self.azimuth / (2 * np.pi) + 0.5)
        return self.cache[name]


def mix(color: np.ndarray, amount: np.ndarray, target: np.ndarray | np.floating) -> None:
    """Moves `color` [R, C, 3] towards `target` by `amount` [R, C] in [0, 1], in place."""
    target = np.asarray(target, np.float32)
    color += amount.astype(np.float32, copy=False)[..., None] * (target - color)


def edge(distance: np.ndarray, width: float) -> np.ndarray:
    """Cover of a shape with soft edges: 1 inside (positive distance), 0 outside, a ramp of `width` between."""
    return np.clip(distance / width + 0.5, 0, 1).astype(np.float32)


def paint_skin(canvas: Canvas, head: Head, look: Appearance) -> None:
    """Paints skin, nose and beard over the whole head."""
    _complexion(canvas, look)
    _shades(canvas, head, look)
    _lines(canvas, head, look)
    _nose(canvas, head, look)
    _beard(canvas, head, look)


def _spot(canvas: Canvas, x: float, y: float, sx: float, sy: float) -> tuple[tuple[slice, slice], np.ndarray]:
    """Window and values of a Gaussian spot of height 1."""
    where = canvas.window(x - 3 * sx, x + 3 * sx, y - 3 * sy, y + 3 * sy)
    across = (canvas.x[where] - x) / sx
    down = (canvas.y[where[0]] - y)[:, None] / sy
    return where, np.exp(-0.5 * (across**2 + down**2)).astype(np.float32)


def _complexion(canvas: Canvas, look: Appearance) -> None:
    tone = (
        1 + 0.09 * canvas.noise(look, "blotch") + 0.08 * canvas.noise(look, "skin") + 0.10 * canvas.noise(look, "pores")
    )
    canvas.color[:] = look.skin * tone[..., None]
    if look.freckles:
        middle = np.exp(-((canvas.y[:, None] + 0.05) ** 2) / 0.06)
        spots = smoothstep(0.45, 0.8, canvas.noise(look, "beard")) * middle
        mix(canvas.color, 0.5 * min(look.freckles, 1) * spots, look.skin * (0.62, 0.45, 0.38))


def _shades(canvas: Canvas, head: Head, look: Appearance) -> None:
    """Paints the red of the cheeks and the shadows in the eye sockets and under the eyes."""
    eye_y = head.chart[36:48, 1].mean()
    red, brown = look.skin * (1.0, 0.70, 0.68), look.skin * _BROWN
    for side in (-1, 1):
        for x, y, sx, sy, amount, ink in (
            (0.55, 0.08, 0.18, 0.13, 0.25 + 0.35 * look.makeup, red),
            (0.22, eye_y, 0.07, 0.10, 0.35, brown),
            (0.42, eye_y + 0.13, 0.14, 0.035, 0.20 + 0.3 * look.age, brown),
            (0.43, eye_y - 0.10, 0.17, 0.06, 0.22 + 0.3 * look.makeup, brown),
        ):
            where, spot = _spot(canvas, side * x, y, sx, sy)
            mix(canvas.color[where], amount * spot, ink)


def _lines(canvas: Canvas, head: Head, look: Appearance) -> None:
    """Paints the folds from the nose to the corners of the mouth and the lines of the forehead."""
    c, expression, brown = head.chart, head.expression, look.skin * _BROWN
    for corner in (48, 54):
        side = -1 if corner == 48 else 1
        x0, y0 = side * (abs(c[35, 0]) + 0.05), c[33, 1] - 0.08
        x1, y1 = c[corner] + (side * 0.09, 0.03)
        where = canvas.window(min(x0, x1) - 0.1, max(x0, x1) + 0.1, y0 - 0.05, y1 + 0.08)
        s = (canvas.y[where[0]][:, None] - y0) / (y1 - y0)
        line = x0 + (x1 - x0) * np.clip(s, 0, 1) ** 1.4
        fold = np.exp(-0.5 * ((canvas.x[where] - line) / 0.025) ** 2)
        fold = fold * smoothstep(-0.1, 0.2, s) * smoothstep(1.2, 0.8, s)
        mix(canvas.color[where], (0.12 + 0.3 * look.age + 0.25 * max(expression.smile, 0)) * fold, brown)
    depth = 0.3 * look.age + 0.12 * max(expression.brow_raise, 0)
    for y in (-1.12, -1.0, -0.9):
        where = canvas.window(-0.5, 0.5, y - 0.1, y + 0.1)
        x = canvas.x[where]
        line = np.exp(-0.5 * ((canvas.y[where[0]][:, None] - y - 0.03 * np.cos(5 * x)) / 0.014) ** 2)
        mix(canvas.color[where], depth * line * (1 - (x / 0.5) ** 2), brown)


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
        mix(canvas.color[where], 0.9 * edge(1 - np.hypot(dx, dy), 0.5), look.skin * (0.12, 0.06, 0.05))
        where = canvas.window(wing[0] - 0.12, wing[0] + 0.12, wing[1] - 0.18, wing[1] + 0.08)
        # The crease around the wing is a ring that is open towards the middle.
        dx = (canvas.x[where] - wing[0] * 0.72) * np.sign(wing[0])
        dy = canvas.y[where[0]][:, None] - (wing[1] - 0.055)
        ring = np.abs(np.hypot(dx, dy * 0.75) - abs(wing[0]) * 0.30) / 0.018
        mix(canvas.color[where], np.exp(-(ring**2)) * 0.55 * smoothstep(0.0, 0.04, dx), look.skin * (0.4, 0.28, 0.25))


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
    softness = 0.10 + 0.4 * smoothstep(0.75, 0.95, x)  # the border rises steeply towards the ear
    full = smoothstep(-0.6, 1.0, (y - border + 0.06 * rough) / softness) * smoothstep(1.12, 0.98, x)
    lip = (y - c[33, 1] - 0.03) / (c[51, 1] - c[33, 1] - 0.03)
    over = (
        smoothstep(0.15, 0.5, lip)
        * smoothstep(mouth_y + 0.14, mouth_y + 0.02, y)
        * smoothstep(mouth_x + 0.12, mouth_x - 0.02, x)
    )
    amount = np.maximum(look.beard * full, look.moustache * max(look.beard, 0.5) * over)
    mix(canvas.color[where], np.clip(amount * (0.85 + 0.35 * rough), 0, 0.95), look.hair * 0.8)
