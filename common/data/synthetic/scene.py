"""Scene around a synthetic head: camera, light, background, body, glasses, things in front, and the photograph."""

import dataclasses

import numpy as np

from common.data.synthetic.appearance import Appearance, lattice_noise, linear
from common.data.synthetic.paint import mix
from common.data.synthetic.surface import smoothstep


@dataclasses.dataclass(frozen=True)
class Light:
    """One distant light, and ambient light that is the same from all directions."""

    direction: np.ndarray
    """Unit vector from the head to the light in the camera's frame, float32 [3]."""
    key: np.ndarray
    """Colour of the distant light, linear RGB, float32 [3]."""
    ambient: np.ndarray
    """Colour of the ambient light, linear RGB, float32 [3]."""


@dataclasses.dataclass(frozen=True)
class Camera:
    """Pose of the head in radians, and a perspective camera that looks at the head."""

    yaw: float
    pitch: float
    roll: float
    distance: float
    """Distance of the camera from the head's origin in half head widths."""
    scale: float
    """Length of a half head width in the picture, in units of the picture's side."""
    shift: tuple[float, float]
    """Position of the head's origin in the picture, in units of the picture's side."""

    @property
    def rotation(self) -> np.ndarray:
        """Rotation matrix of the pose, first yaw, then pitch, then roll, float32 [3, 3]."""
        (cy, cp, cr), (sy, sp, sr) = (f((self.yaw, self.pitch, self.roll)) for f in (np.cos, np.sin))
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
        roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        return (roll @ pitch @ yaw).astype(np.float32)

    def rotate(self, points: np.ndarray) -> np.ndarray:
        """Converts points [3, ...] from the head's frame to the camera's frame."""
        return np.tensordot(self.rotation, points.astype(np.float32), 1)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Positions [2, ...] of points [3, ...] in the picture, in units of its side from its first corner."""
        x, y, z = self.rotate(points)
        near = self.scale * self.distance / (self.distance - z)
        return np.stack([x * near + self.shift[0], y * near + self.shift[1]])

    def pixel(self, point: np.ndarray | tuple[float, float, float], side: int) -> np.ndarray:
        """Position [2] in pixels of one point of the head's frame in a picture of `side` pixels."""
        return self.project(np.asarray(point, np.float32)[:, None])[:, 0] * side - 0.5


