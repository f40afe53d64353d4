"""Functions on boxes [x0, y0, x1, y1] in pixels: bounding box, square, extended box."""

import numpy as np


def landmark_box(landmarks: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Bounding box of the visible landmarks: [..., K, 2], [..., K] -> float32 [..., 4]; NaN if none is visible."""
    counts = np.asarray(visible, bool)[..., None]
    low = np.where(counts, landmarks, np.inf).min(-2)
    high = np.where(counts, landmarks, -np.inf).max(-2)
    box = np.concatenate([low, high], axis=-1)
    return np.where(np.isfinite(box), box, np.nan).astype(np.float32)


def square_box(box: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Square with the centre of a box and `scale` times its longer side. [4] -> float64 [4]."""
    box = np.asarray(box, np.float64)
    center, half = (box[:2] + box[2:]) / 2, scale * (box[2:] - box[:2]).max() / 2
    return np.concatenate([center - half, center + half])


def extend_box(box: np.ndarray, extend: tuple[float, float]) -> np.ndarray:
    """Box whose top and bottom are moved outwards by `extend` times its height. [4] -> float64 [4]."""
    x0, y0, x1, y1 = np.asarray(box, np.float64)
    top, bottom = extend
    return np.array([x0, y0 - top * (y1 - y0), x1, y1 + bottom * (y1 - y0)])
