"""Renderer of faces with exact landmarks: it paints, lights, projects and photographs a random 3-D head.

The 68 landmarks are those of 300-W (Sagonas et al. 2013). Each is the projection of a point of the head's surface, so
the landmarks of the jaw turn with the head instead of sliding along the visible contour. As in 300-W, a landmark under
hair, glasses or a hand counts as annotated; `visible` is False only outside the picture.
"""

import dataclasses

import numpy as np

from common.data.synthetic.appearance import Appearance, lattice_noise, sample_appearance
from common.data.synthetic.features import paint_features
from common.data.synthetic.hair import hair_distance, paint_hair, raise_hair
from common.data.synthetic.model import sample_expression, sample_identity
from common.data.synthetic.paint import Canvas, paint_skin
from common.data.synthetic.scene import (
    Camera,
    Light,
    background,
    paint_body,
    paint_glasses,
    paint_occluder,
    photograph,
)
from common.data.synthetic.surface import Head, build_head, landmarks_3d, smoothstep, surface

_SUPERSAMPLING = 2
_MAX_YAW, _MAX_PITCH, _MAX_ROLL = np.radians((45.0, 20.0, 25.0))


def render_face(seed: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Renders the face of a seed. A seed gives the same face at every size.

    Args:
      seed: number of the face, from 0.
      size: side of the picture in pixels, at least 32.

    Returns:
      Image in sRGB, uint8 [size, size, 3]; landmarks as (x, y) in pixels with the centre of the first pixel at (0, 0),
      float32 [68, 2]; and whether each landmark lies in the picture, bool [68].

    Raises:
      ValueError: a negative seed or a size below 32.
    """
    if seed < 0 or size < 32:
        raise ValueError(f"seed must be >= 0 and size >= 32, not {seed} and {size}")
    rng = np.random.default_rng(seed)
    identity, expression = sample_identity(rng), sample_expression(rng)
    look = sample_appearance(rng)
    head = build_head(identity, expression, covered_ears=look.hair_style == "long")
    points = landmarks_3d(head)
    camera = _place_camera(rng, points)
    light = _sample_light(rng)

    picture = background(rng, size).repeat(_SUPERSAMPLING, 0).repeat(_SUPERSAMPLING, 1)
    paint_body(picture, camera, look, light, head.expression.jaw_drop)
    _draw_head(picture, head, look, camera, light)
    paint_glasses(picture, camera, look, head.chart, points)
    landmarks = (camera.project(points.T) * size - 0.5).T.astype(np.float32)
    paint_occluder(rng, picture, camera, look)
    image = photograph(rng, picture, size, np.random.default_rng((seed, 1)))
    visible = np.all((landmarks >= -0.5) & (landmarks <= size - 0.5), axis=-1)
    return image, landmarks, visible


def _place_camera(rng: np.random.Generator, points: np.ndarray) -> Camera:
    """Camera with a random pose, in whose picture the landmarks [68, 3] lie and span 50 to 75 % of the side."""
    frontal = rng.random() < 0.35
    yaw = np.clip(rng.normal(0, 0.12 if frontal else 0.42), -_MAX_YAW, _MAX_YAW)
    pitch = np.clip(rng.normal(0.02, 0.06 if frontal else 0.16), -_MAX_PITCH, _MAX_PITCH)
    roll = np.clip(rng.normal(0, 0.06 if frontal else 0.17), -_MAX_ROLL, _MAX_ROLL)
    camera = Camera(float(yaw), float(pitch), float(roll), float(rng.uniform(6, 14)), 1.0, (0.0, 0.0))
    flat = camera.project(points.T)
    low, high = flat.min(1), flat.max(1)
    scale = rng.uniform(0.50, 0.75) / (high - low).max()
    room = np.maximum(0.5 - 0.5 * scale * (high - low) - 0.04, 0)
    centre = 0.5 + room * rng.uniform(-1, 1, 2) * (0.6, 0.5) + room * (0, 0.25)
    shift = centre - scale * (low + high) / 2
    return dataclasses.replace(camera, scale=float(scale), shift=(float(shift[0]), float(shift[1])))


def _sample_light(rng: np.random.Generator) -> Light:
    """Random key light from the front, mostly from above, and ambient light."""
    azimuth, elevation = rng.normal(0, 0.6), rng.normal(0.45, 0.3)
    key = np.array([np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    warm = rng.normal(0, 0.06)
    return Light(
        direction=key.astype(np.float32),
        key=(np.array([1 + warm, 1.0, 1 - warm]) * rng.uniform(0.65, 1.05)).astype(np.float32),
        ambient=(np.array([1 - warm, 1.0, 1 + warm]) * rng.uniform(0.22, 0.5)).astype(np.float32),
    )


def _draw_head(picture: np.ndarray, head: Head, look: Appearance, camera: Camera, light: Light) -> None:
    """Draws the head into a picture float32 [S, S, 3], in place, by finding the surface point that each pixel sees."""
    side = picture.shape[0]
    canvas, points = _paint_head(head, look, camera, side)
    seen = camera.rotate(points)
    color = _shade(canvas.color, seen, light).reshape(-1, 3)
    fine = _refine(np.concatenate([camera.project(points), seen[2:]]))
    nearest = _find_nearest(fine[:2], fine[2], side)
    hit = nearest >= 0
    row, column = np.divmod(nearest[hit], fine.shape[2])
    first = (row >> 1) * points.shape[2] + (column >> 1)
    below, beside = (row & 1) * points.shape[2], column & 1
    # A midpoint takes the mean colour of its neighbours in the painted grid.
    mean = color[first] + color[first + below] + color[first + beside] + color[first + below + beside]
    picture[hit] = mean / 4


def _paint_head(head: Head, look: Appearance, camera: Camera, side: int) -> tuple[Canvas, np.ndarray]:
    """Painted head on a grid about as fine as the pixels: its canvas and its points, float32 [3, R, C]."""
    pixels = camera.scale * side  # per unit of the head
    half = np.radians(102)
    rows, columns = int(0.72 * head.length * pixels), int(0.64 * 2 * half * pixels)
    t = np.linspace(0.002, 0.999, rows, dtype=np.float32)
    azimuth = np.linspace(-half, half, columns, dtype=np.float32) - np.float32(camera.yaw)
    points, x = surface(head, t, azimuth[None, :])
    color = np.empty((rows, columns, 3), np.float32)
    canvas = Canvas(color, x, points[1, :, 0].copy(), azimuth, t, step=float(1 / pixels))
    paint_skin(canvas, head, look)
    paint_features(canvas, head, look)
    inside = hair_distance(canvas, look)
    paint_hair(inside, canvas, look)
    raise_hair(points, inside, canvas, look)
    return canvas, points


def _refine(grid: np.ndarray) -> np.ndarray:
    """Grid [D, R, C] with added midpoints between neighbours, [D, 2 R - 1, 2 C - 1]."""
    depth, rows, columns = grid.shape
    fine = np.empty((depth, 2 * rows - 1, 2 * columns - 1), grid.dtype)
    fine[:, ::2, ::2] = grid
    fine[:, 1::2, ::2] = (grid[:, 1:] + grid[:, :-1]) / 2
    fine[:, :, 1::2] = (fine[:, :, 2::2] + fine[:, :, :-2:2]) / 2
    return fine


def _find_nearest(at: np.ndarray, depth: np.ndarray, side: int) -> np.ndarray:
    """Flat index of the point that each pixel sees, int64 [side, side]; -1 for a pixel that sees none.

    Args:
      at: positions of the points in the picture in units of its side, float32 [2, R, C].
      depth: depth of the points, float32 [R, C]; a larger depth is nearer.
      side: side of the picture in pixels.
    """
    column, row = np.floor(at * side).astype(np.int32)
    inside = np.flatnonzero(((column >= 0) & (column < side) & (row >= 0) & (row < side)).ravel())
    pixel = (row * side + column).ravel()[inside]
    # The high bits hold the depth and the low bits the point, so one maximum finds the nearest point of each pixel.
    near = ((depth.ravel()[inside] + 8) * 65536).astype(np.int64) << 32 | inside
    nearest = np.full(side * side, -1, np.int64)
    np.maximum.at(nearest, pixel, near)
    nearest = nearest.reshape(side, side)
    for reach in (1, 2, 3):  # a pixel between the points of a steep surface takes the point of a neighbour
        for axis in (0, 1):
            before, after = np.roll(nearest, reach, axis), np.roll(nearest, -reach, axis)
            nearest = np.where((nearest < 0) & (before >= 0) & (after >= 0), np.minimum(before, after), nearest)
    return np.where(nearest >= 0, nearest & 0xFFFFFFFF, -1)


def _normals(points: np.ndarray) -> np.ndarray:
    """Unit normals [3, R, C] of a grid of points [3, R, C], by central differences."""
    across, down = np.empty_like(points), np.empty_like(points)
    across[:, :, 1:-1], down[:, 1:-1] = points[:, :, 2:] - points[:, :, :-2], points[:, 2:] - points[:, :-2]
    across[:, :, [0, -1]], down[:, [0, -1]] = across[:, :, [1, -2]], down[:, [1, -2]]
    normal = np.stack([across[i] * down[j] - across[j] * down[i] for i, j in ((1, 2), (2, 0), (0, 1))])
    normal /= np.sqrt((normal * normal).sum(0)) + 1e-12
    return normal


def _shade(albedo: np.ndarray, points: np.ndarray, light: Light) -> np.ndarray:
    """Lit colours of a painted surface, linear RGB [R, C, 3], whose points [3, R, C] are in the camera's frame."""
    normal = _normals(points)
    # Light wraps around skin: the terminator lies behind 90 degrees.
    diffuse = np.clip((np.tensordot(light.direction, normal, 1) + 0.25) / 1.25, 0, 1)
    diffuse *= 1 - 0.8 * _cast_shadow(points, light.direction)
    middle = light.direction + np.array([0, 0, 1], np.float32)
    gloss = np.clip(np.tensordot(middle / np.linalg.norm(middle), normal, 1), 0, 1) ** 20 * diffuse
    sky = 0.75 - 0.25 * normal[1]
    irradiance = diffuse[..., None] * light.key + sky[..., None] * light.ambient
    return albedo * irradiance + (0.08 * gloss)[..., None] * light.key


def _cast_shadow(points: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Fraction of the key light that nearer parts of the head block, float32 [R, C], from a softened shadow map."""
    step = max(1, round(points.shape[1] / 120))
    coarse = points[:, ::step, ::step]
    side = np.cross(direction, (0, 1, 0))
    side /= np.linalg.norm(side)
    axes = np.stack([side, np.cross(side, direction), direction]).astype(np.float32)
    u, v, depth = np.tensordot(axes, coarse, 1)
    cells, span = 80, 4.6
    column, row = (np.clip(((a - a.mean()) / span + 0.5) * cells, 0, cells - 1).astype(np.int64) for a in (u, v))
    nearest = np.full(cells * cells, -9.0, np.float32)
    cell = (row * cells + column).ravel()
    np.maximum.at(nearest, cell, depth.ravel())
    blocked = smoothstep(0.10, 0.24, nearest[cell].reshape(depth.shape) - depth)
    for axis in (0, 1):
        for _ in range(4):
            blocked = (np.roll(blocked, 1, axis) + 2 * blocked + np.roll(blocked, -1, axis)) / 4
    rows, columns = (np.linspace(0, 1, n, dtype=np.float32) for n in points.shape[1:])
    return np.clip(lattice_noise(blocked, rows, columns), 0, 1)
