"""The thesis' tables of Chapter 4: every row, its configuration in `configs/hsr`, its numbers.

A row that stands in several tables has one configuration, named after the table that tells most of it.
"""

from typing import NamedTuple


class Row(NamedTuple):
    """One row of a table."""

    name: str
    """As the document names it."""
    config: str
    """File in `configs/hsr`, without its ending."""
    values: dict[str, float]
    """By the metric's name; `published_name` tells which one a metric of `hsr_jax.evaluate` is."""


def _row(name: str, config: str, *values: float, metrics: tuple[str, ...] = ("FID", "PPL")) -> Row:
    return Row(name, config, dict(zip(metrics, values, strict=True)))


_FULL = ("FID", "precision", "recall", "PPL")
ATTRIBUTES = ("gender", "smile", "age", "hair", "bangs", "beard")
"""Of the ALS table; the last column is their mean."""
CELEBA = {"gender": "Male", "smile": "Smiling", "age": "Young", "bangs": "Bangs", "beard": "No_Beard"}
"""What CelebA calls them; Eq. (4.5) squares the deviation, so it does not matter which side of an attribute has the
positive logits. 'hair' is missing: the document does not say which of CelebA's attributes of hair it is, so only a
classifier that itself names one of its attributes so has it."""
_LINEARITY = (*(f"ALS {name}" for name in ATTRIBUTES), "ALS")

TABLES: dict[str, tuple[Row, ...]] = {
    # AnimalFace dog, by feature extractor
    "4.1": (
        _row("StyleGAN2-ADA", "table4_5_dog", 53.28, 59.27),
        _row("+ ViT (RandInit)", "table4_1_vit_random", 53.65, 56.97),
        _row("+ ResNet50 DINO", "table4_1_resnet50_dino", 54.33, 55.6),
        _row("+ DeiT", "table4_1_deit", 53.22, 54.71),
        _row("+ ResNet50", "table4_1_resnet50", 52.88, 52.23),
        _row("+ ViT DINO", "table4_5_dog_hsr", 51.58, 48.02),
    ),
    # AnimalFace dog, by supervised levels
    "4.2": (
        _row("StyleGAN2-ADA", "table4_5_dog", 53.28, 59.27),
        _row("+ High-level", "table4_2_high", 53.15, 57.73),
        _row("+ Mid-level", "table4_2_mid", 52.91, 54.18),
        _row("+ Low-level", "table4_2_low", 53.66, 51.77),
        _row("+ All levels", "table4_5_dog_hsr", 51.58, 48.02),
    ),
    "4.3": (
        _row("FFHQ-140k, SG2", "table4_3_ffhq", 3.92, 0.68, 0.45, 175.09, metrics=_FULL),
        _row("FFHQ-140k, + HSR", "table4_3_ffhq_hsr", 3.72, 0.68, 0.48, 144.59, metrics=_FULL),
        _row("LSUN-Church, SG2", "table4_3_church", 4.08, 0.60, 0.34, 916.15, metrics=_FULL),
        _row("LSUN-Church, + HSR", "table4_3_church_hsr", 3.82, 0.60, 0.41, 678.55, metrics=_FULL),
    ),
    # AnimalFace dog; PLR is the path length regularisation
    "4.4": (
        _row("neither", "table4_4_neither", 57.97, 75.63),
        _row("PLR", "table4_5_dog", 53.28, 59.27),
        _row("HSR", "table4_4_hsr", 52.98, 58.60),
        _row("PLR, HSR", "table4_5_dog_hsr", 51.58, 48.02),
    ),
    "4.5": (
        _row("FFHQ-1k, StyleGAN2-ADA", "table4_5_ffhq1k", 19.14, 98.79),
        _row("FFHQ-1k, + HSR", "table4_5_ffhq1k_hsr", 21.76, 90.39),
        _row("FFHQ-2k, StyleGAN2-ADA", "table4_5_ffhq2k", 14.74, 136.14),
        _row("FFHQ-2k, + HSR", "table4_5_ffhq2k_hsr", 15.53, 115.38),
        _row("FFHQ-10k, StyleGAN2-ADA", "table4_5_ffhq10k", 7.16, 164.21),
        _row("FFHQ-10k, + HSR", "table4_5_ffhq10k_hsr", 8.08, 126.35),
        _row("AnimalFace Dog, StyleGAN2-ADA", "table4_5_dog", 53.28, 59.27),
        _row("AnimalFace Dog, + HSR", "table4_5_dog_hsr", 51.58, 48.02),
        _row("AnimalFace Cat, StyleGAN2-ADA", "table4_5_cat", 39.50, 50.76),
        _row("AnimalFace Cat, + HSR", "table4_5_cat_hsr", 40.25, 40.75),
        _row("CUB, StyleGAN2-ADA", "table4_5_cub", 5.78, 265.46),
        _row("CUB, + HSR", "table4_5_cub_hsr", 6.15, 237.81),
    ),
    # The table inside Fig. 4.10: FFHQ-10k
    "ALS": (
        _row("SG2-ADA", "table4_5_ffhq10k", 1.38, 1.48, 1.18, 1.96, 1.95, 1.60, 1.59, metrics=_LINEARITY),
        _row("+HSR", "table4_5_ffhq10k_hsr", 1.12, 0.99, 1.15, 1.87, 1.62, 1.16, 1.32, metrics=_LINEARITY),
    ),
}


def published_attribute(name: str) -> str:
    """One of `ATTRIBUTES` by its own name or CelebA's, case aside; another attribute in lower case."""
    own = {celeba.lower(): attribute for attribute, celeba in CELEBA.items()}
    return own.get(name.lower(), name.lower())


def published_name(metric: str) -> str:
    """The key of `Row.values` that a metric of the results is, if it is there; metrics of other networks are not.

    >>> published_name("ALS Smiling"), published_name("FID"), published_name("ALS (mean of 3)")
    ('ALS smile', 'FID', 'ALS (mean of 3)')
    """
    kind, _, attribute = metric.partition(" ")
    return f"ALS {published_attribute(attribute)}" if kind == "ALS" and attribute else metric


def _by_config() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for rows in TABLES.values():
        for row in rows:
            found.setdefault(row.config, {}).update(row.values)
    return found


PUBLISHED: dict[str, dict[str, float]] = _by_config()
"""Configuration -> metric -> value, of all tables that it is in."""
