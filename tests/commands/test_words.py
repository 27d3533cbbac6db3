"""Options that name several numbers."""

import pytest

from miad.commands.words import read_counts
from miad.errors import InputError


def test_counts_keep_their_order_and_come_once():
    assert read_counts("images", " 16, 4,16,64,") == [16, 4, 64]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "nothing"), (",", "nothing"), ("4,0", "'0'"), ("-1", "'-1'"), ("1.5", "'1.5'"), ("a", "'a'")],
)
def test_other_words_are_refused(text, found):
    expected = rf"\Aexpected images of whole numbers of at least 1, separated by commas, found {found}\Z"
    with pytest.raises(InputError, match=expected):
        read_counts("images", text)
