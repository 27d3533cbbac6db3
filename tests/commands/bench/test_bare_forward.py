"""The same members, computed in other ways: the same answers, by other means."""

import pytest
import torch
from torch import nn

from miad.commands.bench.bare_forward import WAYS, working_ways
from miad.targets import Ensemble, load_target

COMPILED = ("compiled", "bfloat16, compiled")


@pytest.fixture
def ensemble(zoo):
    return Ensemble([load_target(path) for path in zoo[:2]])


@pytest.fixture
def images():
    return torch.randint(0, 256, (4, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def eager(monkeypatch):
    """Compiling that traces the network but needs no compiler and no minutes."""
    compile_ = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda network, **options: compile_(network, backend="eager", **options))


def convolved(network, images):
    """What the first convolution is given and answers with."""
    seen = []
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    handle = first.register_forward_hook(lambda _, given, output: seen.append((given[0], output)))
    with torch.no_grad():
        network(images)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("name", WAYS)
def test_the_answers_are_those_of_the_search(ensemble, images, eager, name):
    with torch.no_grad():
        expected = ensemble(images)
        found = WAYS[name](ensemble)(images)
        assert torch.equal(ensemble(images), expected)  # which goes on as it was
    assert torch.allclose(found, expected, atol=0.03 if "bfloat16" in name else 1e-4)
    assert not torch.equal(found, expected) or name == "compiled"


@pytest.mark.parametrize("name", [name for name in WAYS if name not in COMPILED])
def test_each_way_is_what_it_is_called(ensemble, images, name):
    given, output = convolved(WAYS[name](ensemble), images)
    assert given.is_contiguous() is ("channels first" in name)
    assert output.is_contiguous() is ("channels first" in name)
    assert output.dtype == (torch.bfloat16 if "bfloat16" in name else torch.float32)


def test_the_search_itself_has_channels_last(ensemble, images):
    given, output = convolved(ensemble, images)
    assert given.is_contiguous(memory_format=torch.channels_last)
    assert output.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", COMPILED)
def test_classifiers_are_compiled(ensemble, images, monkeypatch, name):
    compiled = []
    monkeypatch.setattr(nn.Module, "compile", lambda network, **options: compiled.append((network, options)))
    copies = [target.network for target in _members(WAYS[name](ensemble))]
    assert [network for network, _ in compiled] == copies
    assert all(options == {"dynamic": False} for _, options in compiled)
    assert not set(copies) & {target.network for target in ensemble.members}


def _members(network):
    return getattr(network, "ensemble", network).members


def test_what_fails_when_it_is_tried_is_left_out_and_said(ensemble, eager, capsys):
    def attempt(network):
        if "Half" in type(network).__name__:
            raise RuntimeError("no bfloat16 on this device")

    assert list(working_ways(ensemble, attempt)) == ["channels first", "compiled"]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"bare forward pass, {name}: does not work here (no bfloat16 on this device)"
        for name in ("bfloat16", "bfloat16, channels first", "bfloat16, compiled")
    ]


def test_a_mistake_of_ours_is_not_taken_for_a_missing_compiler(ensemble):
    def attempt(network):
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        working_ways(ensemble, attempt)
