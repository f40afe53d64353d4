"""Command that prepares a data set: it converts the official download, which it does not fetch, to ArrayRecord files.

    python -m common.data.tfds --dataset w300 --manual_dir DOWNLOADS --data_dir DATA

Without arguments it lists the data sets and the layout that it needs of their downloads.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from common import errors
from common.config import parse_command
from common.data.tfds import BUILDERS, IMAGE_BUILDERS
from common.data.tfds.records import prepare, selected_rows


@dataclasses.dataclass(frozen=True)
class Prepare:
    """Options of the command. An option of another data set is refused."""

    dataset: str = ""
    """Name of the data set. Empty: all data sets are listed with the layout of their downloads."""
    data_dir: str = "data"
    """Directory of the prepared data sets."""
    manual_dir: str | None = None
    """Directory that holds the unpacked downloads."""
    boxes: Literal["mat", "sqlite"] | None = None
    """aflw: source of the face boxes."""
    resolution: Literal[1024, 128] | None = None
    """ffhq: side of the images in pixels."""
    animal: Literal["dog", "cat"] | None = None
    """animal_face: kind of animals."""
    num_train: int | None = None
    """synthetic: number of training faces."""
    num_test: int | None = None
    """synthetic: number of test faces."""
    size: int | None = None
    """synthetic: side of the images in pixels."""
    seed: int | None = None
    """synthetic: seed of the faces."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    prepared = parse_command(argv, default=Prepare())[0]
    if not prepared.dataset:
        for name, kind in (BUILDERS | IMAGE_BUILDERS).items():
            print(f"{name}: {kind.layout or 'drawn, no download'}")
        return
    names = ("boxes", "resolution", "animal", "num_train", "num_test", "size", "seed")
    given = {name: value for name in names if (value := getattr(prepared, name)) is not None}
    builder = prepare(prepared.dataset, prepared.data_dir, prepared.manual_dir, **given)
    for name in builder.selections:
        print(f"{name}: {len(selected_rows(builder, name))} {builder.noun}")
    print(builder.data_dir)


if __name__ == "__main__":
    errors.run(main)
