"""Names of output files: below one folder, one an image, the same wherever and whenever they are made."""

import posixpath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from miad.data import output_names

parts = st.sampled_from(["a", "b", "..", "_", "a.b"])
suffixes = st.sampled_from(["", ".png", ".jpg", ".png.jpg", ".tar.gz"])
paths = st.builds(lambda folders, stem, suffix: "/".join([*folders, stem + suffix]), st.lists(parts), parts, suffixes)
images = st.lists(
    paths.filter(lambda path: not path.endswith("..")), min_size=1, max_size=8, unique_by=posixpath.normpath
)


@pytest.mark.parametrize(
    ("ids", "names"),
    [
        (["scans/a/1.jpg", "scans/b/1.jpg"], ["a/1.png", "b/1.png"]),
        (["scans/1.jpg", "scans/2.tif"], ["1.png", "2.png"]),
        (["1.jpg", "1.tif", "2.jpg"], ["1.jpg.png", "1.tif.png", "2.png"]),
        (["/data/x/1.png", "/data/y/z/2.png"], ["x/1.png", "y/z/2.png"]),
        (["../other/1.png", "../other/2.png"], ["1.png", "2.png"]),
        (["a/1.png", "ab/2.png"], ["a/1.png", "ab/2.png"]),
        (["scan.2023.jpg", "scan.2024.jpg"], ["scan.2023.png", "scan.2024.png"]),
        (["brain-00001.png"], ["brain-00001.png"]),
    ],
)
def test_names_follow_the_ids_below_their_common_folder(ids, names):
    assert output_names(ids) == dict(zip(ids, names, strict=True))


@given(images)
@example(["a.png", "a.jpg", "a.png.jpg"])
@example(["../a.png", "_/a.png"])
def test_every_image_has_a_file_of_its_own(ids):
    assert len(set(output_names(ids).values())) == len(ids)


@given(images)
def test_every_name_is_a_png_inside_the_folder(ids):
    for name in output_names(ids).values():
        assert name.endswith(".png")
        assert not name.startswith("/")
        assert ".." not in name.split("/")


@given(images)
def test_names_do_not_depend_on_the_order(ids):
    assert output_names(ids[::-1]) == output_names(ids)


def test_names_do_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    ids = ["/data/1.png", "scans/2.png", "../3.png"]
    names = output_names(ids)
    for folder in (tmp_path, "/"):
        monkeypatch.chdir(folder)
        assert output_names(ids) == names
