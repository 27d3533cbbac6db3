"""Fundus photographs become squares around the disc, once. Patterns with .* allow one line only."""

import os

import numpy as np
import pytest

from miad.data.disc import DiscDataset, Square, cut, find_disc
from miad.data.files import ImageFile
from miad.errors import InputError
from miad.imaging import write_png


def dark(height, width, *bright):
    """Black with the camera's noise; ``bright`` are rows and columns of blocks in green."""
    pixels = np.random.default_rng(0).integers(0, 10, (height, width, 3), dtype=np.uint8)
    for rows, columns in bright:
        pixels[rows, columns, 1] = 200
    return pixels


@pytest.fixture
def root(tmp_path):
    """A folder of one photograph, 20 x 30, whose disc is left of the middle and has a colour a quarter."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[2:18, 5:21] = 100
    pixels[2:10, 5:13, 0] = 250
    pixels[10:18, 13:21, 2] = 250
    write_png(tmp_path / "eyes" / "a.png", pixels)
    return tmp_path


@pytest.fixture
def discs(root):
    """A function that makes the data set of the photograph, with the masks named."""

    def discs(*masks, side=8, size=None):
        file = ImageFile("eyes/a.png", root / "eyes" / "a.png", 0, masks=tuple(root / mask for mask in masks))
        return DiscDataset([file], size, root, side, root / "cache")

    return discs


@pytest.fixture
def draw(root):
    """A function that writes a mask of the photograph's size with one block of lesion."""

    def draw(name, rows, columns):
        mask = np.zeros((20, 30), np.uint8)
        mask[rows, columns] = 255
        write_png(root / name, mask)

    return draw


def quarters(side):
    """The photograph's disc at another side."""
    pixels = np.full((side, side, 3), 100, np.uint8)
    pixels[: side // 2, : side // 2, 0] = pixels[side // 2 :, side // 2 :, 2] = 250
    return pixels


def date(path, seconds):
    """Make a file older or newer than it is."""
    os.utime(path, ns=(0, path.stat().st_mtime_ns + seconds * 10**9))


@pytest.mark.parametrize(
    ("photograph", "square"),
    [
        (dark(14, 20, (slice(2, 12), slice(5, 15))), Square(5, 2, 10)),
        (dark(14, 20, (slice(2, 12), slice(10, 20))), Square(10, 2, 10)),
        (dark(8, 20, (slice(0, 8), slice(4, 16))), Square(4, -2, 12)),
        (dark(20, 9, (slice(3, 18), slice(0, 9))), Square(-3, 3, 15)),
        (dark(9, 20, (4, slice(3, 16)), (slice(2, 7), 9)), Square(3, -2, 13)),
        (dark(9, 9, (2, 3), (5, 7)), Square(3, 1, 5)),
    ],
    ids=["whole", "off-centre", "cut off at top and bottom", "cut off at the sides", "cross", "two points"],
)
def test_the_square_is_centred_on_what_is_not_dark(photograph, square):
    assert find_disc(photograph) == square


def test_a_grey_photograph_has_a_disc_too():
    assert find_disc(dark(14, 20, (slice(2, 12), slice(5, 15)))[..., 1]) == Square(5, 2, 10)


def test_noise_of_20_grey_levels_is_dark_and_21_is_not():
    photograph = np.full((6, 6, 3), 20, np.uint8)
    photograph[2, 4, 2] = 21
    assert find_disc(photograph) == Square(4, 2, 1)


@pytest.mark.parametrize("shape", [(6, 10), (6, 10, 3)])
def test_a_photograph_that_is_dark_everywhere_is_kept_whole(shape):
    assert find_disc(np.full(shape, 5, np.uint8)) == Square(0, -2, 10)


@pytest.mark.parametrize(
    "square", [Square(2, 1, 4), Square(0, 0, 9), Square(-2, 1, 5), Square(5, -3, 7), Square(-3, -4, 20)]
)
@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 3)])
def test_a_cut_is_black_beyond_the_edges(shape, square):
    pixels = np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)
    around = np.pad(pixels, [(30, 30), (30, 30), (0, 0)][: len(shape)])
    expected = around[30 + square.y :, 30 + square.x :][: square.side, : square.side]
    np.testing.assert_array_equal(cut(pixels, square), expected)


def test_pixels_are_the_disc_at_the_given_side(discs):
    np.testing.assert_array_equal(discs(side=16).pixels(0), quarters(16))
    half = discs(side=8).pixels(0)
    corners = np.ix_([0, 1, 2, 5, 6, 7], [0, 1, 2, 5, 6, 7])  # the middle is mixed from neighbours
    np.testing.assert_array_equal(half[corners], quarters(8)[corners])
    assert half.shape == (8, 8, 3)


