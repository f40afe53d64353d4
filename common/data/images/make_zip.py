"""Makes a zip file in the format of StyleGAN2 of a folder or zip file of images, all of one size.

    python -m common.data.images.make_zip --source DIR|ZIP --out FILE.zip --resolution 64

Every image is decoded, its central square resized (antialiased) and stored as PNG without compression, so that training
reads fast; labels in the source's `dataset.json` are carried over. Where anything is wrong with an image, nothing is
written.
"""

import argparse
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from common import files
from common.data import batches
from common.data.images import labels as image_labels
from common.data.images.folder import open_images
from common.data.images.pipeline import ImageLoader
from common.data.images.source import ImageSource
from common.errors import InputError, run
from common.terminal import track


def write_zip(source: ImageSource, out: str | Path, resolution: int) -> None:
    """Writes the images of a source, in its order, and `dataset.json` with its labels or null.

    The file depends on the images alone: no time, no name of the source is in it. It is written aside and renamed at
    the end; an older one is replaced.

    Args:
      source: what to write.
      out: the archive, .zip.
      resolution: side of the images, a power of two from 4; smaller images are enlarged.

    Raises:
      InputError: a wrong name or resolution, what is wrong with an image, no space.
    """
    if Path(out).suffix.lower() != ".zip":
        raise InputError(f"{out}: the output is a zip file; give it a name that ends in .zip")
    images = track(_squares(source, resolution), f"{Path(out).name}", len(source))
    names = []
    with files.written_aside(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for row, image in enumerate(images):
            # A folder for each thousand, as in the archives of StyleGAN2.
            names.append(f"{row // 1000:05d}/img{row:08d}.png")
            archive.writestr(zipfile.ZipInfo(names[-1]), _png(image))
        archive.writestr(zipfile.ZipInfo("dataset.json"), image_labels.to_json(source.labels, names))


def _squares(source: ImageSource, resolution: int) -> Iterator[np.ndarray]:
    batch_size = min(32, len(source))
    loader = ImageLoader(source, resolution)
    for batch in batches.once(loader, batch_size=batch_size, process_index=0, process_count=1):
        yield from batch["image"][batch["mask"] > 0]


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=0)
    return stream.getvalue()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m common.data.images.make_zip",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", required=True, help="a folder of images, or a zip file of them")
    parser.add_argument("--out", required=True, help="the zip file to write")
    parser.add_argument("--resolution", type=int, required=True, help="side of the images, a power of two")
    arguments = parser.parse_args()
    source = open_images(arguments.source, labelled=None)
    write_zip(source, arguments.out, arguments.resolution)
    labels = f"labels of {source.labels.size} values" if source.labels.size else "no labels"
    print(f"{arguments.out}: {len(source)} images of {arguments.resolution} px, {labels}")


if __name__ == "__main__":
    run(main)
