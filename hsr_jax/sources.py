"""Images that the configuration of a run selects."""

from pathlib import Path

from common.data.images.folder import open_images, open_table
from common.data.images.source import ImageSource, subset
from common.data.tfds import IMAGE_BUILDERS
from common.data.tfds.records import open_image_dataset
from common.errors import InputError
from hsr_jax.config import ImageDataConfig


def open_source(data: ImageDataConfig, seed: int) -> ImageSource:
    """All images, or `data.max_images` of them drawn with `seed` (Table 4.5, thesis)."""
    source = _open_all(data)
    return subset(source, data.max_images, seed) if data.max_images else source


def _open_all(data: ImageDataConfig) -> ImageSource:
    if not data.source:
        names = ", ".join(IMAGE_BUILDERS)
        raise InputError(f"field data.source: empty; name a folder of images, a zip file, or one of {names}")
    name, _, animal = data.source.partition("/")
    if name in IMAGE_BUILDERS and not Path(data.source).exists():
        if data.table:
            raise InputError(f"field data.table: {data.source} is a prepared data set; use data.split instead")
        if animal and name != "animal_face":
            raise InputError(f"field data.source: {data.source}: no such folder or prepared data set; take {name}")
        options = {"animal": animal} if animal else {}
        return open_image_dataset(name, data.data_dir, data.split, data.manual_dir or None, data.labels, **options)
    if data.table:
        if data.labels:
            raise InputError("field data.labels: a table contains no class labels; put them into dataset.json")
        return open_table(data.source, data.table)
    return open_images(data.source, labelled=data.labels)
