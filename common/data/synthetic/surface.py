"""Surface of a synthetic head in 3-D: cross sections from crown to chin, and features raised from them.

A point of the surface has a height parameter t (0 crown to 1 chin) and an azimuth (radians, 0 forward, positive to the
right of the picture). In space x points right, y down and z towards the viewer; the unit is half a head width.
"""

import dataclasses

import numpy as np

from common.data.synthetic.model import Expression, Identity, jaw, jaw_ramp, landmark_chart

# Cross sections of the mean head from crown to chin: y, half width, and z of the widest line, the front and the back.
_SECTIONS = np.array([
    (-1.86, 0.00, -0.32, -0.32, -0.32),
    (-1.80, 0.36, -0.32, 0.06, -0.70),
    (-1.60, 0.69, -0.33, 0.38, -1.02),
    (-1.30, 0.87, -0.34, 0.60, -1.23),
    (-1.00, 0.95, -0.35, 0.70, -1.32),
    (-0.70, 0.99, -0.35, 0.745, -1.35),
    (-0.40, 1.00, -0.35, 0.735, -1.30),
    (0.00, 0.975, -0.33, 0.725, -1.15),
    (0.35, 0.90, -0.27, 0.73, -0.95),
    (0.60, 0.80, -0.17, 0.73, -0.75),
    (0.80, 0.655, 0.02, 0.72, -0.45),
    (0.95, 0.455, 0.20, 0.68, -0.10),
    (1.04, 0.25, 0.36, 0.61, 0.15),
    (1.07, 0.00, 0.48, 0.48, 0.48),
])  # fmt: skip


