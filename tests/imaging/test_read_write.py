"""Pixels survive the way to disk and back; what can not survive it is refused. Patterns with .* allow one line only."""

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from miad.errors import InputError, RunError
from miad.imaging import (
    atomic_path,
    from_tensor,
    image_size,
    is_grey,
    pixel_digest,
    read_image,
    to_tensor,
    write_png,
)

EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}
"""What a viewer does for each orientation, as the EXIF standard words it."""


@pytest.fixture(params=[(7, 9), (7, 9, 3)], ids=["grey", "colour"])
def pixels(request):
    return np.random.default_rng(0).integers(0, 256, request.param, dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    """A function that saves an array with Pillow in another mode, and gives its path."""

    def save(name, pixels, mode=None, **options):
        path = tmp_path / name
        Image.fromarray(pixels).convert(mode).save(path, **options)
        return path

    return save


@pytest.fixture
def existing(tmp_path):
    """A file that stands alone in its folder."""
    path = tmp_path / "run" / "table.csv"
    path.parent.mkdir()
    path.write_text("before")
    return path


def test_png_gives_back_every_pixel(tmp_path, pixels):
    write_png(tmp_path / "new" / "folder" / "a.png", pixels)
    read = read_image(tmp_path / "new" / "folder" / "a.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("suffix", ["bmp", "tiff", "png"])
def test_other_lossless_files_read_as_pillow_saved_them(save, pixels, suffix):
    np.testing.assert_array_equal(read_image(save(f"a.{suffix}", pixels)), pixels)


def test_a_jpeg_reads_as_pillow_decodes_it(save, pixels):
    path = save("a.jpg", pixels)
    np.testing.assert_array_equal(read_image(path), np.array(Image.open(path)))


def test_a_palette_becomes_its_colours(save):
    colours = np.array([[[255, 0, 0], [0, 0, 255]], [[10, 20, 30], [255, 0, 0]]], dtype=np.uint8)
    path = save("a.png", colours, "P", palette=Image.Palette.ADAPTIVE)
    expected = np.array(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(read_image(path), expected)


def test_black_and_white_files_become_0_and_255(save):
    stored = np.array([[0, 255, 255], [255, 0, 0]], dtype=np.uint8)
    np.testing.assert_array_equal(read_image(save("a.png", stored, "1")), stored)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_images_are_turned_upright(save, pixels, orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = save("a.png", pixels, exif=exif)
    expected = UPRIGHT[orientation](pixels)
    np.testing.assert_array_equal(read_image(path), expected)
    assert image_size(path) == expected.shape[:2]


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "RGBA"), ("a.png", "LA"), ("a.tiff", "CMYK"), ("a.jpg", "CMYK"), ("a.tiff", "F")],
)
@pytest.mark.parametrize("read", [read_image, image_size])
def test_pixels_other_than_grey_or_rgb_are_refused_in_one_line(save, name, mode, read):
    path = save(name, np.zeros((8, 8), np.uint8), mode)
    with pytest.raises(InputError, match=rf"\A.*{name}: expected 8- or 16-bit grey or RGB.*{mode}.*\Z"):
        read(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused_in_one_line(save, name, share):
    path = save(name, np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=rf"\A.*{name}: can not be decoded.*copy the file again.*\Z"):
        read_image(path)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif"])
def test_a_file_cut_anywhere_is_whole_or_refused(save, suffix):
    path = save(f"a.{suffix}", np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8))
    data, pixels = path.read_bytes(), read_image(path)
    for length in range(0, len(data), 3):
        path.write_bytes(data[:length])
        with suppress(InputError):
            np.testing.assert_array_equal(read_image(path), pixels)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_what_is_no_image_is_refused_in_one_line(tmp_path, read):
    path = tmp_path / "notes.png"
    path.write_text("image,label\n")
    with pytest.raises(InputError, match=r"\A.*notes\.png: not an image file.*\Z"):
        read(path)


@pytest.mark.parametrize("read", [read_image, image_size])
def test_an_absent_file_is_named(tmp_path, read):
    with pytest.raises(InputError, match=r"\A.*absent\.png: no such file\Z"):
        read(tmp_path / "absent.png")


@pytest.mark.parametrize("read", [read_image, image_size])
def test_a_folder_is_refused_in_one_line(tmp_path, read):
    with pytest.raises(InputError, match=r"\A.*can not be decoded.*\Z"):
        read(tmp_path)


def test_a_folder_that_can_not_be_made_is_said_in_one_line(existing, pixels):
    with pytest.raises(RunError, match=r"\A.*a\.png: can not be written.*choose another folder\Z"):
        write_png(existing / "a.png", pixels)
    assert existing.read_text() == "before"


@pytest.mark.parametrize(("failure", "seen"), [(KeyError, KeyError), (OSError("disk full"), RunError)])
def test_a_failure_leaves_the_old_file_and_nothing_else(existing, failure, seen):
    def fail_midway():
        with atomic_path(existing) as draft:
            draft.write_text("half")
            raise failure

    with pytest.raises(seen):
        fail_midway()
    assert list(existing.parent.iterdir()) == [existing]
    assert existing.read_text() == "before"


def test_the_old_file_stands_until_the_new_one_is_whole(existing):
    with atomic_path(existing) as draft:
        draft.write_text("after")
        assert existing.read_text() == "before"
    assert existing.read_text() == "after"
    assert list(existing.parent.iterdir()) == [existing]


def test_the_draft_of_a_killed_process_is_taken_over(existing):
    with atomic_path(existing) as draft:
        draft.write_text("after")
    draft.write_text("a draft that nobody finished, and longer")
    with atomic_path(existing) as again:
        assert not again.exists()
        again.write_text("last")
    assert list(existing.parent.iterdir()) == [existing]


def test_tensors_and_pixels_are_the_same_image(pixels):
    tensor = to_tensor(pixels)
    for index, channel in enumerate(tensor.numpy()):
        np.testing.assert_array_equal(channel, pixels if pixels.ndim == 2 else pixels[:, :, index])
    np.testing.assert_array_equal(from_tensor(tensor, grey=is_grey(pixels)), pixels)


def test_a_digest_is_of_values_shape_and_depth_but_not_of_layout(pixels):
    digest = pixel_digest(pixels)
    assert pixel_digest(np.asfortranarray(pixels)) == digest
    others = [pixels ^ np.uint8(1), pixels.reshape(9, 7, -1), pixels.view(np.int8)]
    assert len({digest, *map(pixel_digest, others)}) == 4
