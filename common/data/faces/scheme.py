"""The type of a landmark scheme: what each of the K landmarks is, which one it becomes in a mirror, where the eyes are.

The schemes themselves are in `schemes.py`.
"""

import dataclasses
from typing import Any

from common.errors import InputError, nearest

Groups = tuple[tuple[int, ...], tuple[int, ...]]
NORMALIZERS = {"inter_ocular": "eyes", "inter_pupil": "pupils", "box": "names"}
"""Normalisers that can be a scheme's main one -> the field that they need."""


@dataclasses.dataclass(frozen=True)
class LandmarkScheme:
    """K landmarks. `mirror`, `eyes` and `pupils` are empty where a user's file does not declare them; see `require`."""

    name: str
    names: tuple[str, ...]
    """One name per landmark, all different."""
    mirror: tuple[int, ...] = ()
    """Landmark k of the mirrored image is landmark mirror[k] of the original."""
    eyes: Groups | tuple[()] = ()
    """Left and right end of the inter-ocular distance (outer corners or centres), each the mean of these landmarks."""
    pupils: Groups | tuple[()] = ()
    """Left and right end of the inter-pupil distance, in the same form."""
    lines: tuple[tuple[int, ...], ...] = ()
    """Polylines in drawing order; a landmark in no line is drawn as a dot only."""
    normalizer: str = ""
    """Main normaliser of errors, a key of `NORMALIZERS`; when empty, the first whose field is declared."""

    def __post_init__(self):
        if not self.normalizer:
            usual = next(name for name, field in NORMALIZERS.items() if getattr(self, field) or name == "box")
            object.__setattr__(self, "normalizer", usual)
        for field, problem in _problems(self):
            raise ValueError(f'field "{field}": {problem}')

    @property
    def count(self) -> int:
        """The number of landmarks, K."""
        return len(self.names)

    def require(self, field: str) -> Any:
        """The value of "mirror", "eyes" or "pupils"; raises `InputError` where the scheme does not declare it."""
        value = getattr(self, field)
        if not value:
            need = {"mirror": "mirrored images", "eyes": "inter-ocular distances", "pupils": "inter-pupil distances"}
            raise InputError(
                f'scheme "{self.name}": {need[field]} need the field "{field}", which it does not declare; '
                f'add "{field}" to the scheme file'
            )
        return value


def _problems(scheme: LandmarkScheme):
    """Yields (field, problem) for everything that is inconsistent."""
    count = scheme.count
    if not count:
        yield "names", "no landmarks; name at least one"
    repeated = sorted({name for name in scheme.names if scheme.names.count(name) > 1})
    if repeated:
        yield "names", f'"{repeated[0]}" is used more than once; names must differ'
    groups = {"mirror": (scheme.mirror,), "eyes": scheme.eyes, "pupils": scheme.pupils, "lines": scheme.lines}
    for field, lists in groups.items():
        outside = [index for indices in lists for index in indices if not 0 <= index < count]
        if outside:
            yield field, f"there is no landmark {outside[0]}; indices go from 0 to {count - 1}"
            return
    if scheme.mirror:
        if len(scheme.mirror) != count:
            yield "mirror", f"has {len(scheme.mirror)} entries for {count} landmarks; give one each, or a list of pairs"
            return
        for k, partner in enumerate(scheme.mirror):
            if scheme.mirror[partner] != k:
                back = scheme.mirror[partner]
                yield (
                    "mirror",
                    f"{k} goes to {partner} but {partner} goes to {back}; mirroring twice must change nothing",
                )
                return
    if scheme.normalizer not in NORMALIZERS:
        yield "normalizer", f'"{scheme.normalizer}" is none of {", ".join(NORMALIZERS)}'
    elif not getattr(scheme, NORMALIZERS[scheme.normalizer]):
        yield "normalizer", f'"{scheme.normalizer}" needs the field "{NORMALIZERS[scheme.normalizer]}"'
    for field in ("eyes", "pupils"):
        value = getattr(scheme, field)
        if value and (len(value) != 2 or not all(value)):
            yield field, "needs two groups of landmarks, the left one and the right one"
        elif value and scheme.mirror and {scheme.mirror[k] for k in value[0]} != set(value[1]):
            yield field, f"the mirror does not take {list(value[0])} to {list(value[1])}; correct one of the two fields"


def mirror_from_pairs(count: int, pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    """The permutation that swaps each pair and leaves every other landmark in place."""
    mirror = list(range(count))
    for a, b in pairs:
        mirror[a], mirror[b] = b, a
    return tuple(mirror)


def from_json(declared: dict[str, Any], stem: str) -> LandmarkScheme:
    """The scheme that the content of a file declares (see `schemes.load_scheme`).

    Args:
      declared: the content.
      stem: name of the scheme where the content gives none.

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
