"""PNG and TIFF of 16 bits keep every bit, on the way in and out. Patterns with .* allow one line only."""

import struct
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from miad.errors import InputError
from miad.imaging import (
    Stored,
    Window,
    file_kind,
    image_size,
    read_image,
    read_stored,
    resize,
    resize_stored,
    to_tensor,
    with_mark,
    write_stored,
)

from .test_read_write import EXIF_ORIENTATION, UPRIGHT

SHAPES = {"grey": (7, 9), "colour": (7, 9, 3)}


def noise(shape, dtype=np.uint16, seed=0):
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def deep(request):
    return noise(request.param)


def save_png(path, pixels):
    """With OpenCV, which has blue first."""
    assert cv2.imwrite(str(path), pixels if pixels.ndim == 2 else pixels[..., ::-1])
    return path


def save_tiff(path, pixels, **options):
    photometric = options.pop("photometric", "rgb" if pixels.ndim == 3 else "minisblack")
    tifffile.imwrite(path, pixels, photometric=photometric, **options)
    return path


def test_deep_png_as_another_writer_saved_it(tmp_path, deep):
    path = save_png(tmp_path / "a.png", deep)
    image = read_stored(path)
    assert np.array_equal(image.pixels, deep)
    assert image.pixels.dtype == np.uint16
    assert image.window == Window(int(deep.min()), int(deep.max()))
    assert file_kind(path) == "png"
    assert image_size(path) == (7, 9)
    assert np.array_equal(read_image(path), np.rint((deep - deep.min()) * (255.0 / np.ptp(deep))).astype(np.uint8))


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"compression": "zlib", "predictor": True}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_deep_tiff_as_another_writer_saved_it(tmp_path, deep, options, byteorder):
    path = save_tiff(tmp_path / "a.tif", deep, byteorder=byteorder, **options)
    image = read_stored(path)
    assert np.array_equal(image.pixels, deep)
    assert file_kind(path) == image.kind == "tiff"
    assert image_size(path) == (7, 9)


def test_planes_and_signed_levels_of_a_tiff(tmp_path):
    colour, signed = noise((7, 9, 3)), noise((7, 9), np.int16)
    planes = save_tiff(tmp_path / "p.tif", colour.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_stored(planes).pixels, colour)
    image = read_stored(save_tiff(tmp_path / "s.tif", signed))
    assert np.array_equal(image.pixels, signed)
    assert image.limits == (-32768, 32767)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_deep_images_are_turned_upright(tmp_path, deep, orientation):
    expected = UPRIGHT[orientation](deep)
    tags = [(EXIF_ORIENTATION, "H", 1, orientation, True)]
    tiff = save_tiff(tmp_path / "a.tif", deep, extratags=tags)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    png = save_png(tmp_path / "a.png", deep)
    data, chunk = png.read_bytes(), exif.tobytes()[6:]  # PNG has them without the name that JPEG puts before
    body = b"eXIf" + chunk
    png.write_bytes(data[:33] + struct.pack(">I", len(chunk)) + body + struct.pack(">I", zlib.crc32(body)) + data[33:])
    for path in (tiff, png):
        assert np.array_equal(read_stored(path).pixels, expected)
        assert image_size(path) == expected.shape[:2]


@pytest.mark.parametrize("window", [Window(100, 4000), Window(60000, 3)])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_what_is_written_reads_back_with_its_window(tmp_path, kind, window):
    for name, shape in SHAPES.items():
        if name == "colour" and window.white < window.black:
            continue  # only grey can be inverted
        image = Stored(noise(shape), window, (0, 65535), kind)
        write_stored(tmp_path / name, image)
        again = read_stored(tmp_path / name)
        assert np.array_equal(again.pixels, image.pixels)
        assert (again.window, again.limits, again.kind) == (image.window, image.limits, kind)
        other = tifffile.imread(tmp_path / name) if kind == "tiff" else cv2.imread(str(tmp_path / name), -1)
        assert np.array_equal(other[..., ::-1] if kind == "png" and other.ndim == 3 else other, image.pixels)
        before = (tmp_path / name).read_bytes()
        write_stored(tmp_path / name, image)
        assert (tmp_path / name).read_bytes() == before


