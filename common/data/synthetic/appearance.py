"""Appearance of a synthetic face: colours, hair and other coefficients that do not change its shape, and noise."""

import dataclasses

import numpy as np

# sRGB anchors from light to dark.
_SKINS = (
    np.array([(255, 226, 204), (241, 196, 163), (218, 160, 117), (170, 112, 74), (116, 72, 48), (74, 45, 33)]) / 255
)
_HAIRS = np.array([(22, 18, 17), (48, 33, 25), (84, 55, 35), (140, 96, 54), (205, 165, 105), (120, 52, 26)]) / 255
_IRISES = np.array([(60, 36, 20), (92, 60, 32), (110, 96, 50), (84, 112, 92), (86, 118, 150), (110, 120, 128)]) / 255


def linear(srgb: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """sRGB values in [0, 1] as linear light, float32, approximated by the power 2.2."""
    return np.asarray(srgb, np.float32) ** np.float32(2.2)


@dataclasses.dataclass(frozen=True)
class Appearance:
    """Everything that is painted on and around a head. Colours are linear RGB, float32 [3]."""

    skin: np.ndarray
    lips: np.ndarray
    iris: np.ndarray
    hair: np.ndarray
    brows: np.ndarray
    brow_thickness: float
    brow_density: float
    lashes: float
    makeup: float
    age: float
    """Age of the skin, 0 smooth to 1 lined."""
    freckles: float
    beard: float
    """Density of the beard, 0 to 1; a small value is stubble."""
    moustache: float
    hair_style: str
    """Style of the hair: bald, short, fringe, long or cap."""
    hairline: float
    """Shift of the hairline in the chart; a positive shift lowers it."""
    hair_volume: float
    clothes: np.ndarray
    glasses: str
    """Kind of glasses: none, clear or dark."""
    frame: np.ndarray
    """Colour of the glasses' frame."""
    frame_size: float
    """Size of the glasses, 0 small, thin and round to 1 large, thick and square."""
    noises: dict[str, np.ndarray]
    """Lattices of random numbers, uniform in [-1, 1], for `lattice_noise`."""


def sample_appearance(rng: np.random.Generator) -> Appearance:
    """Random appearance. A bearded face has no make-up."""
    tone = rng.beta(1.1, 1.3) * (len(_SKINS) - 1)
    skin = np.array([np.interp(tone, np.arange(len(_SKINS)), channel) for channel in _SKINS.T])
    skin = linear(np.clip(skin * rng.normal(1, (0.015, 0.02, 0.04)), 0.1, 1))
    dark = tone > 2.6
    hair = linear(_HAIRS[rng.choice(6, p=[0.6, 0.3, 0.1, 0, 0, 0] if dark else [0.2, 0.25, 0.2, 0.15, 0.12, 0.08])])
    age = rng.beta(1.2, 2.0)
    grey = np.clip((age - 0.5) * 2 * rng.random(), 0, 1)
    hair = (hair * (1 - grey) + linear((0.68, 0.67, 0.66)) * grey) * rng.uniform(0.8, 1.2)
    bearded = rng.random() < 0.4
    makeup = 0.0 if bearded else rng.choice([0.0, rng.random()])
    red = linear(rng.choice([(0.72, 0.16, 0.20), (0.65, 0.12, 0.24), (0.80, 0.30, 0.30)]))
    natural = skin * (0.86, 0.50, 0.52)
    iris = _IRISES[rng.choice(6, p=[0.7, 0.3, 0, 0, 0, 0] if dark else [0.2, 0.2, 0.14, 0.14, 0.2, 0.12])]
    style = rng.choice(["bald", "short", "fringe", "long", "cap"], p=[0.10, 0.36, 0.16, 0.30, 0.08])
    if bearded and style == "long" and rng.random() < 0.7:
        style = "short"
    lattices = {"skin": 24, "blotch": 7, "pores": 64, "strands": 90, "locks": 18, "beard": 80, "brows": 110}
    colors = {
        "skin": skin,
        "lips": natural * (1 - 0.8 * makeup) + red * 0.8 * makeup,
        "iris": linear(np.clip(iris * rng.normal(1, 0.12, 3), 0, 1)),
        "hair": hair,
        "brows": np.minimum(hair * 0.7, skin * 0.45),
        "clothes": linear(rng.uniform(0.05, 0.9, 3) * 0.6 + rng.uniform(0.05, 0.9) * 0.4),
        "frame": linear(rng.choice([rng.uniform(0.05, 0.2), rng.uniform(0.2, 0.6)]) * rng.uniform(0.6, 1.0, 3)),
    }
    return Appearance(
        **{name: color.astype(np.float32) for name, color in colors.items()},
        brow_thickness=float(rng.uniform(0.026, 0.055) + 0.010 * bearded),
        brow_density=float(rng.uniform(0.55, 0.95)),
        lashes=float(np.clip(0.35 + 0.6 * makeup + rng.normal(0, 0.1), 0.2, 1)),
        makeup=float(makeup),
        age=float(age),
        freckles=float(max(0.0, rng.normal(-0.8, 1.0))) * (tone < 2),
        beard=float(rng.choice([rng.uniform(0.1, 0.35), rng.uniform(0.6, 1.0)])) * bearded,
        moustache=float(rng.choice([1.0, rng.uniform(0.2, 1.0)])) * (bearded or rng.random() < 0.03),
        hair_style=str(style),
        hairline=float(rng.normal(0, 0.06) - 0.1 * max(age - 0.6, 0)),
        hair_volume=float(rng.uniform(0.05, 0.20)),
        glasses=str(rng.choice(["none", "clear", "dark"], p=[0.76, 0.19, 0.05])),
        frame_size=float(rng.random()),
        noises={name: rng.uniform(-1, 1, (side, side)).astype(np.float32) for name, side in lattices.items()},
    )


def _spline_weights(positions: np.ndarray, count: int) -> np.ndarray:
    """Cubic B-spline weights [M, count] of lattice positions [M]. Positions outside take the weights of the border."""
    positions = np.clip(positions, 0, count - 1)
    distance = np.abs(positions[:, None] - np.arange(count)[None, :]).astype(np.float32)
    inner = 2 / 3 - distance**2 * (1 - distance / 2)
    return np.where(distance < 1, inner, np.clip(2 - distance, 0, None) ** 3 / 6)


def lattice_noise(lattice: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Smooth noise on a grid, float32 [R, C]: `lattice` [N, M] interpolated at rows [R] and columns [C] in [0, 1].

    The values depend on the positions only, so a face has the same noise at every resolution.
    """
    down = _spline_weights(rows * (lattice.shape[0] - 1), lattice.shape[0])
    across = _spline_weights(columns * (lattice.shape[1] - 1), lattice.shape[1])
    return down @ lattice.astype(np.float32) @ across.T
