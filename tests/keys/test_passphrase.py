"""What a passphrase opens, and what keeps it from opening."""

import re

import pyrage
import pytest

from miad.errors import InputError
from miad.keys.passphrase import open_with_passphrase, seal_with_passphrase


def test_what_is_sealed_opens():
    assert open_with_passphrase(seal_with_passphrase(b"words", "pass"), "pass", "a") == b"words"


def test_more_work_than_the_machine_can_do_is_no_wrong_passphrase():
    sealed = bytes(pyrage.passphrase.encrypt(b"words", "pass"))
    dear = re.sub(rb"(-> scrypt \S+ )\d+\n", rb"\g<1>40\n", sealed)
    with pytest.raises(InputError, match=r"\Aa: this machine is too slow or too busy to try a passphrase; try later\Z"):
        open_with_passphrase(dear, "pass", "a")
    with pytest.raises(InputError, match=r"\Aa: the passphrase is wrong, or the file is damaged\Z"):
        open_with_passphrase(sealed, "word", "a")
