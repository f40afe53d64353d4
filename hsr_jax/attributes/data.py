"""Images with attributes that the configuration of a classifier selects."""

import dataclasses
from pathlib import Path

from common.data.images.folder import open_table
from common.data.images.labels import Labels
from common.data.images.source import ImageSource, Subset
from common.data.splits import validation_rows
from common.data.tfds import IMAGE_BUILDERS
from common.data.tfds.records import open_image_dataset
from common.errors import InputError, nearest


@dataclasses.dataclass(frozen=True)
class AttributeDataConfig:
    """Location of the images and of their attributes."""

    source: str = "celeba_hq"
    """Folder of images, or name of a prepared data set with attributes."""
    table: str = ""
    """CSV file for a folder, with the column `file` and one column per attribute."""
    test_table: str = ""
    """CSV file like `table` with the images for the test at the end of the training; empty for no test."""
    attributes: tuple[str, ...] = ()
    """Columns of the table, or attributes of the prepared data set; empty takes all attributes of the latter."""
    positive: tuple[str, ...] = ("1",)
    """Value in the table that means that an image has the attribute; one for all attributes, or one per attribute."""
    data_dir: str = "data"
    """Directory in which the records of prepared data sets are written and read."""
    manual_dir: str = ""
    """Directory with the official download of a prepared data set."""
    validation_fraction: float = 0.1
    """Share of the images, drawn with the run's seed, that decide which state is the best."""
    cache_mib: int = 2048
    """Memory for decoded images in MiB."""


def names(data: AttributeDataConfig) -> tuple[str, ...]:
    """Names of the attributes, in the order of the logits.

    Raises:
      InputError: there are no attributes, one is given twice, or the prepared data set lacks one.
    """
    if len(set(data.attributes)) < len(data.attributes):
        raise InputError(f"field data.attributes: {', '.join(data.attributes)} names one twice; remove it")
    if not _is_prepared(data):
        if not data.attributes:
            raise InputError("field data.attributes: empty; name columns of the table")
        return data.attributes
    known = IMAGE_BUILDERS[data.source].attributes
    for name in data.attributes:
        if name not in known:
            raise InputError(f"field data.attributes: {data.source} has no {name}{nearest(name, known)}")
    if not known:
        raise InputError(f"field data.source: {data.source} has no attributes; take celeba_hq or a folder")
    return data.attributes or known


def open_training(data: AttributeDataConfig, seed: int) -> tuple[ImageSource, ImageSource]:
    """Training and validation images with labels float32 [A]; see `validation_rows` for the draw and the errors."""
    source = _prepared(data) if _is_prepared(data) else _table(data, data.table, "data.table")
    training_rows, held_out = validation_rows(len(source), data.validation_fraction, seed)
    return Subset(source, training_rows), Subset(source, held_out)


def open_test(data: AttributeDataConfig) -> ImageSource | None:
    """Images of the test table; None if the configuration has no such table."""
    return _table(data, data.test_table, "data.test_table") if data.test_table else None


def _is_prepared(data: AttributeDataConfig) -> bool:
    return data.source in IMAGE_BUILDERS and not Path(data.source).exists()


def _prepared(data: AttributeDataConfig) -> ImageSource:
    source = open_image_dataset(data.source, data.data_dir, manual_dir=data.manual_dir or None, labelled=True)
    columns = [IMAGE_BUILDERS[data.source].attributes.index(name) for name in names(data)]
    source.labels = Labels(source.labels.values[:, columns], len(columns))
    return source


def _table(data: AttributeDataConfig, table: str, field: str) -> ImageSource:
    if not table:
        raise InputError(f"field {field}: empty; name a CSV file with the attributes of the images")
    attributes = names(data)
    if len(data.positive) not in (1, len(attributes)):
        raise InputError(
            f"field data.positive: {len(data.positive)} values for {len(attributes)} attributes; give 1 or as many"
        )
    positive = data.positive if len(data.positive) > 1 else data.positive * len(attributes)
    return open_table(data.source, table, dict(zip(attributes, positive, strict=True)))
