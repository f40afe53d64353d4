"""Landmark schemes of 300-W, WFLW, AFLW and MTFL/MAFL, and the reader of schemes in JSON files.

"Left" and "right" are sides of the picture, not of the person. Landmarks are in the order of the released annotations.
"""

from pathlib import Path

from common.data.faces.scheme import LandmarkScheme, from_json, mirror_from_pairs
from common.errors import InputError, nearest
from common.files import read_json


def _numbered(**parts: int) -> tuple[str, ...]:
    return tuple(f"{part}_{i}" if n > 1 else part for part, n in parts.items() for i in range(n))


def _span(first: int, last: int, *more: int) -> tuple[int, ...]:
    return (*range(first, last + 1), *more)


def _facing(*rows: tuple[range, range]) -> list[tuple[int, int]]:
    return [pair for left, right in rows for pair in zip(left, right, strict=True)]


# Contour and brows from left to right, nose ridge downwards, nose base from left to right, eyes and lips clockwise from
# their left corner.
W300 = LandmarkScheme(
    name="w300",
    names=_numbered(
        contour=17,
        left_brow=5,
        right_brow=5,
        nose_ridge=4,
        nose_base=5,
        left_eye=6,
        right_eye=6,
        outer_lip=12,
        inner_lip=8,
    ),
    mirror=mirror_from_pairs(
        68,
        _facing(
            (range(0, 8), range(16, 8, -1)),
            (range(17, 22), range(26, 21, -1)),
            (range(31, 33), range(35, 33, -1)),
            (range(36, 40), range(45, 41, -1)),
            (range(40, 42), range(47, 45, -1)),
            (range(48, 51), range(54, 51, -1)),
            (range(58, 60), range(56, 54, -1)),
            (range(60, 62), range(64, 62, -1)),
            (range(67, 68), range(65, 66)),
        ),
    ),
    eyes=((36,), (45,)),
    pupils=(_span(36, 41), _span(42, 47)),
    lines=(
        _span(0, 16),
        _span(17, 21),
        _span(22, 26),
        _span(27, 30),
        _span(31, 35),
        _span(36, 41, 36),
        _span(42, 47, 42),
        _span(48, 59, 48),
        _span(60, 67, 60),
    ),
)

# The order of the parts is that of 300-W, but the brows are outlines, clockwise from their upper left end.
WFLW = LandmarkScheme(
    name="wflw",
    names=_numbered(
        contour=33,
        left_brow=9,
        right_brow=9,
        nose_ridge=4,
        nose_base=5,
        left_eye=8,
        right_eye=8,
        outer_lip=12,
        inner_lip=8,
        left_pupil=1,
        right_pupil=1,
    ),
    mirror=mirror_from_pairs(
        98,
        _facing(
            (range(0, 16), range(32, 16, -1)),
            (range(33, 38), range(46, 41, -1)),
            (range(38, 42), range(50, 46, -1)),
            (range(55, 57), range(59, 57, -1)),
            (range(60, 65), range(72, 67, -1)),
            (range(65, 68), range(75, 72, -1)),
            (range(76, 79), range(82, 79, -1)),
            (range(86, 88), range(84, 82, -1)),
            (range(88, 90), range(92, 90, -1)),
            (range(95, 96), range(93, 94)),
            (range(96, 97), range(97, 98)),
        ),
    ),
    eyes=((60,), (72,)),
    pupils=((96,), (97,)),
    lines=(
        _span(0, 32),
        _span(33, 41, 33),
        _span(42, 50, 42),
        _span(51, 54),
        _span(55, 59),
        _span(60, 67, 60),
        _span(68, 75, 68),
        _span(76, 87, 76),
        _span(88, 95, 88),
    ),
)

# The 21 points of AFLW without the two ears (13 and 17 of its 1-based list), as in the public split.
AFLW19 = LandmarkScheme(
    name="aflw19",
    names=(
        *("left_brow_left", "left_brow_center", "left_brow_right", "right_brow_left", "right_brow_center"),
        *("right_brow_right", "left_eye_left", "left_eye_center", "left_eye_right", "right_eye_left"),
        *("right_eye_center", "right_eye_right", "nose_left", "nose_center", "nose_right"),
        *("mouth_left", "mouth_center", "mouth_right", "chin"),
    ),
    mirror=mirror_from_pairs(19, [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9), (12, 14), (15, 17)]),
    eyes=((6,), (11,)),
    pupils=((7,), (10,)),
    normalizer="box",  # the eyes of a profile face can coincide; the paper, too, normalises by the box
    lines=((0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10, 11), (12, 13, 14), (15, 16, 17)),
)

# MTFL and MAFL. Both distances are between the centres of the eyes, because corners are not annotated.
FIVE = LandmarkScheme(
    name="five",
    names=("left_eye", "right_eye", "nose", "left_mouth", "right_mouth"),
    mirror=(1, 0, 2, 4, 3),
    eyes=((0,), (1,)),
    pupils=((0,), (1,)),
    lines=((3, 4),),
)

SCHEMES: dict[str, LandmarkScheme] = {scheme.name: scheme for scheme in (W300, WFLW, AFLW19, FIVE)}


def load_scheme(name_or_path: str | Path) -> LandmarkScheme:
    """Built-in scheme by name, or a scheme that a JSON file declares.

    The file holds an object with `names` (a list of strings) or `count` (the names are then 0, 1, ...). Optional fields
    are `name` (by default the file's stem), `mirror` (a permutation, or a list of pairs that change places while the
    others stay), `eyes` and `pupils` (two lists of indices, or two indices), `lines` (lists of indices) and
    `normalizer` ("inter_ocular", "inter_pupil" or "box"). A feature that needs an absent field says so when it is used.

    Raises:
      InputError: the name is unknown, the file cannot be read, or a field is wrong; names the file and the field.
    """
    if str(name_or_path) in SCHEMES:
        return SCHEMES[str(name_or_path)]
    path = Path(name_or_path)
    if not path.is_file():
        near = nearest(str(name_or_path), SCHEMES)
        raise InputError(f'"{name_or_path}" is neither a JSON file nor one of the schemes {", ".join(SCHEMES)}{near}')
    declared = read_json(path)
    if not isinstance(declared, dict):
        raise InputError(f'{path}: must hold a JSON object with "names" or "count"')
    try:
        return from_json(declared, path.stem)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
