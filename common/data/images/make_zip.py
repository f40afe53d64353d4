"""Command that makes a zip file of equally large images, in the format of StyleGAN2, from a folder or a zip file.

    python -m common.data.images.make_zip --source DIR|ZIP --out FILE.zip --resolution 64

It decodes every image, resizes its central square (antialiased) and stores it as PNG without compression, so that
training reads fast. Labels in the source's `dataset.json` are copied. If an image is wrong, nothing is written.
"""

import dataclasses
import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from common import errors, files
from common.config import parse_command
from common.data import batches
from common.data.images.folder import open_images
from common.data.images.labels import to_json
from common.data.images.pipeline import ImageLoader
from common.data.images.source import ImageSource
from common.errors import InputError
from common.terminal import track


@dataclasses.dataclass(frozen=True)
class MakeZip:
    """Options of the command."""

    source: str = ""
    """Folder or zip file of images."""
    out: str = ""
    """Zip file to write."""
    resolution: int = 0
    """Side of the images in pixels, a power of two."""


def write_zip(source: ImageSource, out: str | Path, resolution: int) -> None:
    """Writes the images of a source, in its order, and `dataset.json` with its labels or null.

    The file depends on images and labels alone, because it holds no time and no name of the source. It is written
    under a temporary name, and replaces an older file at the end.

    Args:
      source: images and labels to write.
      out: path of the archive, which ends in .zip.
      resolution: side of the images in pixels, a power of two from 4; smaller images are enlarged.

    Raises:
      InputError: the path, the resolution or an image is wrong, or there is no space.
    """
    if Path(out).suffix.lower() != ".zip":
        raise InputError(f"{out}: not the name of a zip file; give it a name that ends in .zip")
    images = track(_squares(source, resolution), f"{Path(out).name}", len(source))
    names = []
    with files.written_aside(out) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for row, image in enumerate(images):
            # One folder per thousand, as in the archives of StyleGAN2.
            names.append(f"{row // 1000:05d}/img{row:08d}.png")
            archive.writestr(zipfile.ZipInfo(names[-1]), _png(image))
        archive.writestr(zipfile.ZipInfo("dataset.json"), to_json(source.labels, names))


def _squares(source: ImageSource, resolution: int) -> Iterator[np.ndarray]:
    """Images of a source as squares, uint8 [R, R, 3], in order."""
    batch_size = min(32, len(source))
    loader = ImageLoader(source, resolution)
    for batch in batches.once(loader, batch_size=batch_size, process_index=0, process_count=1):
        yield from batch["image"][batch["mask"] > 0]


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=0)
    return stream.getvalue()


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    options = parse_command(argv, default=MakeZip())[0]
    if not options.source:
        raise InputError("field source: empty; name a folder or a zip file of images")
    source = open_images(options.source, labelled=None)
    write_zip(source, options.out, options.resolution)
    labels = f"labels of {source.labels.size} values" if source.labels.size else "no labels"
    print(f"{options.out}: {len(source)} images of {options.resolution} px, {labels}")


if __name__ == "__main__":
    errors.run(main)
