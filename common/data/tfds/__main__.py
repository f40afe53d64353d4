"""Prepares a data set: its official download, which is not fetched, becomes ArrayRecord files.

    python -m common.data.tfds --dataset w300 --manual_dir DOWNLOADS --data_dir DATA

Without arguments it lists the data sets and how their downloads have to lie.
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
    """The data set, its directories and its options; an option of another data set is refused."""

    dataset: str = ""
    """Name of the data set; empty lists them all with the layout of their downloads."""
    data_dir: str = "data"
    """Directory of the prepared data sets."""
    manual_dir: str | None = None
    """Directory in which the downloads were unpacked."""
    boxes: Literal["mat", "sqlite"] | None = None
    """aflw: source of the face boxes."""
    resolution: Literal[1024, 128] | None = None
    """ffhq: side of the images in pixels."""
    animal: Literal["dog", "cat"] | None = None
    """animal_face: which animals."""
    num_train: int | None = None
    """synthetic: number of training faces."""
    num_test: int | None = None
    """synthetic: number of test faces."""
    size: int | None = None
    """synthetic: side of the images in pixels."""
    seed: int | None = None
    """synthetic: seed of the faces."""


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    values = dataclasses.asdict(parse_command(argv, default=Prepare())[0])
    dataset, data_dir, manual_dir = (values.pop(name) for name in ("dataset", "data_dir", "manual_dir"))
    if not dataset:
        for name, kind in (BUILDERS | IMAGE_BUILDERS).items():
            print(f"{name}: {kind.layout or 'drawn, no download'}")
        return
    builder = prepare(
        dataset, data_dir, manual_dir, **{name: value for name, value in values.items() if value is not None}
    )
    for name in builder.selections:
        print(f"{name}: {len(selected_rows(builder, name))} {builder.noun}")
    print(builder.data_dir)


if __name__ == "__main__":
    errors.run(main)
