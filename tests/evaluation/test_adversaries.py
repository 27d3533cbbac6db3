"""Adversaries that know nothing of the logo, against Pillow, SciPy, torch and their own definitions; and the names."""

from dataclasses import fields
from io import BytesIO

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from miad.errors import InputError
from miad.evaluation.adversaries import (
    ADVERSARIES,
    Blur,
    Inpaint,
    Jpeg,
    Median,
    NonLocalMeans,
    Nothing,
    Resize,
    VisibleMark,
    adversary,
)
from miad.lesions import Box
from miad.watermark import Logo, TextureOptions

LOGO = Logo("square", np.full((6, 6, 4), 255, dtype=np.uint8))


def smooth(*shape):
    """A smooth picture with some noise."""
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, shape), (0, 0), 2) * 3 - 255 + rng.normal(0, 4, shape)
    return picture.clip(0, 255).astype(np.uint8)


def square_mark(shape, top=3, left=4, side=6):
    coverage = np.full((side, side), 255, dtype=np.uint8)
    return VisibleMark.of(LOGO, coverage, (left, top), shape[:2], "binary")


def everything(shape):
    return VisibleMark.of(LOGO, np.full(shape[:2], 255, dtype=np.uint8), (0, 0), shape[:2], "binary")


GREY, COLOUR = smooth(30, 25), smooth(30, 25, 3)
MARK = square_mark(GREY.shape)


def test_a_visible_mark_holds_no_secret():
    assert {field.name for field in fields(VisibleMark)} == {"box", "mask", "logo", "mode", "texture"}
    texture = TextureOptions(64, insecure_secret="a secret after all")
    assert VisibleMark.of(LOGO, np.ones((2, 2), np.uint8), (0, 0), (8, 9), "soft", texture).texture == TextureOptions(
        64
    )


def test_a_visible_mark_shows_where_a_rendering_is_drawn():
    coverage = np.array([[0, 1], [255, 0], [0, 7]], dtype=np.uint8)
    mark = VisibleMark.of(LOGO, coverage, (4, 2), (8, 9), "soft")
    assert mark.box == Box(x=4, y=2, width=2, height=3)
    assert mark.mask.shape == (8, 9)
    assert np.argwhere(mark.mask).tolist() == [[2, 5], [3, 4], [4, 5]]
    assert mark.mask[mark.window].shape == mark.size == (3, 2)


@pytest.mark.parametrize("name", [*ADVERSARIES, "jpeg:10", "median:5", "blur:3", "resize:0.3", "inpaint_ns:2"])
@pytest.mark.parametrize("shape", [(30, 25), (30, 25, 3), (9, 7), (7, 11, 3), (1, 5), (4, 4, 3), (1, 1)])
def test_shape_and_type_are_kept_and_the_input_left_alone(name, shape):
    image = smooth(*shape)
    before = image.copy()
    mark = square_mark(shape) if min(shape[:2]) > 10 else everything(shape)
    cleaned = adversary(name)(image, mark)
    assert cleaned.shape == shape
    assert cleaned.dtype == np.uint8
    assert cleaned is not image
    assert (image == before).all()


@pytest.mark.parametrize("name", ADVERSARIES)
def test_any_memory_layout_will_do(name):
    turned = np.asfortranarray(COLOUR)
    assert (adversary(name)(turned, MARK) == adversary(name)(COLOUR, MARK)).all()


def test_nothing_does_nothing():
    assert (Nothing()(COLOUR, MARK) == COLOUR).all()


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("quality", [10, 75])
def test_jpeg_is_what_pillow_writes_and_reads(image, quality):
    file = BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=quality)
    assert (Jpeg(quality)(image, MARK) == np.asarray(Image.open(BytesIO(file.getvalue())))).all()


