"""Renderer of faces: shapes, repeatability, anatomy, and features at their landmarks."""

import dataclasses

import numpy as np
import pytest

from common.data.synthetic.appearance import sample_appearance
from common.data.synthetic.model import MIRROR, Expression, Identity, landmark_chart, sample_expression, sample_identity
from common.data.synthetic.render import _draw_head, render_face
from common.data.synthetic.scene import Camera, Light, paint_glasses
from common.data.synthetic.surface import build_head, landmarks_3d, surface

SEEDS = range(12)
SIZE = 96
FRONTAL = Camera(yaw=0.0, pitch=0.0, roll=0.0, distance=10.0, scale=0.36, shift=(0.5, 0.5))
LIGHT = Light(np.float32((0.0, 0.0, 1.0)), np.full(3, 0.8, np.float32), np.full(3, 0.4, np.float32))
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)


@pytest.fixture(scope="module")
def faces():
    return [render_face(seed, SIZE) for seed in SEEDS]


def draw(expression: Expression, look_seed: int, camera: Camera = FRONTAL, side: int = 256, **changes):
    """The bare head on black in linear RGB, and its landmarks in pixels."""
    look = dataclasses.replace(sample_appearance(np.random.default_rng(look_seed)), **changes)
    head = build_head(Identity(), expression)
    picture = np.zeros((side, side, 3), np.float32)
    _draw_head(picture, head, look, camera, LIGHT)
    return picture, camera.project(landmarks_3d(head).T).T * side - 0.5


def patch(picture: np.ndarray, at: np.ndarray, reach: int = 2) -> np.ndarray:
    """Mean colour [3] of a square around a point."""
    x, y = np.rint(at).astype(int)
    return picture[y - reach : y + reach + 1, x - reach : x + reach + 1].mean((0, 1))


def test_contract(faces):
    for image, landmarks, visible in faces:
        assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
        assert landmarks.shape == (68, 2) and landmarks.dtype == np.float32
        assert visible.shape == (68,) and visible.dtype == bool
        # The camera frames the landmarks: all lie inside and span 50 to 75 % of the side.
        assert visible.all()
        span = (landmarks.max(0) - landmarks.min(0)).max() / SIZE
        assert 0.5 - 1e-3 <= span <= 0.75 + 1e-3
        assert image.std() > 10  # not an empty picture


def test_same_seed_same_face_whatever_came_before(faces):
    np.random.seed(1)  # global state must not matter
    for seed in (3, 0):
        for again, before in zip(render_face(seed, SIZE), faces[seed], strict=True):
            np.testing.assert_array_equal(again, before)


def test_seeds_differ(faces):
    for a in range(len(faces)):
        for b in range(a):
            assert np.abs(faces[a][1] - faces[b][1]).max() > 1
            assert np.abs(faces[a][0].astype(int) - faces[b][0]).mean() > 5


@pytest.mark.parametrize("seed", [0, 4, 9])
def test_resolution_independent(seed):
    small, landmarks, _ = render_face(seed, 64)
    large, finer, _ = render_face(seed, 128)
    # Pixel edges coincide, so centres at integers map as x -> 2 x + 0.5. Float32 at 128 px: 1e-5 relative.
    np.testing.assert_allclose(finer, 2 * landmarks + 0.5, atol=1e-3)
    halved = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    a, b = halved - halved.mean(), small - small.mean()
    # The same picture but for sensor noise and sampling; other seeds correlate far less.
    assert (a * b).mean() / (a.std() * b.std()) > 0.93
    assert abs(halved.mean() - small.mean()) < 8


@pytest.mark.parametrize("seed, size", [(-1, 64), (0, 31)])
def test_bad_arguments(seed, size):
    with pytest.raises(ValueError, match="seed must be"):
        render_face(seed, size)


def test_symmetric_head_has_symmetric_landmarks():
    rng = np.random.default_rng(0)
    identity = sample_identity(rng)
    expression = dataclasses.replace(sample_expression(rng), blink=(0.1, 0.1))
    points = landmarks_3d(build_head(identity, expression))
    np.testing.assert_allclose(points[MIRROR] * (-1, 1, 1), points, atol=1e-5)


def test_landmarks_are_on_the_surface():
    head = build_head(Identity(nose_depth=1.5), Expression(mouth_open=0.5, smile=1.0))
    t, azimuth = np.linspace(0.002, 0.999, 900), np.linspace(-1.6, 1.6, 900)
    points = surface(head, t, azimuth[None, :])[0].reshape(3, -1).T
    for landmark in landmarks_3d(head):
        # Neighbours of the grid are 0.004 apart across and 0.005 along, a few times that where the nose is steep.
        assert np.sqrt(((points - landmark) ** 2).sum(1).min()) < 0.012


@pytest.mark.parametrize("seed", range(20))
def test_anatomy(seed):
    rng = np.random.default_rng(seed)
    chart = landmark_chart(sample_identity(rng), sample_expression(rng))
    x, y = chart.T
    assert x[36] < x[39] < x[42] < x[45]  # eye corners from left to right
    assert (np.diff(x[17:27]) > 0).all()  # brows from left to right
    assert (np.diff(y[27:31]) > 0).all() and y[30] < y[33]  # the bridge runs down to the tip and the base
    assert max(y[17:22].mean(), y[22:27].mean()) < y[36:48].min()  # brows over eyes
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65), (51, 62), (66, 57)):
        assert y[upper] <= y[lower] + 1e-6
    assert y[33] < y[51] and y[57] < y[8]  # nose, mouth, chin
    assert (np.diff(y[:9]) > 0).all() and (np.diff(y[8:17]) < 0).all()


