"""Processes that share the work open the very key that the first one opened, or say why they do not."""

from dataclasses import replace

import pytest

from miad.errors import InputError
from miad.keys import Issuer, open_key
from miad.keys.workers import map_over_processes

from .samples import RENDERINGS, a_key
from .test_plain_keys import RECORDS, write_plain


def number_of_images(key, _):
    return len(key.records)


def test_every_process_opens_the_key(path, issuer, images):
    key = open_key(path, issuer.identity)
    assert list(map_over_processes(key, number_of_images, range(3), 2)) == [len(images)] * 3


@pytest.mark.parametrize("forged", [False, True])
def test_a_key_that_took_the_place_of_the_open_one_is_not_read(path, issuer, images, forged):
    """Neither another state of the issuer's key nor a forger's, whose records everybody can seal."""
    key = open_key(path, issuer.identity)
    other = Issuer(issuer.recipient, Issuer.generate().signer) if forged else issuer
    path.unlink()
    a_key(path, images[:2], other)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: the key was replaced while it was being read; start again"):
        list(map_over_processes(key, number_of_images, range(3), 2))


def test_an_early_key_that_another_takes_the_place_of_is_not_read(tmp_path):
    """It is not signed, so that all of it is compared."""
    path, record = tmp_path / "a.miadkey", RECORDS[0]
    write_plain(path, RECORDS, RENDERINGS)
    key = open_key(path)
    assert list(map_over_processes(key, number_of_images, range(3), 2)) == [len(RECORDS)] * 3
    path.unlink()
    write_plain(path, [replace(record, x=record.x + 1), *RECORDS[1:]], RENDERINGS)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: the key was replaced while it was being read; start again"):
        list(map_over_processes(key, number_of_images, range(3), 2))


def test_what_keeps_a_process_from_opening_the_key_is_said(path, issuer):
    key = open_key(path, issuer.identity)
    path.write_bytes(b"no key")
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected a key of miad, found a damaged or other file"):
        list(map_over_processes(key, number_of_images, range(3), 2))
