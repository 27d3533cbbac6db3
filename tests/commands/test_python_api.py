"""A few lines of Python do what the command line does, and leave the caller's things as they were."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import miad
from miad import Key, Target, protect, recover
from miad.commands.attack import attack
from miad.errors import InputError, KeyMismatchError
from miad.imaging import read_image
from miad.keys import Identity, write_identity
from miad.search import HeuristicEvolution, RandomSearch, Status, Stop
from miad.targets import load_target
from tests.conftest import BrightSpots

from .conftest import quiet, read

README = Path(miad.__file__).parent.parent / "README.md"


class Spots(torch.nn.Module):
    """Reads floats, as other people's classifiers do."""

    def __init__(self, seed):
        super().__init__()
        self.spots = BrightSpots(seed).layers.float()

    def forward(self, images):
        return 3 * self.spots(images)


@pytest.fixture
def arrays(phantom):
    """Images, labels, masks and ids."""
    dataset = phantom().split("test")
    every = range(len(dataset))
    masks = [dataset.lesion_mask(index) for index in every]
    return [dataset.pixels(index) for index in every], dataset.labels, masks, dataset.ids


@pytest.fixture
def targets():
    return [Target.of(Spots(seed), 32) for seed in (1, 2)]


def few(count=5, shape=(40, 48, 3)):
    return list(np.random.default_rng(0).integers(0, 256, (count, *shape)).astype(np.uint8))


@pytest.mark.parametrize(("name", "search"), [("learned", None), ("he_sit", HeuristicEvolution(sit=1, catalogue=4))])
def test_the_marks_are_those_of_the_command_line(zoo, phantom, arrays, tmp_path, name, search):
    images, labels, masks, ids = arrays
    run = quiet("run", tmp_path)
    attack(phantom(), f"{zoo[0]},{zoo[1]}", run, ensemble=True, images=6, **({"search": search} if search else {}))
    sources = [load_target(zoo[0]), load_target(zoo[1])]
    protected = protect(images, labels, sources, masks, ids=ids, search=search or name)
    rows = read(run.folder / "attack.csv")
    assert [str(status) for status in protected.status] == [row["status"] for row in rows]
    assert [str(count) for count in protected.queries] == [row["queries"] for row in rows]
    assert len(set(protected.status)) > 1
    for image, row in zip(protected.images, rows, strict=True):
        assert np.array_equal(image, read_image(run.folder / "marked" / row["image"]))
    protected.save_key(tmp_path / "own.miadkey")
    with Key(tmp_path / "own.miadkey") as own, Key(run.folder / "run.miadkey") as theirs:
        assert dict(own.records) == dict(theirs.records)
        assert own.renderings.keys() == theirs.renderings.keys()


def test_originals_come_back_and_marks_keep_off_the_masks(arrays, targets, tmp_path):
    images, labels, masks, _ = arrays
    protected = protect(images, labels, targets, masks, search="random")
    protected.save_key(tmp_path / "ward.miadkey")
    originals = recover(protected.images, Key(tmp_path / "ward.miadkey"))
    assert all(np.array_equal(one, other) for one, other in zip(originals, images, strict=True))
    for image, marked, mask in zip(images, protected.images, masks, strict=True):
        assert (marked != image).any()
        assert not (marked != image)[mask].any()


def test_success_is_that_of_the_returned_pixels(arrays, targets):
    images, labels, _, _ = arrays
    protected = protect(images, labels, targets, search="he")
    assert {Status.SUCCESS, Status.SKIPPED} <= set(protected.status)

    def mean(pixels):
        batch = torch.from_numpy(np.stack([pixels] * 3))[None]
        with torch.no_grad():
            return torch.stack([target(batch)[0] for target in targets])

    for image, marked, label, status in zip(images, protected.images, labels, protected.status, strict=True):
        if (mean(image).argmax(1) != label).any():
            assert status is Status.SKIPPED
        else:
            assert (mean(marked).mean(0).argmax() != label) == (status is Status.SUCCESS)


