"""Published values of the thesis' Chapter 4, and the names of metrics in its tables."""

from common.errors import InputError, nearest
from common.tables import published, run_name

CONFIGS = "configs/hsr"
ATTRIBUTES = ("gender", "smile", "age", "hair", "bangs", "beard")
"""Attributes of the ALS table, whose last column is their mean."""
CELEBA = {"gender": "Male", "smile": "Smiling", "age": "Young", "bangs": "Bangs", "beard": "No_Beard"}
"""CelebA's names of the attributes. An attribute may have the opposite sign (beard, No_Beard), because Eq. (4.5)
squares the deviation. 'hair' is missing, because the thesis does not say which of CelebA's attributes of hair it means:
only an attribute that is called 'hair' itself counts."""


def published_attribute(name: str) -> str:
    """Name in `ATTRIBUTES` of an attribute given by that name or CelebA's, in any case; other names are unchanged."""
    own = {celeba.lower(): attribute for attribute, celeba in CELEBA.items()}
    known = own.get(name.lower(), name.lower())
    return known if known in ATTRIBUTES else name


def published_name(metric: str) -> str:
    """Name in the thesis' tables of a metric of `hsr_jax.evaluate`; a name that is not in the tables is unchanged.

    >>> published_name("ALS Smiling"), published_name("FID"), published_name("ALS (mean of 3)")
    ('ALS smile', 'FID', 'ALS (mean of 3)')
    """
    kind, _, attribute = metric.partition(" ")
    return f"ALS {published_attribute(attribute)}" if kind == "ALS" and attribute else metric


def published_row(name: str, workdir: str) -> tuple[str, dict[str, float]]:
    """Name of a row of the thesis' tables, and its published values by metric.

    Args:
      name: file and row of a table, such as `table4_5/dog`; empty takes the row whose work directory is `workdir`.
      workdir: the run's work directory, as in its configuration; empty without a run.

    Returns:
      The row's name and values; both are empty if the run belongs to no row.

    Raises:
      InputError: there is no row of this name.
    """
    rows = published(CONFIGS)
    if name and name not in rows:
        raise InputError(f"field row: {name!r} is not a row of the tables{nearest(name, rows)}")
    name = name or run_name(workdir)
    return (name, rows[name]) if name in rows else ("", {})