def test_a_disc_that_is_cut_off_is_not_stretched(root, discs):
    write_png(root / "eyes" / "a.png", dark(8, 20, (slice(0, 8), slice(4, 16))))
    pixels = discs(side=12).pixels(0)
    assert np.flatnonzero((pixels[..., 1] == 200).all(axis=1)).tolist() == list(range(2, 10))
    assert not pixels[[0, 1, 10, 11]].any()


def test_a_grey_photograph_stays_grey(root, discs):
    write_png(root / "eyes" / "a.png", np.full((20, 30), 90, np.uint8))
    assert discs().pixels(0).shape == (8, 8)
    assert discs()[0].grey


@pytest.mark.parametrize("size", [None, 5])
def test_items_have_the_announced_shape(discs, draw, size):
    draw("ma.png", 4, 4)
    dataset = discs("ma.png", size=size)
    side = size or 8
    assert dataset.shape(0) == tuple(dataset[0].image.shape[1:]) == tuple(dataset[0].lesion.shape) == (side, side)


def test_masks_follow_the_photograph_into_the_square(discs, draw):
    draw("ma.png", slice(6, 8), slice(15, 17))  # two by two pixels become one
    assert np.argwhere(discs("ma.png").lesion_mask(0)).tolist() == [[2, 5]]


def test_lesions_beside_the_disc_are_outside_of_the_square(discs, draw):
    draw("ma.png", slice(0, 20), slice(22, 30))
    assert not discs("ma.png").lesion_mask(0).any()


def test_the_mask_is_the_union_of_all(discs, draw):
    draw("ma.png", 2, 5)
    draw("he.png", 17, 20)
    assert np.argwhere(discs("ma.png", "he.png").lesion_mask(0)).tolist() == [[0, 0], [7, 7]]
    assert discs().lesion_mask(0) is None


@pytest.mark.parametrize("side", [2, 3, 5])
def test_a_lesion_of_one_pixel_survives_shrinking(discs, draw, side):
    draw("ma.png", 2, 5)
    draw("he.png", 11, 14)  # the tenth row and column of sixteen
    assert np.argwhere(discs("ma.png", side=side).lesion_mask(0)).tolist() == [[0, 0]]
    assert [9 * side // 16] * 2 in np.argwhere(discs("he.png", side=side).lesion_mask(0)).tolist()


def test_a_mask_of_another_size_is_refused_in_one_line(root, discs):
    write_png(root / "ma.png", np.zeros((16, 16), np.uint8))
    with pytest.raises(InputError, match=r"\A.*ma\.png: expected a mask of 30x20 as .*a\.png, found 16x16\Z"):
        discs("ma.png").check()


def test_nothing_is_written_before_pixels_are_asked_for(root, discs):
    dataset = discs()
    assert dataset.shape(0) == (8, 8)
    assert not (root / "cache").exists()
    dataset.pixels(0)
    assert [path.name for path in (root / "cache").rglob("*.png")] == ["a.png.png"]


def test_the_second_read_decodes_the_square_and_not_the_photograph(root, discs, draw):
    draw("ma.png", 6, 15)
    discs("ma.png").check()
    square, mask = (next((root / "cache").rglob(f"{name}.png.png")) for name in ("a", "ma"))
    write_png(square, np.full((8, 8, 3), 7, np.uint8))
    write_png(mask, np.full((8, 8), 255, np.uint8))
    assert (discs("ma.png").pixels(0) == 7).all()
    assert discs("ma.png").lesion_mask(0).all()


def test_a_newer_photograph_is_cut_again_and_its_mask_with_it(root, discs, draw):
    draw("ma.png", 6, 15)
    discs("ma.png").check()
    moved = np.zeros((20, 30, 3), np.uint8)
    moved[2:18, 7:23] = 180  # two pixels further right, which is one in the square
    write_png(root / "eyes" / "a.png", moved)
    date(root / "eyes" / "a.png", 1)
    assert (discs("ma.png").pixels(0) == 180).all()
    assert np.argwhere(discs("ma.png").lesion_mask(0)).tolist() == [[2, 4]]


def test_a_newer_mask_is_cut_again(root, discs, draw):
    draw("ma.png", 6, 15)
    discs("ma.png").check()
    draw("ma.png", 16, 5)
    date(root / "ma.png", 1)
    assert np.argwhere(discs("ma.png").lesion_mask(0)).tolist() == [[7, 0]]


def test_each_side_is_kept_by_itself(discs):
    assert [discs(side=side).pixels(0).shape[0] for side in (8, 4, 8)] == [8, 4, 8]


def test_a_photograph_that_has_gone_is_missed_although_its_square_is_kept(root, discs):
    discs().check()
    (root / "eyes" / "a.png").unlink()
    with pytest.raises(InputError, match=r"\A.*eyes/a\.png: no such file\Z"):
        discs().pixels(0)


def test_a_side_of_nothing_is_refused_in_one_line(discs):
    with pytest.raises(InputError, match=r"\Aexpected side of at least 1, found 0\Z"):
        discs(side=0)
