"""Reads golden cases: rule-generated weights and inputs, and the numbers that reference implementations gave for them.

A case is a folder with `manifest.json` (which arrays the rule draws), `case.json` (the configuration that was run) and
`expected.npz` (the results, NCHW). Every configuration is read from there, so that a folder with other weights and
sizes, named by the environment variable GOLDEN_DIR, is checked by the same tests.
"""

import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
from scipy.special import ndtr

COMPARED: set[tuple[str, str]] = set()
"""Pairs (case, array) that the running test has compared."""


def folder() -> Path:
    """The folder of the cases: $GOLDEN_DIR, else `cases` beside this file."""
    return Path(os.environ.get("GOLDEN_DIR") or Path(__file__).parent / "cases")


def draw(salt: str, name: str, shape) -> np.ndarray:
    """Standard normal float32 numbers of `shape`, seeded by the CRC-32 of "salt/name"; a scalar is drawn as [1].

    >>> [f"{x:.6f}" for x in draw("visible-1", "input/z", [4])]
    ['0.613099', '0.708166', '-0.965617', '-0.311485']
    """
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(f"{salt}/{name}".encode())))
    return generator.standard_normal(tuple(shape) or (1,), dtype=np.float32).reshape(shape)


def make(salt: str, entry: dict) -> np.ndarray:
    """The array of one manifest entry, in the reference's layout."""
    shape, form = entry["shape"], entry["form"]
    if form == "const":
        return np.full(shape, entry["value"], entry["dtype"])
    if form == "npz":
        with np.load(folder() / entry["file"], allow_pickle=False) as arrays:
            return arrays[entry["key"]].reshape(shape).astype(entry["dtype"])
    x = _shaped_draw(salt, entry["rule_name"], shape, form)
    # float32 throughout, multiplied first, then added: another order differs in the last bit.
    return (np.float32(entry["scale"]) * x + np.float32(entry["offset"])).astype(entry["dtype"])


def _shaped_draw(salt: str, name: str, shape, form: str) -> np.ndarray:
    x = draw(salt, name, shape)
    if form == "affine":
        return x
    if form == "abs":
        return np.abs(x)
    if form == "uniform01":
        return ndtr(x.astype(np.float64)).astype(np.float32)
    if form == "image":  # smooth patches plus pixel noise
        batch, channels, height, width = shape
        low = draw(salt, f"{name}/low", (batch, channels, 4, 4))
        rows, columns = 4 * np.arange(height) // height, 4 * np.arange(width) // width
        return np.float32(0.8) * low[:, :, rows[:, None], columns] + np.float32(0.3) * x
    raise ValueError(f"unknown form {form!r} of {name!r}")


def nchw(x) -> np.ndarray:
    """[B, H, W, C] -> [B, C, H, W]."""
    return np.moveaxis(np.asarray(x), -1, 1)


