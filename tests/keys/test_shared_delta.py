"""A delta that many images share lies in the key once."""

from dataclasses import replace

import numpy as np
import pytest

from miad.errors import InputError
from miad.keys import (
    Issuer,
    Shared,
    add_part,
    check_records,
    open_key,
    picture_of,
    recover_folder,
    seal_record,
    shared_delta,
    write_key,
)
from miad.keys.record import make_record, restore, unblend

from .samples import RENDERINGS, a_folder, a_rendering, marked_image

SHARED = Shared(8, picture_of(np.random.default_rng(0).integers(-8, 9, (3, 9, 7)).astype(np.int8)))


def vaccinated(index):
    """A marked image over the shared delta, by the arithmetic of the tests' own."""
    original, _, record = marked_image(index, colour=index % 2 == 1)
    rows, columns = (np.arange(n)[:, None] for n in original.shape[:2])
    levels = SHARED.picture.rgb.astype(int)[rows % 9, columns.T % 7] - 128
    levels = levels if original.ndim == 3 else levels[..., 0]
    spared = (original < 8) | (original > 247)
    host = np.where(spared, original, original + levels).astype(np.uint8)
    rendering = RENDERINGS[record.rendering]
    m = np.where(rendering.coverage == 255, record.alpha, 0).astype(int)
    logo = rendering.rgb.astype(int) if host.ndim == 3 else rendering.rgb[..., 0].astype(int)
    m = m[..., None] if host.ndim == 3 else m
    marked = host.copy()
    part = marked[record.y : record.y + 5, record.x : record.x + 7]
    part[...] = (m * logo + (255 - m) * part.astype(int) + 127) // 255
    place = (record.x, record.y, record.alpha)
    again = make_record(
        record.image, record.file, original, host, marked, place, rendering, record.rendering, pattern=SHARED
    )
    return original, marked, again


@pytest.fixture(scope="module")
def images():
    return [vaccinated(index) for index in range(4)]


def a_key(path, images, renderings):
    issuer = Issuer.generate()
    write_key(path, [seal_record(record, issuer.recipient) for _, _, record in images], renderings, issuer)
    return issuer


WHOLE = {**RENDERINGS, SHARED.digest: SHARED.picture}


def test_images_come_back_by_the_delta_that_they_share(images, tmp_path):
    issuer = a_key(tmp_path / "a.miadkey", images, WHOLE)
    with open_key(tmp_path / "a.miadkey", issuer.identity) as key:
        for original, marked, record in images:
            assert shared_delta(record.delta) == SHARED.digest
            assert len(record.delta) < 40 + 0.1 * original.size  # a name, and what is not certain
            assert np.array_equal(key.restore(marked), original)
        assert list(check_records(key)) == [""] * len(images)
        folder = a_folder(tmp_path / "marked", images)
        assert [found.problem for found in recover_folder(key, folder, tmp_path / "out")] == [""] * len(images)


def test_who_has_a_part_has_the_shared_delta(images, tmp_path):
    issuer = a_key(tmp_path / "a.miadkey", images, WHOLE)
    identity = add_part(tmp_path / "a.miadkey", issuer, "some", [images[1][2].marked])
    with open_key(tmp_path / "a.miadkey", identity) as key:
        assert len(key.records) == 1
        assert np.array_equal(key.restore(images[1][1]), images[1][0])


def test_a_missing_shared_delta_is_told(images, tmp_path):
    issuer = a_key(tmp_path / "a.miadkey", images, RENDERINGS)
    with open_key(tmp_path / "a.miadkey", issuer.identity) as key:
        with pytest.raises(InputError, match="the key is damaged: a delta that images share is missing"):
            key.restore(images[0][1])
        assert all("a delta that images share is missing" in problem for problem in check_records(key))
        folder = a_folder(tmp_path / "marked", images)
        problems = [found.problem for found in recover_folder(key, folder, tmp_path / "out")]
        assert all("a delta that images share is missing" in problem for problem in problems)
        assert not (tmp_path / "out").exists()


def test_another_picture_of_its_size_is_not_taken_for_it(images, tmp_path):
    other = replace(SHARED, picture=picture_of(np.ones((3, 9, 7), np.int8)))
    issuer = a_key(tmp_path / "a.miadkey", images, {**RENDERINGS, SHARED.digest: other.picture})
    with (
        open_key(tmp_path / "a.miadkey", issuer.identity) as key,
        pytest.raises(InputError, match="a rendering stands where another belongs"),
    ):
        key.restore(images[0][1])


def smooth(delta):
    """An image like a wave under a large mark, over the shared delta or over another that is said to be it."""
    rows, columns = np.mgrid[:90, :100]
    original = (120 + 60 * np.sin(rows / 9) * np.cos(columns / 7)).astype(np.uint8)
    host = (original + delta).astype(np.uint8)
    rendering = a_rendering(0, 80, 90)
    weight = np.where(rendering.coverage == 255, 200, 0)
    marked = host.copy()
    part = marked[4:84, 5:95]
    part[...] = (weight * rendering.rgb[..., 0].astype(int) + (255 - weight) * part.astype(int) + 127) // 255
    return original, host, marked, rendering


def test_a_shared_delta_helps_to_expect_the_host():
    rows, columns = np.mgrid[:90, :100]
    original, host, marked, rendering = smooth(SHARED.picture.rgb[rows % 9, columns % 7, 0].astype(int) - 128)
    about = original, host, marked, (5, 4, 200), rendering, "-"
    with_pattern, without = (make_record("a", "a.png", *about, pattern=pattern) for pattern in (SHARED, None))
    assert len(with_pattern.remainder) < 0.7 * len(without.remainder)
    assert np.array_equal(unblend(marked, with_pattern, rendering, SHARED.picture), host)
    assert np.array_equal(restore(marked, with_pattern, rendering, SHARED.picture), original)
    with pytest.raises(InputError, match="missing"):
        unblend(marked, with_pattern, rendering)


def test_a_delta_that_is_not_what_it_is_said_to_be_comes_off_all_the_same():
    original, host, marked, rendering = smooth(np.random.default_rng(3).integers(-8, 9, (90, 100)))
    record = make_record("a", "a.png", original, host, marked, (5, 4, 200), rendering, "-", pattern=SHARED)
    assert np.array_equal(restore(marked, record, rendering, SHARED.picture), original)
