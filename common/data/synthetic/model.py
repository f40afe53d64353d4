"""Coefficients of a synthetic head, and the places of its 68 landmarks (300-W scheme).

The chart of the head is the plane of a frontal view: x to the right of the picture, y down, the half width of the head
as unit and the origin at the middle of the nose. Every feature is shaped and painted in the chart from the result of
`landmark_chart`, so that picture and annotation cannot disagree.
"""

import dataclasses

import numpy as np

from common.data.faces.schemes import W300

# Landmarks of the middle and of the left half of the picture (the person's right); the others are mirror images.
_HALF = {
    17: (-0.80, -0.63), 18: (-0.68, -0.735), 19: (-0.52, -0.765), 20: (-0.35, -0.74), 21: (-0.19, -0.69),
    27: (0.0, -0.42), 28: (0.0, -0.24), 29: (0.0, -0.07), 30: (0.0, 0.10),
    31: (-0.185, 0.205), 32: (-0.095, 0.235), 33: (0.0, 0.255),
    36: (-0.62, -0.40), 37: (-0.50, -0.505), 38: (-0.36, -0.50), 39: (-0.25, -0.385), 40: (-0.365, -0.343),
    41: (-0.50, -0.340),
    48: (-0.36, 0.545), 49: (-0.23, 0.475), 50: (-0.085, 0.435), 51: (0.0, 0.450),
    57: (0.0, 0.690), 58: (-0.10, 0.680), 59: (-0.235, 0.632),
    60: (-0.315, 0.545), 61: (-0.11, 0.532), 62: (0.0, 0.536), 66: (0.0, 0.552), 67: (-0.11, 0.550),
}  # fmt: skip
# Height y and azimuth in degrees (0 faces forward) of landmarks 0 .. 8 along the jaw.
_JAW_Y = (-0.40, -0.15, 0.11, 0.36, 0.58, 0.76, 0.90, 1.01, 1.05)
_JAW_AZIMUTH = (-82.0, -82.0, -82.0, -81.0, -79.0, -75.0, -66.0, -46.0, 0.0)

JAW = slice(0, 17)
LEFT_EYE, RIGHT_EYE = tuple(range(36, 42)), (45, 44, 43, 42, 47, 46)  # outer corner, upper lid, inner corner, lower lid

MIRROR = np.array(W300.mirror)


@dataclasses.dataclass(frozen=True)
class Identity:
    """Shape of a head. Each coefficient counts standard deviations from the mean head."""

    head_width: float = 0.0
    jaw_width: float = 0.0
    chin: float = 0.0
    forehead: float = 0.0
    cheeks: float = 0.0
    brow_height: float = 0.0
    brow_tilt: float = 0.0
    brow_arch: float = 0.0
    brow_ridge: float = 0.0
    eye_size: float = 0.0
    eye_height: float = 0.0
    eye_spacing: float = 0.0
    eye_tilt: float = 0.0
    nose_length: float = 0.0
    nose_width: float = 0.0
    nose_depth: float = 0.0
    mouth_height: float = 0.0
    mouth_width: float = 0.0
    upper_lip: float = 0.0
    lower_lip: float = 0.0
    ears: float = 0.0


@dataclasses.dataclass(frozen=True)
class Expression:
    """Expression coefficients, 0 at rest; `smile`, `brow_raise` and `brow_furrow` may be negative."""

    mouth_open: float = 0.0
    """Opening of the mouth, 0 closed to 1 wide open."""
    smile: float = 0.0
    pucker: float = 0.0
    brow_raise: float = 0.0
    brow_furrow: float = 0.0
    blink: tuple[float, float] = (0.0, 0.0)
    """Closing of the left and the right eye of the picture, 0 open to 1 shut."""
    gaze: tuple[float, float] = (0.0, 0.0)
    """Shift of the irises in the chart, x and y."""

    @property
    def jaw_drop(self) -> float:
        """Distance by which the chin sinks in the chart."""
        return 0.30 * self.mouth_open


def sample_identity(rng: np.random.Generator) -> Identity:
    """Random head with normal coefficients, clipped to two deviations."""
    names = [field.name for field in dataclasses.fields(Identity)]
    return Identity(**dict(zip(names, np.clip(rng.normal(size=len(names)), -2, 2).tolist(), strict=True)))


def sample_expression(rng: np.random.Generator) -> Expression:
    """Random expression: the mouth is mostly closed or slightly open, sometimes wide open; some eyes are shut."""
    wide, talking, shut, half = rng.random(4) < (0.12, 0.3, 0.06, 0.2)
    mouth_open = rng.uniform(0.5, 1.0) if wide else rng.uniform(0.1, 0.5) if talking else rng.uniform(0.0, 0.05)
    blink = rng.uniform(0.85, 1.0) if shut else rng.uniform(0.2, 0.6) if half else rng.uniform(-0.15, 0.15)
    return Expression(
        mouth_open=float(mouth_open),
        smile=float(rng.choice([0.0, 1.0], p=[0.4, 0.6]) * rng.uniform(0.2, 1.0) - 0.25 * rng.random()),
        pucker=float(max(0.0, rng.normal(-0.6, 0.6))),
        brow_raise=float(np.clip(rng.normal(0.0, 0.5), -1, 1.5)),
        brow_furrow=float(np.clip(rng.normal(0.0, 0.5), -1, 1)),
        blink=(float(blink + rng.normal(0, 0.04)), float(blink + rng.normal(0, 0.04))),
        gaze=(float(np.clip(rng.normal(0, 0.025), -0.06, 0.06)), float(np.clip(rng.normal(0, 0.01), -0.02, 0.02))),
    )


