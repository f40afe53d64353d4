"""The thesis' values of Chapter 4 that stand beside ours, and the names that its metrics have there."""

from common.errors import InputError, nearest
from common.tables import published, run_name

CONFIGS = "configs/hsr"
ATTRIBUTES = ("gender", "smile", "age", "hair", "bangs", "beard")
"""The attributes of the ALS table; its last column is their mean."""
CELEBA = {"gender": "Male", "smile": "Smiling", "age": "Young", "bangs": "Bangs", "beard": "No_Beard"}
"""CelebA's names of the attributes. Eq. (4.5) squares the deviation, so it does not matter which side of an attribute
has the positive logits. 'hair' is missing, because the document does not say which of CelebA's attributes of hair it
is: only a classifier with an attribute of this name has it."""


def published_attribute(name: str) -> str:
    """One of `ATTRIBUTES` by its own name or CelebA's, whatever the case; another attribute as it is called."""
    own = {celeba.lower(): attribute for attribute, celeba in CELEBA.items()}
    known = own.get(name.lower(), name.lower())
    return known if known in ATTRIBUTES else name


def published_name(metric: str) -> str:
    """The name that a metric of `hsr_jax.evaluate` has in the tables; that of another network stays as it is.

    >>> published_name("ALS Smiling"), published_name("FID"), published_name("ALS (mean of 3)")
    ('ALS smile', 'FID', 'ALS (mean of 3)')
    """
    kind, _, attribute = metric.partition(" ")
    return f"ALS {published_attribute(attribute)}" if kind == "ALS" and attribute else metric


def published_row(name: str, workdir: str) -> tuple[str, dict[str, float]]:
    """The row whose values stand beside those of a run, and its values by metric.

    Args:
      name: file and row of a table, such as `table4_5/dog`; empty: the row whose work directory `workdir` is.
      workdir: the run's work directory, as in its configuration; empty without a run.

    Returns:
      The row's name and values; empty if the run is of no row.

    Raises:
      InputError: an unknown name.
    """
    rows = published(CONFIGS)
    if name and name not in rows:
        raise InputError(f"field row: {name!r} is no row of the tables{nearest(name, rows)}")
    name = name or run_name(workdir)
    return (name, rows[name]) if name in rows else ("", {})
