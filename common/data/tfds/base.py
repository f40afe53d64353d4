"""What all builders share: records in the order of the official lists, and a table of everything but the images.

TensorFlow is never imported: images go in as encoded bytes, files are ArrayRecord.
"""

import abc
import dataclasses
import functools
import io
import itertools
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from common.data.decode import upright_size
from common.errors import InputError
from common.terminal import track

RECORDS_PER_SHARD = 256
"""TFDS holds the encoded images of one shard in memory."""


class Item(Protocol):
    """One image of a data set, before it becomes a record: a dataclass that holds what comes with it, too."""

    image: Path | bytes
    """The encoded image, or where it is."""
    file: str
    """Its name in the data set."""
    groups: tuple[str, ...]
    """Every name that selects it apart from its split's."""


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The items of a TFDS split, in order. `count` is known before an image is read or drawn."""

    count: int
    items: Iterable[Item]


class Builder(tfds.core.ShardBasedBuilder, skip_registration=True):
    """A TFDS builder. A data set declares what it holds (class attributes) and how it is `read`.

    Shard by shard, because the generator-based builder of TFDS sorts its records, and imports TensorFlow to do that on
    disk when a split has more than 1 GB, as HELEN and AFLW have.
    """

    VERSION = tfds.core.Version("1.0.0")
    noun: ClassVar[str]
    """What the data set is made of, for messages: faces, images."""
    selections: ClassVar[dict[str, str]]
    """Names a user selects by, and the TFDS split that holds those items; the splits themselves are among them."""
    layout: ClassVar[str] = ""
    """What `manual_dir` must hold, in one line; empty for a data set that needs no download."""

    def __init__(self, **arguments: Any):
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of every configuration that is not a predefined one
        try:
            super().__init__(**arguments)
        finally:
            logging.set_verbosity(verbosity)

    @abc.abstractmethod
    def read(self, root: Path) -> dict[str, Split]:
        """The TFDS splits from the manual directory. Raises `InputError` naming file and row."""

    @abc.abstractmethod
    def features(self) -> dict[str, Any]:
        """TFDS features of a record beside `image` and `file`."""

    @abc.abstractmethod
    def fields(self, item: Item) -> dict[str, Any]:
        """The values of these features."""

    @abc.abstractmethod
    def columns(self, items: list[Item]) -> dict[str, np.ndarray]:
        """The columns of a split's table beside `files` and `groups`."""

    @classmethod
    def configure(cls, **options: Any) -> tfds.core.BuilderConfig | None:
        """The configuration with these options. Raises `InputError` for one that does not exist."""
        if options:
            raise InputError(f"{cls.name} has no option {next(iter(options))!r}; leave it out")
        return None

    @classmethod
    def choose(cls, option: str, value: str) -> tfds.core.BuilderConfig:
        """The predefined configuration of this name. Raises `InputError`, which names the option, if there is none."""
        for config in cls.BUILDER_CONFIGS:
            if config.name == value:
                return config
        raise InputError(
            f"{cls.name}: {option}={value!r} is not one of {', '.join(c.name for c in cls.BUILDER_CONFIGS)}"
        )

    def load_table(self, split: str, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns of the table of a prepared TFDS split; `groups` holds the selecting names, separated by spaces."""
        path = Path(self.data_dir) / _table_name(split)
        try:
            with np.load(path, allow_pickle=False) as table:
                return {name: table[name] for name in names}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: missing or damaged; delete {self.data_dir} and prepare it again") from error

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, None)),
            "file": tfds.features.Text(),
            **self.features(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,  # records stay in the order of the official list
        )

    def _shard_iterators_per_split(self, dl_manager):
        splits = self.read(Path(dl_manager.manual_dir) if self.layout else Path())
        for name, split in splits.items():
            if not split.count:
                raise InputError(f"{self.name}: no {self.noun} for the split {name!r}; {self.layout}")
        return {name: self._shards(name, split) for name, split in splits.items()}

    def _shards(self, name: str, split: Split) -> list[Callable[[], Iterator]]:
        """Shards are written one after the other, so that each takes the next records of one stream."""
        records = self._records(name, split)
        sizes = [RECORDS_PER_SHARD] * ((split.count - 1) // RECORDS_PER_SHARD) + [None]  # the last ends the stream
        return [functools.partial(itertools.islice, records, size) for size in sizes]

    def _records(self, name: str, split: Split) -> Iterator[tuple[int, dict[str, Any]]]:
        read = []
        for i, item in enumerate(track(split.items, f"{self.name} {name}", split.count)):
            read.append(dataclasses.replace(item, image=b""))
            yield i, self._record(item)
        # The TFDS directory is still the temporary one that is renamed when everything is written.
        np.savez(
            Path(self.data_dir) / _table_name(name),
            files=np.array([item.file for item in read]),
            groups=np.array([" ".join(item.groups) for item in read]),
            **self.columns(read),
        )

    def _record(self, item: Item) -> dict[str, Any]:
        if isinstance(item.image, Path):
            upright_size(item.image)  # names the file that is empty or no image
        image = item.image if isinstance(item.image, bytes) else item.image.read_bytes()
        return {"image": io.BytesIO(image), "file": item.file, **self.fields(item)}


def _table_name(split: str) -> str:
    return f"{split}_annotations.npz"


def check_count(what: str, found: int, official: int, noun: str = "faces") -> None:
    """Warns where a download has not the published number of items: it may be incomplete or another edition."""
    if found != official:
        warnings.warn(f"{what}: {found} {noun}, officially {official}", stacklevel=2)


def check_images(images: Iterable[Path], listed_in: Path, remedy: str) -> None:
    """Raises `InputError` for the first image that a list names and the disk has not, before anything is written."""
    for row, image in enumerate(images, start=1):
        if not image.is_file():
            raise InputError(f"{listed_in}, row {row}: there is no image {image}; {remedy}")
