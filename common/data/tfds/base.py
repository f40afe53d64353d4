"""Base of all builders: records in the order of the official lists, and a table of all their fields but the image.

TensorFlow is never imported: images are stored as encoded bytes, in ArrayRecord files.
"""

import abc
import dataclasses
import functools
import io
import itertools
import warnings
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from common.data.decode import upright_size
from common.errors import InputError
from common.files import read_bytes
from common.terminal import track

RECORDS_PER_SHARD = 256
"""Number of records per file. TFDS keeps the encoded images of one file in memory."""
COLUMNS = {"file": "files", "subset": "subsets", "box": "boxes", "label": "labels"}
"""Field of a record -> column of the table, for fields whose column has another name."""


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """One image of a data set before it becomes a record; subclasses add annotations."""

    image: Path | bytes
    """Encoded image, or the path of its file."""
    file: str
    """Name of the image in the data set."""
    groups: tuple[str, ...]
    """Names of the selections that contain the image, besides its split."""
    attributes: np.ndarray | None = dataclasses.field(default=None, kw_only=True)
    """Values of the builder's `attributes`, bool [A]."""


class Builder(tfds.core.ShardBasedBuilder, skip_registration=True):
    """TFDS builder. A data set declares its content (class attributes) and how it is `read`.

    Records are written shard by shard, because TFDS's generator-based builder sorts them and imports TensorFlow for a
    split of more than 1 GB, such as those of HELEN and AFLW.
    """

    VERSION = tfds.core.Version("1.0.0")
    noun: ClassVar[str]
    """Word for the items in messages, "faces" or "images"."""
    selections: ClassVar[dict[str, str]]
    """Name of each selection -> TFDS split that holds its items. A split is a selection as well."""
    attributes: ClassVar[tuple[str, ...]] = ()
    """Names of the A attributes of an item."""
    layout: ClassVar[str] = ""
    """Line that says what `manual_dir` must hold; empty for a data set that needs no download."""
    option: ClassVar[str] = ""
    """Name of the option that chooses one of the `variants`, if there are any."""
    variants: ClassVar[dict[str, str]] = {}
    """Name of each variant of the data set -> description; the first is the default."""

    def __init_subclass__(cls, **arguments: Any):
        super().__init_subclass__(skip_registration=True, **arguments)
        cls.MANUAL_DOWNLOAD_INSTRUCTIONS = cls.layout or None

    def __init__(self, **arguments: Any):
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of every configuration that is not predefined
        try:
            super().__init__(**arguments)
        finally:
            logging.set_verbosity(verbosity)

    @abc.abstractmethod
    def read(self, root: Path) -> Mapping[str, Collection[Item]]:
        """Items of each TFDS split, in order, from the manual directory. Raises `InputError` that names file and row.

        Their number must be known before an image is read or drawn.
        """

    @abc.abstractmethod
    def features(self) -> dict[str, Any]:
        """TFDS features of a record other than `image`, `file` and `attributes`."""

    @abc.abstractmethod
    def fields(self, item: Any) -> dict[str, Any]:
        """Values of these features."""

    @classmethod
    def configure(cls, **options: Any) -> tfds.core.BuilderConfig | None:
        """Configuration with these options. Raises `InputError` for an unknown option or value."""
        config = None
        if cls.variants:
            value = options.pop(cls.option, next(iter(cls.variants)))
            if value not in cls.variants:
                raise InputError(f"{cls.name}: {cls.option}={value!r} is not one of {', '.join(cls.variants)}")
            config = tfds.core.BuilderConfig(name=value, description=cls.variants[value])
        if options:
            raise InputError(f"{cls.name} has no option {next(iter(options))!r}; leave it out")
        return config

    def load_table(self, split: str, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns of the table of a prepared TFDS split; `groups` holds names of selections, separated by spaces."""
        path = Path(self.data_dir) / _table_name(split)
        try:
            with np.load(path, allow_pickle=False) as table:
                return {name: table[name] for name in names}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: missing or damaged; delete {self.data_dir} and prepare it again") from error

    def need(self, path: Path) -> Path:
        """Path of a file or folder of the download. If it is missing, raises `InputError` that explains the layout."""
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; {self.layout}")
        return path

    def lines(self, path: Path) -> list[tuple[str, str]]:
        """Lines of a list of the download that are not blank, each with its place: `list.txt, row 17`."""
        text = self.need(path).read_text(encoding="utf-8")
        rows = enumerate(text.splitlines(), start=1)
        return [(line.strip(), f"{path}, row {row}") for row, line in rows if line.strip()]

    def check_images(self, items: Iterable[Item], listed_in: Path) -> None:
        """Raises `InputError` for the first listed image that is not on the disk, before anything is written."""
        for row, item in enumerate(items, start=1):
            if isinstance(item.image, Path) and not item.image.is_file():
                raise InputError(f"{listed_in}, row {row}: there is no image {item.image}; {self.layout}")

    def check_count(self, what: str, found: int, official: int) -> None:
        """Warns if a download does not have the published number of items: it may be incomplete or another edition."""
        if found != official:
            warnings.warn(f"{what}: {found} {self.noun}, officially {official}", stacklevel=2)

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, None)),
            "file": tfds.features.Text(),
            **self.features(),
        }
        if self.attributes:
            features["attributes"] = tfds.features.Tensor(shape=(len(self.attributes),), dtype=np.bool_)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # records stay in the order of the official list
        )

    def _shard_iterators_per_split(self, dl_manager):
        splits = self.read(Path(dl_manager.manual_dir) if self.layout else Path())
        for name, items in splits.items():
            if not len(items):
                raise InputError(f"{self.name}: no {self.noun} for the split {name!r}; {self.layout}")
        return {name: self._shards(name, items) for name, items in splits.items()}

    def _shards(self, name: str, items: Collection[Item]) -> list[Callable[[], Iterator]]:
        """Iterators over the records of each shard. TFDS uses one after the other, so they may share one stream."""
        records = self._records(name, items)
        sizes = [RECORDS_PER_SHARD] * ((len(items) - 1) // RECORDS_PER_SHARD) + [None]  # the last shard ends the stream
        return [functools.partial(itertools.islice, records, size) for size in sizes]

    def _records(self, name: str, items: Collection[Item]) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = []
        for i, item in enumerate(track(items, f"{self.name} {name}", len(items))):
            rows.append({"groups": " ".join(item.groups), **self._fields(item)})
            yield i, self._record(item)
        table = {COLUMNS.get(field, field): np.array([row[field] for row in rows]) for field in rows[0]}
        # The directory still is the temporary one, which TFDS renames when everything is written.
        np.savez(Path(self.data_dir) / _table_name(name), **table)

    def _record(self, item: Item) -> dict[str, Any]:
        if isinstance(item.image, Path):
            upright_size(item.image)  # raises an error that names a file that is empty or not an image
        image = item.image if isinstance(item.image, bytes) else read_bytes(item.image)
        return {"image": io.BytesIO(image), **self._fields(item)}

    def _fields(self, item: Item) -> dict[str, Any]:
        attributes = {"attributes": item.attributes} if self.attributes else {}
        return {"file": item.file, **self.fields(item), **attributes}


def _table_name(split: str) -> str:
    return f"{split}_annotations.npz"
