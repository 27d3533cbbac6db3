"""What a list or pattern chooses of a key: the images that are meant, and never another's."""

from dataclasses import replace

import pytest

from miad.commands.subset import choose_records
from miad.errors import InputError
from miad.keys import open_key
from tests.keys.samples import a_key, marked_images

NAMES = [
    ("one", "case0/1.png"),
    ("two", "case1/1.png"),
    ("scan[12].png", "scans/3.png"),
    ("scan1.png", "scans/1.png"),
    ("case[01]/1.png", "case2/1.png"),
    ("case3/1.png", "case3/2.png"),
    ("seven", "case3/1.png"),
]
"""Ids and paths; the last path is the id of the one before."""


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    """A function that returns the ids of the images that a subset chooses."""
    monkeypatch.chdir(tmp_path)
    images = [
        (original, marked, replace(record, image=id_, file=file))
        for (original, marked, record), (id_, file) in zip(marked_images(len(NAMES)), NAMES, strict=True)
    ]
    issuer = a_key(tmp_path / "a.miadkey", images)
    ids = {record.marked: record.image for _, _, record in images}

    def choose(subset):
        with open_key(tmp_path / "a.miadkey", issuer.identity) as key:
            return {ids[marked] for marked in choose_records(key, subset)}

    return choose


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        ("one", {"one"}),
        ("case1/1.png", {"two"}),
        ("case[01]/*", {"one", "two"}),
        ("scan[12].png", {"scan[12].png"}),
        ("scan[1].png", {"scan1.png"}),
        ("scans/*", {"scan[12].png", "scan1.png"}),
        ("t*,seven", {"two", "seven"}),
    ],
)
def test_words_of_the_command_line_are_names_or_else_patterns(chosen, subset, expected):
    assert chosen(subset) == expected


@pytest.mark.parametrize("head", ["", "image\n"])
def test_what_is_listed_is_a_name_and_never_a_pattern(chosen, tmp_path, head):
    path = tmp_path / ("list.csv" if head else "list.txt")
    path.write_text(f"{head}scan[12].png\ncase[01]/1.png\none\n")
    assert chosen(path.name) == {"scan[12].png", "case[01]/1.png", "one"}
    for pattern in ("case[01]/*", "scan?.png", "*"):
        path.write_text(f"{head}one\n{pattern}\n")
        with pytest.raises(InputError, match=r"\A--subset: expected names of images of [^\n]*, which is of none\Z"):
            chosen(path.name)


def test_a_name_that_means_two_images_is_refused(chosen, tmp_path):
    (tmp_path / "list.txt").write_text("case3/1.png\n")
    for subset in ("case3/1.png", "list.txt", "case3/*", "case?/1.png"):
        with pytest.raises(InputError, match=r"\A--subset: expected a name of images of [^\n]*, which means some by"):
            chosen(subset)
    assert chosen("case3/2.png,seven") == {"case3/1.png", "seven"}
