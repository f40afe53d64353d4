"""What the four builders share: one record layout, records in the order of the official lists, a table of annotations.

TensorFlow is never imported: images go in as encoded bytes, files are ArrayRecord.
"""

import abc
import dataclasses
import functools
import io
import itertools
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import rich.console
import rich.progress
import tensorflow_datasets as tfds
from absl import logging

from common.data.images import upright_size
from common.data.schemes import LandmarkScheme
from common.errors import InputError

FACES_PER_SHARD = 256
"""TFDS holds the encoded images of one shard in memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One annotated face, before it becomes a record."""

    image: Path | bytes
    """The encoded image, or where it is."""
    file: str
    """Its name in the data set."""
    groups: tuple[str, ...]
    """Every name that selects this face apart from its split's; the first is the record's `subset`."""
    landmarks: np.ndarray
    """float32 [K, 2], 0-based pixels."""
    visible: np.ndarray
    """bool [K]"""
    box: np.ndarray
    """float32 [4]: x0, y0, x1, y1."""
    attributes: np.ndarray | None = None
    """bool, one for each of the builder's `attributes`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Faces:
    """The faces of a split, in order. `count` is known before an image is read or drawn."""

    count: int
    faces: Iterable[Face]


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Everything but the images of a split of N faces, row i for record i."""

    files: tuple[str, ...]
    subsets: tuple[str, ...]
    groups: tuple[str, ...]
    """The names that select the row, separated by spaces."""
    landmarks: np.ndarray
    """float32 [N, K, 2]"""
    visible: np.ndarray
    """bool [N, K]"""
    boxes: np.ndarray
    """float32 [N, 4]"""
    attributes: np.ndarray
    """bool [N, A]; A is 0 for most data sets."""


class FaceBuilder(tfds.core.ShardBasedBuilder, skip_registration=True):
    """A TFDS builder of annotated faces. A data set declares what it holds (class attributes) and how it is `read`.

    Shard by shard, because the generator-based builder of TFDS sorts its records, and imports TensorFlow to do that on
    disk when a split has more than 1 GB, as HELEN and AFLW have.
    """

    VERSION = tfds.core.Version("1.0.0")
    scheme: ClassVar[LandmarkScheme]
    selections: ClassVar[dict[str, str]]
    """Names a user selects faces by, and the TFDS split that holds them; the splits themselves are among them."""
    layout: ClassVar[str] = ""
    """What `manual_dir` must hold, in one line; empty for a data set that needs no download."""
    attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **arguments: Any):
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of every configuration that is not a predefined one
        try:
            super().__init__(**arguments)
        finally:
            logging.set_verbosity(verbosity)

    @abc.abstractmethod
    def read(self, root: Path) -> dict[str, Faces]:
        """Faces of each TFDS split from the manual directory. Raises `InputError` naming file and row."""

    @classmethod
    def configure(cls, **options: Any) -> tfds.core.BuilderConfig | None:
        """The configuration with these options. Raises `InputError` for one that does not exist."""
        if options:
            raise InputError(f"{cls.name} has no option {next(iter(options))!r}; leave it out")
        return None

    def annotations(self, split: str) -> Table:
        """The annotations of a prepared TFDS split, without reading an image."""
        path = Path(self.data_dir) / _table_name(split)
        try:
            with np.load(path, allow_pickle=False) as table:
                columns = {field.name: table[field.name] for field in dataclasses.fields(Table)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: missing or damaged; delete {self.data_dir} and prepare it again") from error
        text = {name: tuple(columns[name].tolist()) for name in ("files", "subsets", "groups")}
        return Table(**{**columns, **text})

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(None, None, None)),
            "file": tfds.features.Text(),
            "subset": tfds.features.Text(),
            "landmarks": tfds.features.Tensor(shape=(self.scheme.count, 2), dtype=np.float32),
            "visible": tfds.features.Tensor(shape=(self.scheme.count,), dtype=np.bool_),
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
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
        for split, faces in splits.items():
            if not faces.count:
                raise InputError(f"{self.name}: no faces for the split {split!r}; {self.layout}")
        return {split: self._shards(split, faces) for split, faces in splits.items()}

    def _shards(self, split: str, faces: Faces) -> list[Callable[[], Iterator]]:
        """Shards are written one after the other, so that each takes the next records of one stream."""
        records = self._records(split, faces)
        sizes = [FACES_PER_SHARD] * ((faces.count - 1) // FACES_PER_SHARD) + [None]  # the last one ends the stream
        return [functools.partial(itertools.islice, records, size) for size in sizes]

    def _records(self, split: str, faces: Faces) -> Iterator[tuple[int, dict[str, Any]]]:
        read = []
        console = rich.console.Console(stderr=True)
        progress = rich.progress.track(
            faces.faces, f"{self.name} {split}", faces.count, console=console, disable=not console.is_terminal
        )
        for i, face in enumerate(progress):
            read.append(dataclasses.replace(face, image=b""))
            yield i, self._record(face)
        # The TFDS directory is still the temporary one that is renamed when everything is written.
        _save_table(Path(self.data_dir) / _table_name(split), read)

    def _record(self, face: Face) -> dict[str, Any]:
        if isinstance(face.image, Path):
            upright_size(face.image)  # names the file that is empty or no image
        record = {
            "image": io.BytesIO(face.image if isinstance(face.image, bytes) else face.image.read_bytes()),
            "file": face.file,
            "subset": face.groups[0],
            "landmarks": face.landmarks,
            "visible": face.visible,
            "box": face.box,
        }
        if self.attributes:
            record["attributes"] = face.attributes
        return record


def _table_name(split: str) -> str:
    return f"{split}_annotations.npz"


def _save_table(path: Path, faces: list[Face]) -> None:
    none = np.zeros(0, np.bool_)
    np.savez(
        path,
        files=np.array([face.file for face in faces]),
        subsets=np.array([face.groups[0] for face in faces]),
        groups=np.array([" ".join(face.groups) for face in faces]),
        landmarks=np.stack([face.landmarks for face in faces]),
        visible=np.stack([face.visible for face in faces]),
        boxes=np.stack([face.box for face in faces]),
        attributes=np.stack([none if face.attributes is None else face.attributes for face in faces]),
    )


def check_count(what: str, found: int, official: int) -> None:
    """Warns where a download has not the published number of faces: it may be incomplete or another edition."""
    if found != official:
        warnings.warn(f"{what}: {found} faces, officially {official}", stacklevel=2)


def check_images(images: Iterable[Path], listed_in: Path, remedy: str) -> None:
    """Raises `InputError` for the first image that a list names and the disk has not, before anything is written."""
    for row, image in enumerate(images, start=1):
        if not image.is_file():
            raise InputError(f"{listed_in}, row {row}: there is no image {image}; {remedy}")
