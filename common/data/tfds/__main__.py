"""Prepares a data set: python -m common.data.tfds --dataset w300 --manual_dir DOWNLOADS --data_dir DATA."""

import argparse

from common.data.tfds import BUILDERS, IMAGE_BUILDERS
from common.data.tfds.records import prepare, selected_rows
from common.errors import run


def main() -> None:
    """The command."""
    builders = BUILDERS | IMAGE_BUILDERS
    instructions = "\n".join(f"{name}: {builder.layout or 'drawn, no download'}" for name, builder in builders.items())
    parser = argparse.ArgumentParser(
        prog="python -m common.data.tfds",
        description="Reads official downloads (none is fetched) and writes ArrayRecord files.",
        epilog=instructions,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--dataset", choices=tuple(builders), required=True)
    parser.add_argument("--data_dir", required=True, help="where prepared data sets are kept")
    parser.add_argument("--manual_dir", help="where the downloads were unpacked; see below")
    # Options of one data set have no default here, so that another one can refuse them.
    parser.add_argument("--boxes", choices=("mat", "sqlite"), default=argparse.SUPPRESS, help="aflw")
    parser.add_argument("--resolution", type=int, choices=(1024, 128), default=argparse.SUPPRESS, help="ffhq")
    parser.add_argument("--animal", choices=("dog", "cat"), default=argparse.SUPPRESS, help="animal_face")
    for option in ("num_train", "num_test", "size", "seed"):
        parser.add_argument(f"--{option}", type=int, default=argparse.SUPPRESS, help="synthetic")
    options = vars(parser.parse_args())
    builder = prepare(options.pop("dataset"), options.pop("data_dir"), options.pop("manual_dir"), **options)
    for name in builder.selections:
        print(f"{name}: {len(selected_rows(builder, name))} {builder.noun}")
    print(builder.data_dir)


if __name__ == "__main__":
    run(main)
