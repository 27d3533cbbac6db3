"""A network that is named twice, by whatever paths and names, is refused before anything is written."""

import shutil

import pytest

from miad.commands.attack import attack
from miad.commands.each_once import check_each_once
from miad.commands.evaluate import transfer
from miad.commands.vaccines import load_removers
from miad.errors import InputError
from miad.search import RandomSearch

from .conftest import save_remover, save_run


def test_networks_that_differ_pass():
    check_each_once("classifier", [])
    check_each_once("classifier", [("a", "1"), ("b", "2"), ("c", "3")])


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ("a1 b2 a1", "expected every classifier once, found a, b, a: a is named twice; leave one out"),
        ("a1 b2 c1", "expected every classifier once, found a, b, c: a and c have the same weights; leave one out"),
        ("a1 b2 a3", "expected every classifier once, found a, b, a; rename one or leave it out"),
    ],
)
def test_what_is_the_same_about_two_is_said(networks, message):
    with pytest.raises(InputError) as caught:
        check_each_once("classifier", [(word[0], word[1]) for word in networks.split()])
    assert str(caught.value) == message


@pytest.fixture
def nets(tmp_path):
    """A classifier, the same by other paths and under another name, and one that differs."""
    one = save_run(tmp_path / "nets" / "one", 0)
    shutil.copytree(one, tmp_path / "nets" / "copy")
    (tmp_path / "link").symlink_to(one)
    return {
        "one": one,
        "dotted": one / ".." / "one",
        "checkpoint": one / "checkpoints" / "best.ckpt",
        "copy": tmp_path / "nets" / "copy",
        "link": tmp_path / "link",
        "two": save_run(tmp_path / "nets" / "two", 1),
    }


@pytest.mark.parametrize("again", ["one", "dotted", "checkpoint", "copy", "link"])
@pytest.mark.parametrize("option", ["sources", "unseen"])
def test_the_same_classifier_is_refused_by_an_attack(nets, phantom, make_run, again, option):
    words = {"sources": f"{nets['one']},{nets['two']}"}
    words[option] = f"{words.get(option, nets['two'])},{nets[again]}" if option == "sources" else str(nets[again])
    with pytest.raises(
        InputError, match=r"\Aexpected every classifier once, found one, two, \w+: one .*leave one out\Z"
    ):
        attack(phantom(), run=make_run(), search=RandomSearch(), ensemble=True, **words)
    assert not make_run().folder.exists()


def test_the_same_model_is_refused_by_a_transfer_table(nets, phantom, make_run):
    with pytest.raises(InputError, match=r"found one, two, copy: one and copy have the same weights; leave one out\Z"):
        transfer(phantom(), f"{nets['one']},{nets['two']}", make_run(), unseen=str(nets["copy"]), searches="random")
    assert not make_run().folder.exists()


def test_the_same_remover_is_refused(tmp_path):
    one = save_remover(tmp_path / "nets" / "one", "wdnet", 2)
    other = save_remover(tmp_path / "nets" / "other", "wdnet", 2, seed=1)
    assert list(load_removers(f"{one},{other}")) == ["one", "other"]
    copy = shutil.copytree(one, tmp_path / "nets" / "copy")
    with pytest.raises(InputError, match=r"\Aexpected every remover once, found one, other, copy: one and copy have"):
        load_removers(f"{one},{other},{copy}")
    with pytest.raises(InputError, match=r"\Aexpected every remover once, found one, one: one is named twice; leave"):
        load_removers(f"{one},{one / 'checkpoints' / 'best.ckpt'}")