def test_only_the_people_named_open_the_key(targets, tmp_path):
    alice, images = Identity.generate(), few()
    write_identity(tmp_path / "alice.key", alice)
    (tmp_path / "alice.pub").write_text(alice.recipient)
    protected = protect(images, [0] * 5, targets, search="random")
    protected.save_key(tmp_path / "ward.miadkey", to=[tmp_path / "alice.pub"])
    assert {p.name for p in tmp_path.iterdir()} == {"alice.key", "alice.pub", "ward.miadkey", "ward.miadgrant"}
    with pytest.raises(InputError, match="is encrypted"):
        Key(tmp_path / "ward.miadkey")
    key = Key(tmp_path / "ward.miadkey", identity=tmp_path / "alice.key", grant=tmp_path / "ward.miadgrant")
    assert np.array_equal(recover(protected.images, key), images)
    for bad in ((), [tmp_path / "alice.pub"]):
        with pytest.raises(InputError, match="never replaced"):
            protected.save_key(tmp_path / "ward.miadkey", to=bad)
    assert "AGE-SECRET" not in repr(protected)
    assert repr(protected) == "<Protected: 5 of 5 images>"


def test_images_of_any_size_and_those_without_room(targets, tmp_path):
    images = [few(1, (40, 48, 3))[0], few(1, (64, 50))[0], few(1, (40, 40))[0]]
    masks = [None, None, np.ones((40, 40), bool)]
    protected = protect(images, [0, 1, 2], targets, masks, search="random")
    assert protected.status[2] is Status.INFEASIBLE
    assert protected.images[2] is None
    protected.save_key(tmp_path / "a.miadkey")
    back = recover(protected.images, Key(tmp_path / "a.miadkey"))
    assert back[2] is None
    assert all(np.array_equal(one, other) for one, other in zip(back[:2], images[:2], strict=True))


def test_nothing_of_the_caller_s_is_changed(targets):
    """His networks, his images, his random numbers."""
    network = Spots(3).train()
    images, frozen = few(), network.spots[0].weight.requires_grad_(requires_grad=False)
    before = [image.copy() for image in images], {name: value.clone() for name, value in network.state_dict().items()}
    state, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  (the global one)
    protect(images, [0] * 5, [Target.of(network, 32)], search="random")
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002
    assert network.training
    assert [p.requires_grad for p in network.parameters()] == [p is not frozen for p in network.parameters()]
    assert all(torch.equal(value, before[1][name]) for name, value in network.state_dict().items())
    assert np.array_equal(images, before[0])


def test_what_is_random_is_fixed_by_seed_and_id(targets):
    images = few()
    one, two = (protect(images, [0] * 5, targets, search="random", batch_size=size) for size in (3, 50))
    assert np.array_equal(one.images, two.images)
    alone = protect(images[3:4], [0], targets, ids=["3"], search="random")
    assert np.array_equal(alone.images[0], one.images[3])
    assert not np.array_equal(protect(images, [0] * 5, targets, search="random", seed=1).images, one.images)


def test_a_network_s_own_preprocessing_is_applied():
    network, images = Spots(1), torch.from_numpy(np.stack(few(3, (32, 32, 3)))).permute(0, 3, 1, 2)
    target = Target.of(network, 32, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    unit = images.double().numpy() / 255
    expected = (unit - np.reshape((0.1, 0.2, 0.3), (3, 1, 1))) / np.reshape((0.5, 0.6, 0.7), (3, 1, 1))
    with torch.no_grad():
        logits = network(torch.from_numpy(expected).float())
        assert torch.allclose(target(images), logits.softmax(1), atol=1e-5)
    assert (target.name, target.classes) == ("Spots", ("0", "1", "2"))


class Flat(Spots):
    def forward(self, images):
        return images.mean((1, 2, 3))


class Mixing(Spots):
    """Answers depend on the batch."""

    def forward(self, images):
        return (images - images.mean(0)).flatten(1)[:, :3] * 50


NO_TARGETS = {
    "no logits": lambda: Target.of(Flat(0), 32),
    "another size": lambda: Target.of(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 2)), 32),
    "two means": lambda: Target.of(Spots(0), 32, mean=(0.5, 0.5)),
    "no deviation": lambda: Target.of(Spots(0), 32, std=(0.5, 0.5, 0)),
    "four names": lambda: Target.of(Spots(0), 32, classes="abcd"),
    "no parameters": lambda: Target.of(torch.nn.Flatten(), 32),
    "no size": lambda: Target.of(Spots(0), 0),
}