class Case:
    """One golden case.

    Attributes:
      manifest, config: the contents of manifest.json and case.json.
      expected: name -> array.
    """

    def __init__(self, name: str):
        self.path = folder() / name
        self.manifest = json.loads((self.path / "manifest.json").read_text())
        self.config = json.loads((self.path / "case.json").read_text())
        with np.load(self.path / "expected.npz", allow_pickle=False) as arrays:
            self.expected = {key: arrays[key] for key in arrays.files}

    @property
    def variants(self) -> dict:
        return self.config["variants"]

    def net(self, name: str) -> dict[str, np.ndarray]:
        """The state dict of a network, in the reference's names, order and layout."""
        return {entry["name"]: make(self.manifest["salt"], entry) for entry in self.manifest["nets"][name]}

    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs by name, in the reference's layout."""
        return {entry["name"]: make(self.manifest["salt"], entry) for entry in self.manifest["inputs"]}

    def compare(self, name: str, actual, rtol: float | None = None, atol: float | None = None, absolute: float = 0.0):
        """Asserts |actual - expected| <= atol * std(expected) + rtol * |expected| + absolute, everywhere.

          Args:
            name: a stored array such as "X@sub" or "X@mean"; "X" stands for all stored arrays of X.
            actual: the full array X in the reference's layout (NCHW).
            rtol, atol: tolerances; None takes case.json's, or 1e-4 and 2e-4 if it has none.
        absolute: absolute tolerance.
        """
        stored = [name] if name in self.expected else [key for key in self.expected if key.startswith(f"{name}@")]
        if not stored:
            raise KeyError(f"{self.path.name} stores no array {name!r}")
        suggestion = self.config.get("tolerance", {})  # numbers, or sentences that a test turns into numbers
        rtol = suggestion.get("rtol", 1e-4) if rtol is None else rtol
        atol = suggestion.get("atol_rel_to_std", 2e-4) if atol is None else atol
        for key in stored:
            expected = self.expected[key]
            part = self._part(key, np.asarray(actual), expected.shape)
            _assert_close(f"{self.path.name}: {key}", part, expected, rtol, atol, absolute)
            self.note(key)

    def note(self, key: str):
        """Records that the running test has compared an array; `compare` does this itself."""
        COMPARED.add((self.path.name, key))

    def _part(self, key: str, full: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        base, _, suffix = key.partition("@")
        subsampling = self.config.get("subsampling", {})  # a table by array, or one sentence
        entry = subsampling.get(base, {}) if isinstance(subsampling, dict) else _sentence(subsampling)
        if isinstance(entry, str):
            return full[_slices(entry)]
        if "full_shape" in entry and suffix:
            assert full.shape == tuple(entry["full_shape"]), f"{base}: shape {full.shape}, not {entry['full_shape']}"
        if suffix in ("mean", "std"):
            # Tokens [B, N, C] are reduced over N, maps [B, C, H, W] over H and W; np.std is the population's.
            axes = (1,) if "token" in entry.get("mean_std", "") else tuple(range(2, full.ndim))
            return getattr(np, suffix)(full.astype(np.float64), axis=axes)
        if suffix in entry:
            return full[_slices(entry[suffix])]
        if suffix == "sub":
            return full[_default_slices(full.shape, shape)]
        return full


def _slices(text: str) -> tuple[slice | int, ...]:
    """
    >>> _slices("[:, :4, ::2, 0]  (a remark)")
    (slice(None, None, None), slice(None, 4, None), slice(None, None, 2), 0)
    """
    parts = re.search(r"\[(.*?)\]", text).group(1).split(",")
    numbers = [[int(x) if x.strip() else None for x in part.split(":")] for part in parts]
    return tuple(slice(*(n + [None])[:3]) if len(n) > 1 else n[0] for n in numbers)


def _sentence(text: str) -> dict[str, str]:
    """The slices of a sentence for all arrays of a case; {} where it leaves them to the shapes.

    >>> _sentence("@sub = [:, ::4] (token 0 is the class token)"), _sentence("[:, :nch, ::s, ::s]")
    ({'sub': '[:, ::4]'}, {})
    """
    match = re.match(r"@(\w+) = (\[[\d:, ]*\])", text)
    return {match[1]: match[2]} if match else {}


def _default_slices(full: tuple[int, ...], stored: tuple[int, ...]) -> tuple[slice, ...]:
    """`[:, :nch, ::s, ::s]` with the numbers that turn the shape `full` into `stored`."""
    # Every s-th of n is ceil(n / s) entries; the smallest s that gives the stored number is the one that was used.
    steps = [-(-n // m) for n, m in zip(full[2:], stored[2:], strict=True)]
    return (slice(None), slice(stored[1]), *(slice(None, None, step) for step in steps))


def _assert_close(label: str, actual: np.ndarray, expected: np.ndarray, rtol: float, atol: float, absolute: float):
    assert actual.shape == expected.shape, f"{label}: shape {actual.shape}, not {expected.shape}"
    if expected.size == 0:
        return
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    tolerance = atol * expected.std() + rtol * np.abs(expected) + absolute
    excess = np.abs(actual - expected) - tolerance
    worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
    if not excess[worst] <= 0:  # NaN is a failure too
        where = [int(i) for i in worst]
        raise AssertionError(
            f"{label}: {int((~(excess <= 0)).sum())} of {excess.size} elements off; worst at {where}: "
            f"{actual[worst]:.9g}, expected {expected[worst]:.9g}, tolerance {tolerance[worst]:.3g}"
        )