def jaw_ramp(y: np.ndarray) -> np.ndarray:
    """Fraction of the jaw's drop by which a point at rest height `y` sinks: 0 above the mouth, 1 at the chin."""
    t = np.clip((y - 0.25) / 0.6, 0, 1)
    return t * t * (3 - 2 * t)


def jaw(identity: Identity, expression: Expression) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth in radians and height y of landmarks 0 .. 16, each float64 [17]."""
    y = np.array(_JAW_Y)
    y = y + 0.05 * identity.chin * jaw_ramp(y) + expression.jaw_drop * jaw_ramp(y)
    azimuth = np.radians(_JAW_AZIMUTH)
    return np.concatenate([azimuth, -azimuth[7::-1]]), np.concatenate([y, y[7::-1]])


def _eye(rest: np.ndarray, identity: Identity, blink: float, smile: float) -> np.ndarray:
    """Landmarks [6, 2] of the eye in the left half of the picture, moved from the landmarks at rest."""
    centre = rest.mean(0)
    offset = (rest - centre) * (1 + 0.05 * identity.eye_size)
    corner = np.linspace(0, 1, 2)[:, None] * (offset[3] - offset[0]) + offset[0]
    # Height of each point over the line between the corners: the lids open and close, the corners stay.
    base = np.interp(offset[:, 0], corner[:, 0], corner[:, 1])
    height = (offset[:, 1] - base) * (1 + 0.10 * identity.eye_size)
    lower = np.maximum(height, 0.0) * (1 - 0.3 * max(smile, 0.0))
    upper = np.minimum(height, 0.0)
    shut = np.clip(blink, -0.2, 1.0)
    # A shut upper lid rests just above the lower lid; its points 1 and 2 lie opposite the points 5 and 4.
    rest_height = lower[[0, 5, 4, 3, 4, 5]] - 0.004
    height = lower + np.where(upper < 0, upper * (1 - shut) + max(shut, 0.0) * rest_height, 0.0)
    eye = np.stack([offset[:, 0], base + height], 1)
    tilt = 0.05 * identity.eye_tilt
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    shift = np.array([-0.022 * identity.eye_spacing, 0.02 * identity.eye_height])
    return eye @ turn.T + centre + shift


def _mouth(points: np.ndarray, identity: Identity, expression: Expression) -> np.ndarray:
    """Landmarks 48 .. 67 [20, 2], moved from the landmarks of the mean closed mouth; symmetric in x."""
    x, y = points[:, 0], points[:, 1] - 0.545
    outer = np.arange(20) < 12
    lip = np.where(y < 0, 1 + 0.16 * identity.upper_lip, 1 + 0.16 * identity.lower_lip)
    y = np.where(outer, y * np.maximum(lip, 0.55), y)
    corner = np.clip(np.abs(x) / 0.36, 0, 1)
    smile, mouth_open = expression.smile, expression.mouth_open
    # The lower lip sinks with the jaw, in an arc that ends at the corners, which sink by a third of the jaw's drop.
    arc = np.sqrt(np.clip(1 - (x / np.where(outer, 0.36, 0.315)) ** 2, 0, 1))
    lower = y > 0
    y = y + expression.jaw_drop * np.where(lower, 0.33 + 0.62 * arc, 0.33 - 0.36 * arc)
    y = y - 0.075 * smile * corner**2 + 0.015 * max(smile, 0.0) * (1 - corner)
    x = x * (1 + 0.07 * identity.mouth_width + 0.17 * smile - 0.13 * mouth_open - 0.22 * expression.pucker)
    return np.stack([x, y + 0.545 + 0.025 * identity.mouth_height], 1)


def landmark_chart(identity: Identity, expression: Expression) -> np.ndarray:
    """Positions of the 68 landmarks in the chart, float64 [68, 2].

    The chart is steep at the jaw, so its landmarks have only a height y here; `jaw` gives their azimuth.
    """
    chart = np.zeros((68, 2))
    for index, point in _HALF.items():
        chart[index] = point
        chart[MIRROR[index]] = -point[0], point[1]
    chart[JAW, 1] = jaw(identity, expression)[1]

    brow = chart[17:22]
    inner = (brow[:, 0] - brow[0, 0]) / (brow[-1, 0] - brow[0, 0])  # 0 at the temple, 1 at the nose
    brow[:, 1] += 0.03 * identity.brow_height + 0.03 * identity.brow_tilt * (inner - 0.5)
    brow[:, 1] -= 0.015 * identity.brow_arch * np.sin(np.pi * inner) + 0.06 * expression.brow_raise
    brow[:, 1] += 0.05 * expression.brow_furrow * (inner - 0.4)
    brow[:, 0] += 0.03 * expression.brow_furrow * inner

    chart[30:36, 1] += 0.03 * identity.nose_length * np.array([1.0, 1.1, 1.1, 1.1, 1.1, 1.1])
    chart[28:30, 1] += 0.03 * identity.nose_length * np.array([0.3, 0.65])
    chart[31:36, 0] *= 1 + 0.11 * identity.nose_width + 0.10 * max(expression.smile, 0.0)

    rest = chart[list(LEFT_EYE)]
    left, right = (_eye(rest, identity, blink, expression.smile) for blink in expression.blink)
    chart[17:22] = brow
    chart[MIRROR[17:22]] = brow * (-1, 1)
    chart[list(LEFT_EYE)] = left
    chart[list(RIGHT_EYE)] = right * (-1, 1)
    chart[48:68] = _mouth(chart[48:68], identity, expression)
    return chart
