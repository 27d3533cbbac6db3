"""Whatever is not black is lesion, however the mask is stored. Patterns with .* allow one line only."""

import numpy as np
import pytest
from PIL import Image

from miad.errors import InputError
from miad.imaging import read_image, read_mask

PLACES = [[0, 2], [3, 1]]


@pytest.fixture
def save(tmp_path):
    """A function that saves 4 x 3 pixels, black but for the faintest grey at two places, and gives the path."""

    def save(mode, suffix="png", level=1, **options):
        pixels = np.zeros((4, 3), np.uint8)
        pixels[tuple(np.transpose(PLACES))] = level
        path = tmp_path / f"mask.{suffix}"
        Image.fromarray(pixels).convert(mode).save(path, **options)
        return path

    return save


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *[("L", "png"), ("L", "tif"), ("L", "bmp"), ("RGB", "tif"), ("RGBA", "tif"), ("RGBA", "png"), ("LA", "png")],
        *[("I;16", "png"), ("I", "tif"), ("F", "tif"), ("CMYK", "tif"), ("PA", "tif")],
    ],
)
def test_the_faintest_pixel_is_lesion_in_any_mode(save, mode, suffix):
    path = save(mode, suffix)
    assert Image.open(path).mode == mode
    assert read_mask(path).dtype == bool
    assert np.argwhere(read_mask(path)).tolist() == PLACES


def test_black_and_white_masks_are_read(save):
    assert np.argwhere(read_mask(save("1", level=255))).tolist() == PLACES


def test_greys_above_8_bits_count_though_their_low_byte_is_zero(tmp_path):
    Image.fromarray(np.array([[0, 256, 0]], np.uint16)).save(tmp_path / "deep.png")
    assert read_mask(tmp_path / "deep.png").tolist() == [[False, True, False]]


def test_palettes_count_by_their_colours_and_not_by_their_numbers(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([0, 0, 7, 0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "mask.png")
    assert Image.open(tmp_path / "mask.png").mode == "P"
    assert read_mask(tmp_path / "mask.png").tolist() == [[True, False, True]]


def test_transparency_neither_makes_a_lesion_nor_hides_one(tmp_path):
    pixels = np.zeros((1, 4, 4), np.uint8)
    pixels[0, :, 0] = 0, 0, 255, 255
    pixels[0, :, 3] = 0, 255, 0, 255
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, False, True, True]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_is_turned_upright_as_its_image_is(save, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save("L", level=255, exif=exif)
    np.testing.assert_array_equal(read_mask(path), read_image(path) > 0)


def test_an_absent_mask_is_named(tmp_path):
    with pytest.raises(InputError, match=r"\A.*absent\.png: no such file\Z"):
        read_mask(tmp_path / "absent.png")


def test_what_is_no_mask_is_refused_in_one_line(tmp_path):
    (tmp_path / "mask.png").write_text("image,label\n")
    with pytest.raises(InputError, match=r"\A.*mask\.png: expected a mask image, found a file that can not be.*\Z"):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_mask_is_refused_in_one_line(tmp_path, share):
    path = tmp_path / "mask.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match=r"\A.*mask\.png: expected a mask image.*\Z"):
        read_mask(path)
