"""Type of a landmark scheme: names, mirror partners, eyes and lines of K landmarks.

`schemes.py` holds the schemes of the data sets.
"""

import dataclasses
from typing import Any

from common.errors import InputError, nearest

Groups = tuple[tuple[int, ...], tuple[int, ...]]
NORMALIZERS = {"inter_ocular": "eyes", "inter_pupil": "pupils", "box": "names"}
"""Normalisers of errors -> the field of the scheme that each of them needs."""


@dataclasses.dataclass(frozen=True)
class LandmarkScheme:
    """Scheme of K landmarks. `mirror`, `eyes` and `pupils` are empty if a user's file does not declare them."""

    name: str
    names: tuple[str, ...]
    """Names of the landmarks, all different."""
    mirror: tuple[int, ...] = ()
    """Landmark k of the mirrored image is landmark mirror[k] of the original."""
    eyes: Groups | tuple[()] = ()
    """Landmarks whose means are the left and the right end of the inter-ocular distance (outer corners or centres)."""
    pupils: Groups | tuple[()] = ()
    """Landmarks whose means are the left and the right end of the inter-pupil distance."""
    lines: tuple[tuple[int, ...], ...] = ()
    """Polylines that join landmarks in pictures."""
    normalizer: str = ""
    """Main normaliser of errors, a key of `NORMALIZERS`. Empty: the first one whose field is declared."""

    def __post_init__(self):
        if not self.normalizer:
            usual = next(name for name, field in NORMALIZERS.items() if getattr(self, field) or name == "box")
            object.__setattr__(self, "normalizer", usual)
        _check(self)

    @property
    def count(self) -> int:
        """Number of landmarks, K."""
        return len(self.names)

    def require(self, field: str) -> Any:
        """Value of "mirror", "eyes" or "pupils". Raises `InputError` if the scheme does not declare the field."""
        value = getattr(self, field)
        if not value:
            need = {"mirror": "mirrored images", "eyes": "inter-ocular distances", "pupils": "inter-pupil distances"}
            raise InputError(
                f'scheme "{self.name}": {need[field]} need the field "{field}", which it does not declare; '
                f'add "{field}" to the scheme file'
            )
        return value


def _check(scheme: LandmarkScheme) -> None:
    """Raises ValueError, which names the field, for an inconsistent scheme."""

    def require(holds: bool, field: str, problem: str) -> None:
        if not holds:
            raise ValueError(f'field "{field}": {problem}')

    count, mirror = scheme.count, scheme.mirror
    require(count > 0, "names", "no landmarks; name at least one")
    repeated = sorted({name for name in scheme.names if scheme.names.count(name) > 1})
    require(not repeated, "names", f'"{", ".join(repeated)}" is used more than once; names must differ')
    indices = {"mirror": (mirror,), "eyes": scheme.eyes, "pupils": scheme.pupils, "lines": scheme.lines}
    for field, lists in indices.items():
        for k in (k for some in lists for k in some):
            require(0 <= k < count, field, f"there is no landmark {k}; indices go from 0 to {count - 1}")
    if mirror:
        problem = f"has {len(mirror)} entries for {count} landmarks; give one per landmark, or a list of pairs"
        require(len(mirror) == count, "mirror", problem)
        for k, partner in enumerate(mirror):
            problem = (
                f"{k} goes to {partner} but {partner} goes to {mirror[partner]}; mirroring twice must change nothing"
            )
            require(mirror[partner] == k, "mirror", problem)
    need = NORMALIZERS.get(scheme.normalizer)
    require(need is not None, "normalizer", f'"{scheme.normalizer}" is not one of {", ".join(NORMALIZERS)}')
    require(bool(getattr(scheme, need)), "normalizer", f'"{scheme.normalizer}" needs the field "{need}"')
    for field in ("eyes", "pupils"):
        groups = getattr(scheme, field)
        if groups:
            problem = "needs two groups of landmarks, the left one and the right one"
            require(len(groups) == 2 and all(groups), field, problem)
            left, right = groups
            problem = f"the mirror does not take {list(left)} to {list(right)}; correct one of the two fields"
            require(not mirror or {mirror[k] for k in left} == set(right), field, problem)


def mirror_from_pairs(count: int, pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    """Permutation that swaps the landmarks of each pair and leaves the others in place."""
    mirror = list(range(count))
    for a, b in pairs:
        mirror[a], mirror[b] = b, a
    return tuple(mirror)


def from_json(declared: dict[str, Any], stem: str) -> LandmarkScheme:
    """Scheme that a JSON file declares; `schemes.load_scheme` describes the format.

    Args:
      declared: content of the file.
      stem: name of the scheme if the file gives none.

    Raises:
      ValueError: names the field that is wrong.
    """
    known = ("count", *(field.name for field in dataclasses.fields(LandmarkScheme)))
    for field in declared:
        if field not in known:
            raise ValueError(f'unknown field "{field}"{nearest(field, known)}; known are {", ".join(known)}')
    names = _names(declared)
    mirror = _list(declared, "mirror")
    if any(isinstance(entry, list) for entry in mirror):
        mirror = _from_pairs(len(names), mirror)
    groups = {
        field: tuple(_indices(field, [entry] if isinstance(entry, int) else entry) for entry in _list(declared, field))
        for field in ("eyes", "pupils", "lines")
    }
    text = {"name": str(declared.get("name", stem)), "normalizer": str(declared.get("normalizer", ""))}
    return LandmarkScheme(names=names, mirror=_indices("mirror", mirror), **groups, **text)


def _names(declared: dict[str, Any]) -> tuple[str, ...]:
    count = declared.get("count")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        raise ValueError(f'field "count": {count!r} is not a positive whole number')
    if "names" not in declared:
        if count is None:
            raise ValueError('field "names" is missing; list the landmarks, or give their "count"')
        return tuple(str(k) for k in range(count))
    names = _list(declared, "names")
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError('field "names": must be a list of non-empty strings')
    if count not in (None, len(names)):
        raise ValueError(f'field "count": is {count} but "names" has {len(names)}; remove one of the two')
    return tuple(names)


def _list(declared: dict[str, Any], field: str) -> list:
    value = declared.get(field, [])
    if not isinstance(value, list):
        raise ValueError(f'field "{field}": must be a list')
    return value


def _indices(field: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(k, int) and not isinstance(k, bool) for k in value):
        raise ValueError(f'field "{field}": {value!r} must be a list of landmark indices')
    return tuple(value)


def _from_pairs(count: int, pairs: list) -> tuple[int, ...]:
    seen: set[int] = set()
    for entry in pairs:
        pair = _indices("mirror", entry)
        if len(pair) != 2 or len(set(pair)) != 2:
            raise ValueError(f'field "mirror": {entry!r} is not a pair of two different landmarks')
        if not all(0 <= k < count for k in pair):
            raise ValueError(f'field "mirror": {entry!r} is not a pair of landmarks; indices go from 0 to {count - 1}')
        if seen & set(pair):
            raise ValueError(f'field "mirror": landmark {min(seen & set(pair))} is in more than one pair')
        seen |= set(pair)
    return mirror_from_pairs(count, pairs)