def spline(knots: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Smooth curve through `values` [N] or [N, D] at increasing `knots` [N], evaluated `at` [M]: [M] or [M, D].

    The curve has cubic Hermite segments with three-point slopes and is constant outside the knots.
    """
    knots, values, at = (np.asarray(a, np.float64) for a in (knots, values, at))
    at = np.clip(at, knots[0], knots[-1])
    slope = np.gradient(values, knots, axis=0)
    i = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    h = knots[i + 1] - knots[i]
    s = (at - knots[i]) / h
    if values.ndim == 2:
        h, s = h[:, None], s[:, None]
    rise = values[i + 1] - values[i]
    a, b = slope[i] * h - rise, rise - slope[i + 1] * h
    return values[i] + s * (rise + (1 - s) * (a * (1 - s) + b * s))


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """Smooth step: 0 up to `low`, 1 from `high`; `low` may be larger than `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@dataclasses.dataclass(frozen=True)
class Head:
    """Head whose surface can be evaluated; `build_head` makes it."""

    profile: np.ndarray
    """Cross sections at equal steps of t, [N, 5], with the columns of `_SECTIONS`."""
    chart: np.ndarray
    """Positions of the landmarks in the chart, [68, 2]."""
    jaw_azimuth: np.ndarray
    """Azimuth of the landmarks of the jaw in radians, [17]."""
    length: float
    """Length of the front profile from crown to chin."""
    ears: float
    """Distance by which the ears stand out."""
    identity: Identity
    expression: Expression

    def section(self, t: np.ndarray) -> list[np.ndarray]:
        """Height y, half width, and z of side, front and back at t, each of t's shape."""
        grid = np.linspace(0, 1, len(self.profile))
        return [np.interp(t, grid, column) for column in self.profile.T]

    def height_parameter(self, y: np.ndarray) -> np.ndarray:
        """Height parameters t of the heights `y`."""
        return np.interp(y, self.profile[:, 0], np.linspace(0, 1, len(self.profile)))


def build_head(identity: Identity, expression: Expression, covered_ears: bool = False) -> Head:
    """Makes the head of an identity and an expression. Covered ears are flat."""
    sections = _SECTIONS.copy()
    y = sections[:, 0].copy()
    sections[:, 1] *= 1 + 0.04 * identity.head_width + 0.06 * identity.jaw_width * smoothstep(0.1, 0.7, y)
    sections[:, 0] += jaw_ramp(y) * (0.05 * identity.chin + expression.jaw_drop)
    sections[:, 0] += 0.06 * identity.forehead * smoothstep(-0.9, -1.8, y)
    chord = np.linalg.norm(np.diff(sections[:, [0, 1, 3]], axis=0), axis=1)
    knots = np.concatenate([[0], np.cumsum(chord)]) / chord.sum()
    profile = spline(knots, sections, np.linspace(0, 1, 513))
    profile[:, 0] = np.maximum.accumulate(profile[:, 0])
    profile[:, 1] = np.maximum(profile[:, 1], 0)
    length = np.linalg.norm(np.diff(profile[:, [0, 3]], axis=0), axis=1).sum()
    ears = (0.16 + 0.03 * identity.ears) * (0.15 if covered_ears else 1.0)
    chart = landmark_chart(identity, expression).astype(np.float32)  # so that the grids stay in float32
    azimuth = jaw(identity, expression)[0]
    return Head(profile, chart, azimuth, float(length), ears, identity, expression)


def _bumps(head: Head) -> list[tuple[float, float, float, float, float]]:
    """Gaussian bumps (x, y, sigma x, sigma y, height) of the right half; bumps off the middle lie on both sides."""
    c, i, e = head.chart, head.identity, head.expression
    eye = (c[[42, 45]].mean(0) + c[[43, 44, 46, 47]].mean(0)) / 2
    eye[1] = c[[42, 45, 36, 39], 1].mean()
    brow, mouth, chin = c[24], c[[48, 54]].mean(0), c[8, 1]
    smile = max(e.smile, 0.0)
    return [
        (brow[0] - 0.1, brow[1] + 0.10, 0.26, 0.09, 0.045 + 0.02 * i.brow_ridge),
        (eye[0] - 0.05, eye[1], 0.19, 0.14, -0.13),
        (eye[0], eye[1], 0.135, 0.095, 0.085),
        (0.17, eye[1] + 0.02, 0.08, 0.12, -0.04),
        (0.62, -0.02, 0.22, 0.17, 0.06 + 0.02 * i.cheeks),
        (0.50, 0.18, 0.16, 0.15, 0.02 * i.cheeks + 0.07 * smile),
        (0.62, 0.42, 0.15, 0.18, -0.03 + 0.03 * i.cheeks),
        (0.88, -0.75, 0.10, 0.22, -0.03),
        (0.0, mouth[1] - 0.02, 0.30, 0.20, 0.09),
        (abs(c[54, 0]) + 0.05, c[54, 1], 0.06, 0.07, -0.03),
        (0.0, c[57, 1] + 0.075, 0.17, 0.045, -0.06),
        (0.0, chin - 0.14, 0.17, 0.10, 0.09 + 0.02 * i.chin),
        (c[35, 0] * 0.80, c[35, 1] - 0.045, 0.055, 0.065, 0.13),
        (0.0, (c[33, 1] + c[51, 1]) / 2 + 0.03, 0.028, 0.05, -0.025),
    ]


def _relief(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height in z of the features at chart positions x [R, C] and y [R]. float32 [R, C]."""
    out = np.zeros(x.shape, np.float32)
    x = x.astype(np.float32)
    for cx, cy, sx, sy, height in _bumps(head):
        rows = np.flatnonzero(np.abs(y - cy) < 3.5 * sy)
        if not len(rows):
            continue
        rows = slice(rows[0], rows[-1] + 1) if len(rows) == rows[-1] - rows[0] + 1 else rows
        across = (x[rows] if cx == 0 else np.abs(x[rows]) - cx) / np.float32(sx)
        along = height * np.exp(-0.5 * ((y[rows] - cy) / sy) ** 2)
        out[rows] += np.exp(-0.5 * across * across) * along.astype(np.float32)[:, None]
    return out + _nose(head, x, y) + _lips(head, x, y)


def _nose(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the nose: bridge, tip and the step down to the lip."""
    c = head.chart
    depth = 1 + 0.12 * head.identity.nose_depth
    tip, base = c[30, 1], c[33, 1]
    knots = [c[27, 1] - 0.22, c[27, 1], c[28, 1], c[29, 1], tip - 0.02, tip + 0.07, base, base + 0.09]
    height = spline(knots, np.array([0.0, 0.09, 0.19, 0.29, 0.375, 0.36, 0.10, 0.0]) * depth, y)
    wide = abs(c[35, 0]) / 0.185
    width = spline(knots, np.array([0.14, 0.085, 0.085, 0.10, 0.125, 0.135, 0.12, 0.12]) * (0.6 + 0.4 * wide), y)
    across = np.abs(x) / width.astype(np.float32)[:, None]
    return height.astype(np.float32)[:, None] * np.exp(-0.5 * across**2.3)


def _lips(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the two lips and of the hollow of an open mouth."""
    c = head.chart
    out = np.zeros(x.shape, np.float32)
    rows = (y > c[50, 1] - 0.15) & (y < c[57, 1] + 0.15)
    if not rows.any():
        return out
    near, level = x[rows], y[rows].astype(np.float32)[:, None]
    half = abs(c[54, 0])
    taper = np.clip(1 - (near / half) ** 2, 0, 1)
    middle = {}
    for name, ids in {"upper": (51, 62), "lower": (57, 66), "inner": (62, 66)}.items():
        middle[name] = c[ids, 1].mean() - (c[ids, 1].mean() - c[54, 1]) * (near / half) ** 2
    for name, ids in {"upper": (51, 62), "lower": (57, 66)}.items():
        sigma = 0.5 * abs(c[ids[0], 1] - c[ids[1], 1])
        out[rows] += 0.055 * taper * np.exp(-0.5 * ((level - middle[name]) / sigma) ** 2)
    sigma = 0.5 * (c[66, 1] - c[62, 1]) + 0.012
    depth = 0.03 + min(0.5 * (c[66, 1] - c[62, 1]), 0.10)
    out[rows] -= depth * taper * np.exp(-0.5 * ((level - middle["inner"]) / sigma) ** 2)
    return out


def _ears(head: Head, azimuth: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the ears [R, C]: an ellipse with a rim and a bowl on each side of the head."""
    out = np.zeros(np.broadcast_shapes(azimuth.shape, y.shape), np.float32)
    rows = np.flatnonzero(np.abs(y[:, 0] + 0.20) < 0.36)
    if not len(rows):
        return out
    level = y[rows]
    angle = np.abs(np.broadcast_to(azimuth, out.shape)[rows])
    r = np.hypot((angle - np.float32(np.radians(97)) - 0.10 * (-0.25 - level)) / 0.20, (level + 0.20) / 0.34)
    rim = smoothstep(1.0, 0.62, r)
    bowl = np.exp(-0.5 * (r / 0.42) ** 2)
    out[rows] = head.ears * (rim - 0.55 * bowl)
    return out


def _chart_x(width: np.ndarray, azimuth: np.ndarray) -> np.ndarray:
    """Chart position x of azimuths [R, C] on sections of half width [R, 1]; it grows even behind the ears."""
    sine = np.sin(azimuth)
    return width * np.where(np.abs(azimuth) <= np.pi / 2, sine, np.sign(azimuth) * (2 - np.abs(sine)))


def surface(head: Head, t: np.ndarray, azimuth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the surface at t [R] and azimuth [R, C] or [1, C].

    Returns:
      Points (x, y, z) in space, float32 [3, R, C], and their x in the chart, float32 [R, C]. Their y in the chart is
      their y in space.
    """
    y, width, side, front, back = (a[:, None].astype(np.float32) for a in head.section(t))
    azimuth = azimuth.astype(np.float32)
    x = _chart_x(width, azimuth)
    cosine = np.cos(azimuth)
    # The face is flatter than an ellipse: 1.3 c - 0.3 c^2 replaces c = cos(azimuth).
    z = side + np.where(cosine > 0, (front - side) * cosine * (1.3 - 0.3 * cosine), (side - back) * cosine)
    ears = _ears(head, azimuth, y)
    z = z + _relief(head, x, y[:, 0]) - 0.3 * ears
    across = width * np.sin(azimuth) + np.sign(azimuth) * ears
    points = np.stack(np.broadcast_arrays(across, y, z)).astype(np.float32)
    return points, x.astype(np.float32)


def landmarks_3d(head: Head) -> np.ndarray:
    """Positions of the 68 landmarks on the surface, float32 [68, 3]."""
    t = head.height_parameter(head.chart[:, 1])
    width = head.section(t)[1]
    azimuth = np.arcsin(np.clip(head.chart[:, 0] / np.maximum(width, 1e-6), -1, 1))
    azimuth[:17] = head.jaw_azimuth
    return surface(head, t, azimuth[:, None])[0][:, :, 0].T