@pytest.mark.parametrize("size", [3, 5, 9])
def test_median_is_that_of_scipy(size):
    assert (Median(size)(GREY, MARK) == ndimage.median_filter(GREY, size, mode="nearest")).all()
    assert (Median(size)(COLOUR, MARK) == ndimage.median_filter(COLOUR, (size, size, 1), mode="nearest")).all()


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_nlm_takes_off_what_is_fine_and_leaves_edges(image):
    steps = np.where(np.arange(image.shape[1]) < image.shape[1] // 2, 60, 180).astype(np.uint8)
    plain = np.broadcast_to(steps if image.ndim == 2 else steps[:, None], image.shape)
    noise = 8 * np.random.default_rng(0).choice([-1, 1], image.shape)
    cleaned = NonLocalMeans()((plain + noise).astype(np.uint8), MARK).astype(int)
    assert np.abs(cleaned - plain).mean() < 3  # of 8
    assert (cleaned[:, -3] - cleaned[:, 2]).min() > 100


@pytest.mark.parametrize("sigma", [0.7, 1, 2])
def test_blur_is_that_of_scipy(sigma):
    expected = ndimage.gaussian_filter(COLOUR.astype(float), (sigma, sigma, 0), mode="mirror", truncate=3)
    assert np.abs(Blur(sigma)(COLOUR, MARK) - expected).max() <= 1


def test_resize_averages_blocks_and_interpolates_them_as_torch_does():
    image = smooth(32, 24, 3)
    blocks = image.reshape(16, 2, 12, 2, 3).mean((1, 3)).round()
    planes = torch.from_numpy(blocks).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(planes, size=(32, 24), mode="bicubic")[0].permute(1, 2, 0)
    assert np.abs(Resize(0.5)(image, MARK) - expected.clamp(0, 255).numpy()).max() <= 2


def test_resize_goes_through_fewer_pixels_the_smaller_its_factor():
    variation = [np.abs(np.diff(Resize(factor)(GREY, MARK).astype(int), axis=0)).sum() for factor in (0.2, 0.4, 0.8)]
    assert variation == sorted(variation)


@pytest.mark.parametrize("method", ["telea", "ns"])
@pytest.mark.parametrize("margin", [0, 1, 2])
def test_inpainting_changes_the_grown_mask_alone(method, margin):
    grown = np.zeros(GREY.shape, dtype=bool)
    grown[3 - margin : 9 + margin, 4 - margin : 10 + margin] = True
    for image in (GREY, COLOUR):
        painted = Inpaint(method, margin)(image, MARK)
        assert (painted[~grown] == image[~grown]).all()
        flags = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[method]
        assert (painted == cv2.inpaint(image, grown.astype(np.uint8), 3, flags)).all()


def test_inpainting_sees_nothing_of_what_it_paints_over():
    other = COLOUR.copy()
    other[MARK.mask] = 255 - other[MARK.mask]
    assert (Inpaint()(COLOUR, MARK) == Inpaint()(other, MARK)).all()


@pytest.mark.parametrize(
    "name",
    [*ADVERSARIES, "jpeg:50", "median:5", "nlm:8", "blur:1.5", "resize:0.25", "inpaint_telea:0", "inpaint_ns:2"],
)
def test_an_adversary_has_the_name_it_was_asked_for(name):
    assert adversary(name).name == name


def test_parameters_reach_the_filters():
    assert adversary("jpeg:50") == Jpeg(50)
    assert adversary("median:5") == Median(5)
    assert adversary("nlm:8") == NonLocalMeans(8)
    assert adversary("blur:1.5") == Blur(1.5)
    assert adversary("resize:0.25") == Resize(0.25)
    assert adversary("inpaint_ns:2") == Inpaint("ns", 2)
    assert adversary("jpeg:75").name == "jpeg"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("jepg", ["'jepg'", "did you mean jpeg?", *ADVERSARIES]),
        ("knownlogo:3", ["'knownlogo:3'", "did you mean known_logo?"]),
        ("zzz", ["'zzz'", *ADVERSARIES]),
        ("", ["''", *ADVERSARIES]),
        ("nothing:1", ["'nothing:1'", "jpeg, median, nlm, blur, resize"]),
        ("jpeg:", ["'jpeg:'", "jpeg:50"]),
        ("jpeg:high", ["'jpeg:high'", "jpeg:50"]),
        ("jpeg:50.5", ["'jpeg:50.5'", "jpeg:50"]),
        ("jpeg:0", ["between 1 and 100", "0"]),
        ("jpeg:101", ["between 1 and 100", "101"]),
        ("median:4", ["odd", "4"]),
        ("median:1", ["between 3 and 255", "1"]),
        ("median:257", ["between 3 and 255", "257"]),
        ("nlm:0", ["above 0", "0"]),
        ("nlm:nan", ["above 0", "nan"]),
        ("nlm:256", ["up to 255", "256"]),
        ("blur:0", ["above 0", "0"]),
        ("blur:nan", ["above 0", "nan"]),
        ("blur:inf", ["up to 255", "inf"]),
        ("resize:1", ["between 0 and 1", "1"]),
        ("resize:-0.5", ["between 0 and 1", "-0.5"]),
        ("resize:nan", ["between 0 and 1", "nan"]),
        ("inpaint_ns:-1", ["between 0 and 255", "-1"]),
    ],
)
def test_wrong_names_and_parameters_are_refused_in_one_line(name, words):
    with pytest.raises(InputError) as caught:
        adversary(name)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_the_extremes_that_are_allowed_work():
    names = ("jpeg:1", "jpeg:100", "median:255", "nlm:255", "nlm:0.01", "blur:255", "blur:0.01", "resize:0.001")
    for name in (*names, "resize:0.999"):
        assert adversary(name)(COLOUR, MARK).shape == COLOUR.shape