def test_expression_moves_its_own_landmarks():
    rest = landmark_chart(Identity(), Expression())

    def moved(expression):
        return set(np.flatnonzero(np.abs(landmark_chart(Identity(), expression) - rest).max(1) > 1e-6))

    assert moved(Expression(blink=(1.0, 0.0))) == {37, 38}
    assert moved(Expression(brow_raise=1.0)) == set(range(17, 27))
    opened = landmark_chart(Identity(), Expression(mouth_open=1.0))
    assert opened[66, 1] - opened[62, 1] > 0.2 and opened[8, 1] - rest[8, 1] > 0.2
    np.testing.assert_array_equal(opened[17:48], rest[17:48])


def test_turning_moves_the_nose_before_the_jaw():
    points = landmarks_3d(build_head(Identity(), Expression())).T
    turned = dataclasses.replace(FRONTAL, yaw=0.5)
    shift = turned.project(points)[0] - FRONTAL.project(points)[0]
    assert shift[30] > shift[27] > shift[36:48].mean()  # a positive yaw turns the nose to the right
    assert shift[30] > 0.1
    raised = dataclasses.replace(FRONTAL, pitch=0.3).project(points)[1] - FRONTAL.project(points)[1]
    assert raised[30] > raised[0] + 0.1  # a positive pitch bows the head


@pytest.mark.parametrize("look_seed", range(6))
def test_features_are_drawn_at_their_landmarks(look_seed):
    plain = {"beard": 0.0, "moustache": 0.0, "hair_style": "bald", "glasses": "none"}
    picture, at = draw(Expression(), look_seed, **plain)
    grey = picture.mean(-1)
    cheeks = (patch(picture, (at[31] + at[2]) / 2) + patch(picture, (at[35] + at[14]) / 2)) / 2
    for eye, corners in ((LEFT_EYE, (36, 39)), (RIGHT_EYE, (42, 45))):
        middle = at[eye].mean(0)
        pupil = patch(picture, middle + (-2, 3), 1).mean()  # beside the glint, which is up to the right
        assert pupil < 0.8 * cheeks.mean()  # with the gloss of the eye, on the darkest skin
        white = [patch(picture, 0.35 * middle + 0.65 * at[c], 1).mean() for c in corners]
        assert min(white) > 2 * pupil
    for brow in (19, 24):
        assert patch(picture, at[brow], 1).mean() < 0.75 * patch(picture, at[brow] - (0, 20)).mean()
    # Lips, between outer and inner contour, are redder than the cheeks.
    for outer, inner in ((57, 66), (56, 65), (58, 67)):
        lip = patch(picture, (at[outer] + at[inner]) / 2, 1)
        assert lip[0] / lip[1] > 1.1 * cheeks[0] / cheeks[1]
    x, y = np.rint(at[33]).astype(int)
    assert grey[y - 6 : y + 4, x - 14 : x + 15].min() < 0.5 * cheeks.mean()  # nostrils


def test_open_mouth_is_dark_inside_its_inner_contour():
    picture, at = draw(Expression(mouth_open=0.9), 0, beard=0.0, moustache=0.0)
    inside = patch(picture, (at[62] + at[66]) / 2).mean()
    assert inside < 0.5 * patch(picture, (at[57] + at[8]) / 2).mean()


def test_shut_eye_hides_the_iris():
    opened, at = draw(Expression(), 1, hair_style="bald")
    shut, _ = draw(Expression(blink=(1.0, 0.0)), 1, hair_style="bald")
    centre = at[LEFT_EYE].mean(0) - (0, 2)
    assert patch(shut, centre, 1).mean() > 1.5 * patch(opened, centre, 1).mean()
    np.testing.assert_allclose(patch(shut, at[RIGHT_EYE].mean(0)), patch(opened, at[RIGHT_EYE].mean(0)), atol=0.02)


def test_head_has_no_holes():
    for yaw in (0.0, 0.7, -0.7):
        camera = dataclasses.replace(FRONTAL, yaw=yaw, pitch=0.2)
        picture, at = draw(Expression(smile=1.0), 2, camera, hair_style="short", glasses="none")
        lit = picture.sum(-1) > 0
        for row in range(int(at[:, 1].min()), int(at[33, 1])):
            columns = np.flatnonzero(lit[row])
            # Ears may part from the head by a few background pixels; holes would be many.
            assert columns[-1] - columns[0] + 1 - len(columns) <= 4


def test_light_from_the_right_brightens_the_right():
    look = sample_appearance(np.random.default_rng(0))
    head = build_head(Identity(), Expression())
    light = Light(np.float32((0.9, 0.0, 0.436)), LIGHT.key, LIGHT.ambient)
    picture = np.zeros((128, 128, 3), np.float32)
    _draw_head(picture, head, dataclasses.replace(look, hair_style="bald"), FRONTAL, light)
    at = FRONTAL.project(landmarks_3d(head).T).T * 128 - 0.5
    assert patch(picture, (at[35] + at[14]) / 2).mean() > 1.5 * patch(picture, (at[31] + at[2]) / 2).mean()


def test_dark_glasses_cover_the_eyes():
    look = dataclasses.replace(sample_appearance(np.random.default_rng(0)), glasses="dark")
    head = build_head(Identity(), Expression())
    points = landmarks_3d(head)
    picture = np.ones((128, 128, 3), np.float32)
    paint_glasses(picture, FRONTAL, look, head.chart, points)
    at = FRONTAL.project(points.T).T * 128 - 0.5
    for eye in (LEFT_EYE, RIGHT_EYE):
        assert patch(picture, at[eye].mean(0)).mean() < 0.4
    np.testing.assert_array_equal(patch(picture, at[57]), 1.0)
