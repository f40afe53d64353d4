"""Built-in landmark schemes and schemes in files."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from common.data.faces.schemes import AFLW19, FIVE, SCHEMES, W300, WFLW, load_scheme
from common.errors import InputError

W300_CSV = Path(__file__).parents[5] / "shared/data/300w/landmarks_68.csv"


def ring(center, radius, count, start=np.pi, height=0.5):
    """Points clockwise on an ellipse, as the picture is seen, from its left end (start = pi)."""
    angles = start + 2 * np.pi * np.arange(count) / count
    return np.stack([center[0] + radius * np.cos(angles), center[1] + height * radius * np.sin(angles)], 1)


def row(x0, x1, y, count):
    return np.stack([np.linspace(x0, x1, count), np.full(count, float(y))], 1)


def contour(count):
    angles = np.linspace(np.pi, 0, count)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def outline(x0, x1, y, upper, lower):
    """Upper edge from left to right, lower edge back."""
    return np.concatenate([row(x0, x1, y - 0.05, upper), row(x1, x0, y + 0.05, lower)])


def nose():
    return np.concatenate([[(0, -0.3 + 0.1 * i) for i in range(4)], row(-0.2, 0.2, 0.1, 5)])


# A face between x = -1 and 1, symmetric about x = 0, in the order of each annotation.
FACES = {
    "w300": np.concatenate(
        [
            *(contour(17), row(-0.8, -0.2, -0.5, 5), row(0.2, 0.8, -0.5, 5), nose()),
            *(ring((-0.5, -0.3), 0.2, 6), ring((0.5, -0.3), 0.2, 6), ring((0, 0.5), 0.4, 12), ring((0, 0.5), 0.3, 8)),
        ]
    ),
    "wflw": np.concatenate(
        [
            *(contour(33), outline(-0.8, -0.2, -0.5, 5, 4), outline(0.2, 0.8, -0.5, 5, 4), nose()),
            *(ring((-0.5, -0.3), 0.2, 8), ring((0.5, -0.3), 0.2, 8), ring((0, 0.5), 0.4, 12), ring((0, 0.5), 0.3, 8)),
            [(-0.5, -0.3), (0.5, -0.3)],
        ]
    ),
    "aflw19": np.concatenate(
        [
            *(row(-0.8, -0.2, -0.5, 3), row(0.2, 0.8, -0.5, 3), row(-0.7, -0.3, -0.3, 3), row(0.3, 0.7, -0.3, 3)),
            *(row(-0.2, 0.2, 0.1, 3), row(-0.4, 0.4, 0.5, 3), [(0, 1)]),
        ]
    ),
    "five": np.array([(-0.5, -0.3), (0.5, -0.3), (0, 0.1), (-0.4, 0.5), (0.4, 0.5)]),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_symmetric_face_is_its_own_mirror_image(name):
    face = FACES[name].astype(np.float64)
    assert face.shape == (SCHEMES[name].count, 2)
    mirrored = (face * [-1, 1])[np.array(SCHEMES[name].mirror)]
    np.testing.assert_allclose(mirrored, face, atol=1e-12)
    # No two landmarks coincide, so that only one permutation passes.
    distance = np.linalg.norm(face[:, None] - face[None], axis=-1) + np.eye(len(face))
    assert distance.min() > 1e-3


@pytest.mark.skipif(not W300_CSV.exists(), reason="needs ../shared/data")
def test_mirror_of_real_faces():
    """The mean of the 300-W faces is its own mirror image within 3 % of its width."""
    with open(W300_CSV, newline="") as stream:
        rows = [[float(r[f"{axis}{k}"]) for k in range(68) for axis in "xy"] for r in csv.DictReader(stream)]
    shapes = np.array(rows).reshape(-1, 68, 2)
    shapes = (shapes - shapes.mean(1, keepdims=True)) / np.ptp(shapes[:, :, 0], axis=1)[:, None, None]
    mean = shapes.mean(0)
    mirrored = (mean * [-1, 1])[np.array(W300.mirror)]
    np.testing.assert_allclose(mirrored, mean, atol=0.03)


@pytest.mark.parametrize("name", SCHEMES)
def test_eyes_are_left_and_right_ends(name):
    scheme, face = SCHEMES[name], FACES[name]
    for groups in (scheme.eyes, scheme.pupils):
        left, right = (face[list(group)].mean(0) for group in groups)
        np.testing.assert_allclose(left, right * [-1, 1], atol=1e-12)
        assert left[0] < 0
    corners = face[[scheme.eyes[0][0], scheme.eyes[1][0]], 0]
    if scheme is not FIVE:
        np.testing.assert_allclose(corners, [-0.7, 0.7], atol=1e-12)  # the outer ends
    np.testing.assert_allclose(face[list(scheme.pupils[0])].mean(0), [-0.5, -0.3], atol=1e-12)


def test_published_indices():
    assert [s.count for s in (W300, WFLW, AFLW19, FIVE)] == [68, 98, 19, 5]
    assert (W300.eyes, WFLW.eyes, WFLW.pupils) == (((36,), (45,)), ((60,), (72,)), ((96,), (97,)))


def test_lines_join_neighbours():
    """A line that jumps across the face would have a segment as long as the face is wide."""
    for name, scheme in SCHEMES.items():
        for line in scheme.lines:
            steps = np.diff(FACES[name][list(line)], axis=0)
            assert np.linalg.norm(steps, axis=1).max() < (0.9 if scheme is FIVE else 0.45), (name, line)


def declare(tmp_path, **fields):
    path = tmp_path / "paws.json"
    path.write_text(json.dumps(fields))
    return path


def test_declared_scheme(tmp_path):
    path = declare(
        tmp_path, names=["l", "r", "tip"], mirror=[[0, 1]], eyes=[0, 1], pupils=[[0], [1]], lines=[[0, 2, 1]]
    )
    scheme = load_scheme(path)
    assert (scheme.name, scheme.count, scheme.mirror, scheme.eyes) == ("paws", 3, (1, 0, 2), ((0,), (1,)))
    assert scheme == load_scheme(declare(tmp_path, **{**json.loads(path.read_text()), "mirror": [1, 0, 2]}))
    assert hash(scheme) == hash(load_scheme(path))
    assert load_scheme("wflw") is WFLW


def test_minimal_scheme_asks_only_when_needed(tmp_path):
    scheme = load_scheme(declare(tmp_path, count=7))
    assert (scheme.names[6], scheme.mirror, scheme.lines) == ("6", (), ())
    with pytest.raises(InputError, match='scheme "paws".*field "mirror".*add "mirror"'):
        scheme.require("mirror")
    assert FIVE.require("mirror") == (1, 0, 2, 4, 3)


def test_the_main_normalizer_is_the_schemes(tmp_path):
    assert {name: scheme.normalizer for name, scheme in SCHEMES.items()} == {
        **dict.fromkeys(("w300", "wflw", "five"), "inter_ocular"),
        "aflw19": "box",
    }
    assert load_scheme(declare(tmp_path, count=7)).normalizer == "box"
    assert load_scheme(declare(tmp_path, count=7, pupils=[0, 1])).normalizer == "inter_pupil"
    assert load_scheme(declare(tmp_path, count=7, eyes=[0, 1], normalizer="box")).normalizer == "box"


@pytest.mark.parametrize(
    "fields, message",
    [
        (dict(), '"names" is missing'),
        (dict(count=0), '"count": 0 is not a positive'),
        (dict(names=["a", "a"]), '"names": "a" is used more than once'),
        (dict(names=["a"], count=2), '"count": is 2 but "names" has 1'),
        (dict(names=[1, 2]), '"names": must be a list of non-empty strings'),
        (dict(count=3, miror=[1, 0, 2]), 'unknown field "miror"; the nearest is mirror'),
        (dict(count=3, normalizer="eye"), '"normalizer": "eye"'),
        (dict(count=3, normalizer="inter_pupil"), '"normalizer".*"pupils"'),
        (dict(count=3, mirror=[1, 0]), '"mirror": has 2 entries for 3'),
        (dict(count=3, mirror=[1, 2, 0]), '"mirror": 0 goes to 1 but 1 goes to 2'),
        (dict(count=3, mirror=[1, 0, 3]), '"mirror": there is no landmark 3; indices go from 0 to 2'),
        (dict(count=3, mirror=[[0, 1], [1, 2]]), '"mirror": landmark 1 is in more than one pair'),
        (dict(count=3, mirror=[[0, 1, 2]]), '"mirror".*not a pair'),
        (dict(count=3, mirror=[[0, -1]]), '"mirror".*indices go from 0 to 2'),
        (dict(count=3, mirror="swap"), '"mirror": must be a list'),
        (dict(count=3, eyes=[[0], [5]]), '"eyes": there is no landmark 5'),
        (dict(count=3, eyes=[[0]]), '"eyes": needs two groups'),
        (dict(count=3, eyes=[[0], ["1"]]), '"eyes".*must be a list of landmark indices'),
        (dict(count=3, mirror=[[0, 1]], eyes=[0, 2]), '"eyes": the mirror does not take'),
    ],
)
def test_wrong_declarations(tmp_path, fields, message):
    with pytest.raises(InputError, match=r"paws\.json: .*" + message) as error:
        load_scheme(declare(tmp_path, **fields))
    assert "\n" not in str(error.value)


def test_unreadable_declarations(tmp_path):
    with pytest.raises(InputError, match='"wlfw" .*nearest is wflw'):
        load_scheme("wlfw")
    (tmp_path / "cut.json").write_text('{"names": [')
    with pytest.raises(InputError, match=r"cut\.json: line 1"):
        load_scheme(tmp_path / "cut.json")


def test_wrong_values_in_code_are_loud():
    with pytest.raises(ValueError, match="mirror"):
        dataclasses.replace(FIVE, mirror=(1, 2, 0, 3, 4))