def test_a_tiff_of_8_bits_stays_one(tmp_path):
    for shape in SHAPES.values():
        pixels = noise(shape, np.uint8)
        image = read_stored(save_tiff(tmp_path / "a.tif", pixels))
        assert (image.kind, image.plain, image.deep) == ("tiff", False, False)
        write_stored(tmp_path / "b.tif", image)
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), pixels)
        assert np.array_equal(np.array(Image.open(tmp_path / "b.tif")), pixels)


@pytest.mark.parametrize(("low", "high"), [(340, 341), (280, 281)])
def test_a_tiff_says_which_levels_are_black_and_white(tmp_path, low, high):
    tags = [(low, "H", 1, 500, True), (high, "H", 1, 2500, True)]
    pixels = np.array([[0, 500, 1500, 2500, 65535]], np.uint16)
    path = save_tiff(tmp_path / "a.tif", pixels, extratags=tags)
    assert read_stored(path).window == Window(500, 2500)
    assert read_image(path).tolist() == [[0, 0, 128, 255, 255]]
    white_first = save_tiff(tmp_path / "b.tif", pixels, extratags=tags, photometric="miniswhite")
    assert read_stored(white_first).window == Window(2500, 500)


def test_a_mark_leaves_the_kind_and_the_window(deep):
    image = Stored(deep, Window(5, 900), (0, 65535), "tiff")
    marked = with_mark(image, deep ^ 1, "run")
    assert np.array_equal(marked.pixels, deep ^ 1)
    assert (marked.kind, marked.window) == ("tiff", Window(5, 900))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint8])
def test_resizing_keeps_the_depth_and_rounds_to_the_nearest_level(deep, dtype):
    limits = np.iinfo(dtype)
    pixels = noise(deep.shape, dtype)
    image = Stored(pixels, Window(0, 900), (limits.min, limits.max), "tiff")
    small = resize_stored(image, (4, 5))
    assert (small.pixels.dtype, small.pixels.shape[:2], small.window) == (dtype, (4, 5), image.window)
    if dtype == np.uint8:
        assert np.array_equal(to_tensor(small.pixels), resize(to_tensor(pixels)[None], (4, 5))[0])
    assert resize_stored(image, (7, 9)) is image


def test_halving_is_the_mean_of_what_each_pixel_covers():
    pixels = np.array([[1000, 3000, 60001, 60002]] * 4, np.uint16)
    small = resize_stored(Stored(pixels, Window(0, 65535), (0, 65535), "tiff"), (2, 2)).pixels
    weights = np.array([[3, 3, 1, 0], [0, 1, 3, 3]]) / 7
    assert np.array_equal(small, np.rint(np.tile(pixels[0] @ weights.T, (2, 1))).astype(np.uint16))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_deep_file_cut_anywhere_is_whole_or_refused(tmp_path, suffix):
    pixels = noise((8, 8))
    path = (save_png if suffix == "png" else save_tiff)(tmp_path / f"a.{suffix}", pixels)
    data = path.read_bytes()
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        with suppress(InputError):
            assert np.array_equal(read_stored(path).pixels, pixels)


@pytest.mark.parametrize("read", [read_stored, image_size])
def test_pages_and_transparency_are_refused_in_one_line(tmp_path, read):
    pages = tmp_path / "pages.tif"
    tifffile.imwrite(pages, noise((2, 7, 9)), photometric="minisblack")
    with pytest.raises(InputError, match=r"\A.*pages\.tif: expected one image, found 2 pages; split the file first\Z"):
        read(pages)
    alpha = tmp_path / "alpha.png"
    cv2.imwrite(str(alpha), noise((7, 9, 4)))
    with pytest.raises(InputError, match=r"\A.*alpha\.png: expected 8- or 16-bit grey or RGB.*\Z"):
        read(alpha)
    four = save_tiff(tmp_path / "four.tif", noise((7, 9, 4)), extrasamples=["unassalpha"])
    with pytest.raises(InputError, match=r"\A.*four\.tif: expected 8- or 16-bit grey or RGB.*\Z"):
        read(four)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    header = struct.pack(">II5B", 60000, 60000, 16, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(InputError, match=r"\A.*bomb\.png: can not be decoded.*\Z"):
        read_stored(path)