@pytest.mark.parametrize("kind", NO_TARGETS)
def test_what_is_no_target_is_one_line(kind):
    with pytest.raises(InputError, match=r"\Aexpected [^\n]*found [^\n]*\Z"):
        NO_TARGETS[kind]()


BAD = {
    "expected one or more images": {"images": []},
    "expected 5 labels": {"labels": [0]},
    "label 2: expected a class from 0 to 2, found 3": {"labels": [0, 1, 3, 0, 0]},
    "label 0: expected the index of a class": {"labels": [0.5] * 5},
    "image 0: expected uint8 pixels of .* found uint16": {"images": [few(1)[0].astype(np.uint16), *few(4)]},
    r"image 4: .* found uint8 of \(4, 40, 48\)": {"images": [*few(4), np.zeros((4, 40, 48), np.uint8)]},
    r"mask 1: expected bool of \(40, 48\)": {"masks": [None, np.ones((2, 2), bool), None, None, None]},
    "expected 5 masks": {"masks": [None]},
    "expected ids that differ": {"ids": ["a"] * 5},
    "alpha": {"alpha": (0, 300)},
    "expected a search of .*learned.* found 'fast'": {"search": "fast"},
    "expected at least one source": {"targets": []},
    "seed": {"seed": -1},
    "batch_size": {"batch_size": 0},
    "weights": {"weights": [1, 2, 3]},
    "another.png": {"logo": "another.png"},
    "alone and beside others": {"targets": [Target.of(Mixing(0), 32)]},
}


@pytest.mark.parametrize("expected", BAD)
def test_a_bad_argument_is_one_line(targets, expected):
    given = {"images": few(), "labels": [0] * 5, "targets": targets, "search": "random"} | BAD[expected]
    with pytest.raises(InputError, match=rf"\A[^\n]*{expected}[^\n]*\Z"):
        protect(given.pop("images"), given.pop("labels"), given.pop("targets"), given.pop("masks", None), **given)


def test_a_changed_image_is_named(targets, tmp_path):
    protected = protect(few(), [0] * 5, targets, search="random")
    protected.save_key(tmp_path / "a.miadkey")
    images = list(protected.images)
    images[3] = images[3] ^ 1
    with pytest.raises(KeyMismatchError, match=r"\Aimage 3: these pixels are those of no image of this key"):
        recover(images, Key(tmp_path / "a.miadkey"))


def test_a_budget_and_a_strategy_are_taken(targets):
    read_as = [int(targets[0](torch.from_numpy(image).permute(2, 0, 1)[None]).argmax()) for image in few()]
    stop = Stop(margin=1.0, budget=7)
    assert protect(few(), read_as, targets[:1], search=RandomSearch(50), stop=stop).queries == (7,) * 5


def test_the_lines_in_the_readme_run(tmp_path, monkeypatch, arrays):
    """As they stand there, with things of one's own before them."""
    monkeypatch.chdir(tmp_path)
    images, labels, masks, _ = arrays
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (lines,) = (block for block in blocks if "protect(" in block)
    names = {"images": images[:4], "labels": labels[:4], "masks": masks[:4], "network": Spots(1)}
    exec(compile(lines, "README.md", "exec"), names)  # what a reader would do
    assert all(np.array_equal(one, other) for one, other in zip(names["originals"], images[:4], strict=True))


def test_the_version_is_there_without_torch():
    """The command line's help must not wait for it."""
    code = (
        "import sys, miad; print(miad.__version__, 'torch' in sys.modules, sorted(set(miad.__all__) - set(dir(miad))))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == f"{miad.__version__} False []\n"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = miad.nothing
