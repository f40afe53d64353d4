"""Hair and caps of a synthetic head: their place, thickness and colour."""

import numpy as np

from common.data.synthetic.appearance import Appearance
from common.data.synthetic.paint import Canvas, mix
from common.data.synthetic.surface import smoothstep

# Rest height of the hairline by azimuth in degrees: forehead, temple, sideburn, behind the ear, nape.
_LINE = (
    (0, 30, 48, 60, 70, 78, 86, 112, 125, 180),
    (-1.27, -1.26, -1.18, -0.92, -0.55, -0.20, -0.10, -0.05, 0.45, 0.6),
)


def hair_distance(canvas: Canvas, look: Appearance) -> np.ndarray:
    """Distance in the chart from the edge of the hair or cap, float32 [R, C], positive inside the hair."""
    angle = np.degrees(np.abs(canvas.azimuth)).astype(np.float32)
    part = 0.07 * np.sin(2 * canvas.azimuth + 20 * look.hairline)
    line = np.interp(angle, *_LINE) + (look.hairline + part) * (angle < 75)
    rough = 0.10
    if look.hair_style == "bald":
        line = line - 1.0 * smoothstep(84, 76, angle)
    elif look.hair_style == "fringe":
        line = line + 0.36 * smoothstep(62, 35, angle)
        rough = 0.16
    elif look.hair_style == "cap":
        line = np.interp(angle, (0, 60, 90, 180), (-0.98, -0.90, -0.60, -0.45))
        rough = 0.0
    elif look.hair_style == "long":
        line = np.where(angle > 70, np.interp(angle, (70, 84), (-0.6, 0.62)), line)
    line = line.astype(np.float32)
    slope = np.gradient(line, canvas.azimuth).astype(np.float32)
    noise = canvas.noise(look, "locks") + 0.7 * canvas.noise(look, "strands", stretch=0.12)
    inside = (line[None, :] - canvas.y[:, None] + rough * noise) / np.sqrt(1 + slope * slope)[None, :]
    if look.hair_style not in ("long", "cap"):  # these styles leave the ear free
        ear = np.hypot((angle[None, :] - 97) / 14, (canvas.y[:, None] + 0.20) / 0.40)
        inside = np.minimum(inside, 0.3 * (ear - 1))
    return inside.astype(np.float32)


def raise_hair(points: np.ndarray, inside: np.ndarray, canvas: Canvas, look: Appearance) -> None:
    """Lifts the surface [3, R, C] off the skull at the hair, in place; `inside` is the result of `hair_distance`."""
    volume = {"bald": 0.01, "cap": 0.10, "short": look.hair_volume}.get(look.hair_style, 0.06 + look.hair_volume)
    cover = smoothstep(-0.02, 0.05 + volume, inside)  # hair rises from its edge by at most about 45 degrees
    lift = volume * cover
    if look.hair_style != "cap":
        lift *= 1 + 0.4 * canvas.noise(look, "locks") + 0.2 * canvas.noise(look, "strands", stretch=0.12)
    outward = points - np.array([0.0, -0.65, -0.35], np.float32)[:, None, None]
    points += lift * outward / np.sqrt((outward**2).sum(0))
    if look.hair_style == "cap":  # the peak
        peak = (
            np.exp(-0.5 * (canvas.azimuth / 0.55) ** 4)[None, :] * smoothstep(-1.22, -0.99, canvas.y)[:, None] * cover
        )
        points[2] += 0.40 * peak
        points[1] += 0.06 * peak


def paint_hair(inside: np.ndarray, canvas: Canvas, look: Appearance) -> None:
    """Paints the hair or the cloth of a cap, in place; `inside` is the result of `hair_distance`."""
    edge = {"bald": 0.12, "cap": 0.012}.get(look.hair_style, 0.04)
    cover = smoothstep(-edge, edge, inside)
    if look.hair_style == "cap":
        seams = np.exp(-((np.sin(3 * canvas.azimuth) / 0.05) ** 2))[None, :] * (canvas.y[:, None] < -1.1)
        mix(canvas.color, cover, look.clothes[::-1] * (1 - 0.4 * seams)[..., None])
        return
    strands = canvas.noise(look, "strands", stretch=0.12)
    shine = np.exp(-0.5 * ((canvas.y[:, None] + 1.4 + 0.12 * strands) / 0.13) ** 2)
    tone = np.clip(1 + 0.75 * strands + 0.3 * canvas.noise(look, "locks") + 0.6 * shine, 0.25, 2.5)
    tone *= 0.55 + 0.45 * smoothstep(0.0, 0.10, inside)  # roots lie in shade
    mix(canvas.color, cover * (0.8 if look.hair_style == "bald" else 1.0), look.hair * tone[..., None])
