"""The type of a landmark scheme: what each of the K landmarks is, which one it becomes in a mirror, where the eyes are.

The schemes themselves are in `schemes.py`.
"""

import dataclasses
import difflib
from typing import Any

from common.errors import InputError

Groups = tuple[tuple[int, ...], tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class LandmarkScheme:
    """K landmarks. `mirror`, `eyes` and `pupils` are empty where a user's file does not declare them: see `require`."""

    name: str
    names: tuple[str, ...]
    """One name a landmark, all different."""
    mirror: tuple[int, ...] = ()
    """Landmark k of the mirrored image is landmark mirror[k] of the original."""
    eyes: Groups | tuple[()] = ()
    """Ends of the inter-ocular distance, left and right, each the mean of these landmarks: outer corners or centres."""
    pupils: Groups | tuple[()] = ()
    """Ends of the inter-pupil distance, in the same form."""
    lines: tuple[tuple[int, ...], ...] = ()
    """Polylines in drawing order; a landmark in no line is drawn as a dot only."""
    normalizer: str = ""
    """Distance that errors are divided by: "inter_ocular", "inter_pupil" or "box"."""

    def __post_init__(self):
        for field, problem in _problems(self):
            raise ValueError(f'field "{field}": {problem}')
        object.__setattr__(self, "normalizer", self.normalizer or ("inter_ocular" if self.eyes else "box"))

    @property
    def count(self) -> int:
        """K."""
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
    """A scheme from what `schemes.load_scheme` read; raises ValueError naming the field."""
    known = ("name", "names", "count", "mirror", "eyes", "pupils", "lines")
    for field in declared:
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1)
            raise ValueError(
                f'unknown field "{field}"; ' + (f'did you mean "{near[0]}"?' if near else f"known: {known}")
            )
    names = _names(declared)
    mirror = _list(declared, "mirror")
    if any(isinstance(entry, list) for entry in mirror):
        mirror = _from_pairs(len(names), mirror)
    groups = {
        field: tuple(_indices(field, [entry] if isinstance(entry, int) else entry) for entry in _list(declared, field))
        for field in ("eyes", "pupils", "lines")
    }
    return LandmarkScheme(str(declared.get("name", stem)), names, _indices("mirror", mirror), **groups)


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
