"""Decoding: every mode and rotation becomes upright RGB, and an error names a file that cannot be decoded."""

import io

import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode, upright_size
from common.errors import InputError

RNG = np.random.default_rng(0)
# Smooth, so that JPEG keeps it; asymmetric in both axes and in size, so that every rotation shows.
Y, X = np.mgrid[0:24, 0:40]
PICTURE = np.stack([X * 6, Y * 10, 255 - X * 3 - Y * 5], -1).astype(np.uint8)
GREY = PICTURE[:, :, 0]


def encode(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def reread(image, kind="PNG", **options):
    pixels = decode(encode(image, kind, **options), "face")
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    return pixels


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_rgb(kind):
    np.testing.assert_array_equal(reread(Image.fromarray(PICTURE), kind), PICTURE)


@pytest.mark.parametrize("kind, mode", [("JPEG", "RGB"), ("WEBP", "RGB"), ("JPEG", "CMYK")])
def test_lossy_rgb(kind, mode):
    difference = reread(Image.fromarray(PICTURE).convert(mode), kind, quality=95).astype(int) - PICTURE
    assert np.abs(difference).mean() < 4


def test_grey_and_bilevel_have_three_equal_channels():
    grey = Image.fromarray(GREY)
    np.testing.assert_array_equal(reread(grey), np.repeat(GREY[:, :, None], 3, 2))
    pixels = reread(grey.point(lambda v: 255 * (v > 100), mode="1"))
    np.testing.assert_array_equal(pixels, np.repeat(np.where(GREY > 100, 255, 0)[:, :, None], 3, 2))


def test_palette():
    palette = Image.fromarray(PICTURE).quantize(16)
    np.testing.assert_array_equal(reread(palette), np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(reread(palette, "GIF"), np.asarray(palette.convert("RGB")))


def test_transparent_palette_entry_is_black():
    palette = Image.fromarray(PICTURE).quantize(16)
    index = np.asarray(palette)
    expected = np.where((index == index[3, 5])[:, :, None], 0, np.asarray(palette.convert("RGB")))
    np.testing.assert_array_equal(reread(palette, transparency=int(index[3, 5])), expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composited_over_black(mode):
    alpha = RNG.integers(0, 256, GREY.shape).astype(np.uint8)
    color = PICTURE if mode == "RGBA" else GREY[:, :, None]
    pixels = reread(Image.fromarray(np.concatenate([color, alpha[:, :, None]], -1)))
    # out = alpha * color + (1 - alpha) * 0
    expected = np.broadcast_to(color * (alpha[:, :, None] / 255.0), pixels.shape)
    np.testing.assert_allclose(pixels, expected, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled(kind):
    values = np.linspace(0, 65535, GREY.size).reshape(GREY.shape).astype(np.uint16)
    pixels = reread(Image.fromarray(values), kind)
    np.testing.assert_allclose(pixels[:, :, 2], values / 257, atol=0.5 + 1e-6)
    assert (pixels.min(), pixels.max()) == (0, 255)


# How the stored picture must be turned for each EXIF orientation (TIFF 6.0: where row 0 and column 0 are when viewed).
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_exif_rotation(tmp_path, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(Image.fromarray(PICTURE), kind, exif=exif)
    stored = np.asarray(Image.open(io.BytesIO(data)))
    expected = UPRIGHT[orientation](stored)
    np.testing.assert_array_equal(decode(data, "face"), expected)
    (tmp_path / "face").write_bytes(data)
    assert upright_size(tmp_path / "face") == (expected.shape[1], expected.shape[0])


def test_unreadable_exif_is_no_reason_to_refuse_the_pixels():
    data = encode(Image.fromarray(PICTURE), "JPEG", exif=b"Exif\x00\x00broken")
    assert decode(data, "face").shape == PICTURE.shape


NOISE = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
@pytest.mark.parametrize("keep", [0.3, 0.7])
def test_truncated(kind, keep):
    data = encode(NOISE, kind)
    with pytest.raises(InputError, match=r"faces/a\.img: .*(truncated or damaged|not an image).*leave it out") as error:
        decode(data[: int(len(data) * keep)], "faces/a.img")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data, message", [(b"", "zero bytes"), (b"<html>not found</html>", "not an image.*convert it")]
)
def test_no_image(tmp_path, data, message):
    with pytest.raises(InputError, match=r"a\.jpg: .*" + message):
        decode(data, "a.jpg")
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.jpg: .*" + message):
        upright_size(tmp_path / "a.jpg")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [11_000, 20_000])
def test_decompression_bomb_is_refused_before_decoding(side):
    """A bilevel picture of 121 or 400 megapixels in some kilobytes; the second is beyond Pillow's own limit."""
    data = encode(Image.new("1", (side, side)))
    with pytest.raises(InputError, match="bomb.png: .*larger than 100 megapixels.*scale"):
        decode(data, "bomb.png")


def test_floating_point_is_refused():
    with pytest.raises(InputError, match="depth.tif: floating-point.*convert"):
        decode(encode(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "depth.tif")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none\.jpg: cannot be read"):
        upright_size(tmp_path / "none.jpg")