def _plane(side: int, origin: np.ndarray, angle: float, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y, each [S, S], of all pixels in a frame turned by `angle`; `origin` and `unit` in pixels."""
    x = (np.arange(side, dtype=np.float32) - np.float32(origin[0]))[None, :] / np.float32(unit)
    y = (np.arange(side, dtype=np.float32) - np.float32(origin[1]))[:, None] / np.float32(unit)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return c * x + s * y, c * y - s * x


def _muted(rng: np.random.Generator) -> np.ndarray:
    """Random colour, linear RGB [3], which is rarely bright."""
    color = rng.uniform(0.05, 0.95, 3)
    return linear(color + np.sqrt(rng.random()) * (color.mean() - color))


def background(rng: np.random.Generator, side: int) -> np.ndarray:
    """Random blurred background, float32 [side, side, 3]: two colours, blobs of light and edges of things."""
    at = (np.arange(side) + 0.5) / side
    base, other = _muted(rng), _muted(rng)
    cells = int(rng.integers(3, 9))
    slope = rng.uniform(-1, 1, 2)
    blend = lattice_noise(rng.uniform(-0.5, 1.5, (cells, cells)), at, at)
    blend += ((at[:, None] - 0.5) * slope[0] + (at[None, :] - 0.5) * slope[1]).astype(np.float32)
    picture = base + np.clip(blend, 0, 1)[..., None] * (other - base)
    for _ in range(int(rng.integers(0, 7))):
        centre, color = rng.uniform(0, 1, 2), _muted(rng)
        half, soft, turn = rng.uniform(0.03, 0.35, 2), rng.uniform(0.01, 0.08), rng.uniform(-0.5, 0.5)
        box, strength = rng.random() < 0.5, rng.uniform(0.3, 0.9)
        x, y = _plane(side, centre * side - 0.5, turn, side)
        far = np.maximum(np.abs(x) - half[0], np.abs(y) - half[1]) if box else np.hypot(x, y) - half[0] * 0.6
        mix(picture, strength * smoothstep(soft, -soft, far), color)
    fine = lattice_noise(rng.uniform(-1, 1, (48, 48)), at, at)
    return (picture * (1 + 0.08 * fine)[..., None]).astype(np.float32)


def _paint_back_hair(picture: np.ndarray, camera: Camera, look: Appearance, light: Light) -> None:
    """Paints long hair that falls behind the neck."""
    side = picture.shape[0]
    crown = camera.pixel((0.0, -0.6, -0.5), side)
    x, y = _plane(side, crown, 0.6 * camera.roll, camera.scale * side)
    strands = np.sin(26 * x + 3 * np.sin(5 * x + 2 * y)) * 0.25 + np.sin(61 * x + 4 * y) * 0.15
    width = 1.08 + look.hair_volume + 0.14 * smoothstep(0.2, 1.6, y) + 0.03 * np.sin(6 * y)
    top = np.sqrt(np.clip(1 - (np.minimum(y, 0) / 1.3) ** 2, 0, 1))
    shape = smoothstep(0.03, -0.03, np.abs(x) - width * top) * smoothstep(2.9, 2.6, y + 0.2 * strands) * (y > -1.3)
    lit = 0.7 * float(np.mean(light.ambient + 0.55 * light.key))
    mix(picture, shape, look.hair * np.clip((1 + strands) * lit, 0.1, 2)[..., None])


def paint_body(picture: np.ndarray, camera: Camera, look: Appearance, light: Light, jaw_drop: float) -> None:
    """Paints shoulders, long hair and neck behind the head, in place."""
    side = picture.shape[0]
    unit = camera.scale * side
    base = camera.pixel((0.0, 0.75, -0.45), side)
    if look.hair_style == "long":
        _paint_back_hair(picture, camera, look, light)
    first = int(np.clip(base[1] - 0.8 * unit, 0, side - 1))  # the first row of the neck
    picture = picture[first:]
    x, y = (a[first:] for a in _plane(side, base, 0.5 * camera.roll, unit))
    lit = float(np.mean(light.ambient + 0.55 * light.key))
    lean = float(light.direction[0])
    fold = 1 + 0.10 * np.sin(9 * x + 2.5 * np.sin(3 * y)) + 0.25 * lean * x
    shoulder = 0.62 + 0.20 * np.abs(x) + 0.22 * np.abs(x) ** 3 / 4 + 0.35 * np.maximum(np.abs(x) - 1.5, 0) ** 2
    mix(picture, smoothstep(-0.02, 0.02, y - shoulder), look.clothes * np.clip(fold * lit, 0.1, 2)[..., None])
    half = 0.52 + 0.04 * np.maximum(y, 0) + 0.30 * np.clip(y - 0.45, 0, 1) ** 2
    round_off = np.sqrt(np.clip(1 - (x / (half * 1.05)) ** 2, 0.05, 1))
    # The jaw casts a shadow on the upper neck.
    under = 0.35 + 0.65 * smoothstep(0.15 + jaw_drop, 0.75 + jaw_drop, y + 0.25 * light.direction[1])
    cords = 1 - 0.10 * np.exp(-(((np.abs(x) - 0.22 + 0.12 * y) / 0.05) ** 2))
    tone = (0.35 + 0.65 * round_off) * under * cords * (1 + 0.4 * lean * x)
    neck = smoothstep(0.02, -0.02, np.abs(x) - half) * smoothstep(-0.6, -0.5, y)
    collar = smoothstep(0.02, -0.02, y - 0.78 - 0.25 * np.sqrt(np.clip(1 - (x / 0.75) ** 2, 0, 1)))
    mix(picture, neck * collar, look.skin * (tone * lit)[..., None])


def paint_glasses(picture: np.ndarray, camera: Camera, look: Appearance, chart: np.ndarray, points: np.ndarray) -> None:
    """Paints two lenses, a bridge and the nearer temple arm, in place; `points` [68, 3] are the landmarks in 3-D."""
    if look.glasses == "none":
        return
    side = picture.shape[0]
    dark = look.glasses == "dark"
    depth = points[[36, 39, 42, 45], 2].mean() + 0.30
    reach, tall = 0.27 + 0.05 * look.frame_size, 0.19 + 0.05 * look.frame_size
    thick, power = 0.035 + 0.015 * look.frame_size, 2.3 + 1.7 * look.frame_size  # |u|^p + |v|^p = 1
    corners = {}
    for sign, eye in ((-1, chart[36:42].mean(0)), (1, chart[42:48].mean(0))):
        middle = np.array([eye[0] * 1.02, eye[1] + 0.03, depth - 0.05])
        origin = camera.pixel(middle, side)
        across = camera.pixel(middle + (reach, 0, -0.06 * sign), side) - origin
        down = camera.pixel(middle + (0, tall, -0.01), side) - origin
        corners[sign] = [camera.pixel(middle + (sign * s * reach, -0.05, -0.06 * s), side) for s in (1, -1)]
        inverse = np.linalg.inv(np.stack([across, down], 1)).astype(np.float32)
        x, y = _plane(side, origin, 0.0, 1.0)
        u, v = inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y
        r = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
        soft = 2.0 / np.linalg.norm(across)
        glare = np.exp(-(((u + 0.6 * v + 0.25) / 0.18) ** 2)) * (r < 1)
        lens = smoothstep(1 + soft, 1 - soft, r)
        mix(picture, (0.90 if dark else 0.06) * lens, np.full(3, 0.02 if dark else 0.35))
        mix(picture, (0.16 if dark else 0.12) * glare, np.full(3, 0.9))
        mix(picture, smoothstep(thick / reach + soft, thick / reach - soft, 2 * np.abs(r - 1)), look.frame)
    width = thick * camera.scale * side * 0.5
    _capsule(picture, corners[-1][1], corners[1][1], width, look.frame)
    for sign in (-1, 1):
        if sign * camera.yaw < 0.05:  # the other arm lies behind the face
            hinge = corners[sign][0]
            ear = camera.pixel((sign * 1.06, chart[36, 1], -0.10), side)
            if sign * (ear - hinge)[0] > 0:
                _capsule(picture, hinge, ear, width, look.frame)


def _capsule(
    picture: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float, color: np.ndarray, relief: float = 0.0
) -> None:
    """Paints a line with round ends, with positions in pixels. A `relief` above 0 shades the line like a finger."""
    x, y = _plane(picture.shape[0], start, 0.0, 1.0)
    span = (end - start).astype(np.float32)
    s = np.clip((x * span[0] + y * span[1]) / max(float(span @ span), 1e-6), 0, 1)
    far = np.hypot(x - s * span[0], y - s * span[1])
    tone = 1 - relief + relief * np.sqrt(np.clip(1 - (far / radius) ** 2, 0, 1))
    mix(picture, smoothstep(radius + 1, radius - 1, far), np.asarray(color, np.float32) * tone[..., None])


def paint_occluder(rng: np.random.Generator, picture: np.ndarray, camera: Camera, look: Appearance) -> None:
    """Paints a hand, a scarf or a thing with straight edges in front of about one face in six, in place."""
    kind = rng.choice(["none", "hand", "scarf", "box"], p=[0.84, 0.06, 0.05, 0.05])
    if kind == "none":
        return
    side = picture.shape[0]
    unit = camera.scale * side
    color, turn, sign = _muted(rng), rng.uniform(-0.6, 0.6), rng.choice([-1, 1])
    at = np.array([sign * rng.uniform(0.45, 1.0), rng.uniform(-0.6, 1.0), 0.6])
    if kind == "hand":
        tip = camera.pixel(at, side)
        along = np.array([sign * np.cos(turn), 0.75 + 0.3 * np.sin(turn)])
        along /= np.linalg.norm(along)
        aside = np.array([-along[1], along[0]])
        skin = look.skin * rng.uniform(0.6, 0.9)
        _capsule(picture, tip + 1.25 * unit * along, tip + 2.2 * unit * along, 0.42 * unit, skin, 0.5)
        for finger, reach in enumerate((0.14, 0.0, 0.03, 0.18)):
            root = tip + unit * (1.1 * along + 0.20 * (finger - 1.5) * aside)
            end = tip + unit * (reach * along + 0.25 * (finger - 1.5) * aside)
            _capsule(picture, root, end, 0.115 * unit, skin, 0.55)
        return
    if kind == "scarf":
        x, y = _plane(side, camera.pixel((0.0, rng.uniform(0.35, 0.8), 0.5), side), camera.roll, unit)
        weave = 1 + 0.22 * np.sin(9 * y + 2 * np.sin(2 * x)) + 0.08 * np.sin(38 * x)
        cover = smoothstep(-0.02, 0.02, y + 0.12 * x * x) * smoothstep(1.5, 1.2, np.abs(x) - 0.25 * y)
    else:
        x, y = _plane(side, camera.pixel(at, side), turn, unit)
        half = rng.uniform(0.15, 0.45, 2)
        weave = 1 + 0.3 * np.sign(np.sin(x * rng.uniform(6, 30)))
        cover = smoothstep(0.015, -0.015, np.maximum(np.abs(x) - half[0], np.abs(y) - half[1]))
    mix(picture, cover, color * (0.7 * weave)[..., None])


def photograph(rng: np.random.Generator, picture: np.ndarray, size: int, grain: np.random.Generator) -> np.ndarray:
    """Photograph, uint8 [size, size, 3], of a scene in linear light [S, S, 3], with blur, exposure and grain."""
    factor = picture.shape[0] // size
    image = picture.reshape(size, factor, size, factor, 3).mean((1, 3))
    blur = rng.choice([0.0, rng.uniform(0.002, 0.008)], p=[0.6, 0.4]) * size
    if blur > 0.2:
        reach = np.arange(size, dtype=np.float32)
        kernel = np.exp(-0.5 * ((reach[:, None] - reach[None, :]) / blur) ** 2)
        kernel /= kernel.sum(1, keepdims=True)
        image = np.einsum("ij,jkc->ikc", kernel, image, optimize=True)
        image = np.einsum("ij,kjc->kic", kernel, image, optimize=True)
    exposure, balance = rng.uniform(0.85, 1.2), rng.normal(1, 0.03, 3).astype(np.float32)
    middle = slice(size // 4, -(size // 4))
    exposure *= float(np.clip(0.30 / image[middle, middle].mean(), 0.5, 3.0)) ** 0.55  # metered on the face
    grey, noise = rng.random() < 0.06, rng.choice([0.004, rng.uniform(0.005, 0.03)])
    image = np.clip(image * exposure * balance, 0, None)
    # A shoulder keeps highlights from clipping: it is x up to 0.6 and then approaches 1.
    image = np.where(image < 0.6, image, 1 - 0.4 * np.exp(-(image - 0.6) / 0.4)) ** np.float32(1 / 2.2)
    if grey:
        image = np.repeat(image @ np.array([[0.3], [0.59], [0.11]], np.float32), 3, -1)
    image = image + noise * grain.normal(size=image.shape).astype(np.float32)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
