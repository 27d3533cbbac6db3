"""The bench of growth changes one thing at a time; how fast the engine is, no test asks."""

import json

import pytest
import torch

from miad.cli import main
from miad.commands.bench import growth as bench_module
from miad.commands.bench.engine_speed import measure_engine
from miad.commands.bench.growth import growth
from miad.data import Phantom
from miad.errors import InputError
from miad.search import LEARNED, HeuristicEvolution

from ..conftest import assert_agree

HE = HeuristicEvolution(population=3, generations=1)
FEW = {"images": "2,3", "batch_sizes": "8,4", "sizes": "48,64", "repeats": 1}


@pytest.fixture
def phantom():
    """Enough images for networks of random weights to read some of them at every size."""
    return Phantom("brain", 48, train=0, val=0, test=120)


@pytest.fixture
def sources(zoo):
    return f"{zoo[0]},{zoo[1]}"


@pytest.fixture
def benches(monkeypatch):
    """What was measured."""
    made = []
    monkeypatch.setattr(
        bench_module, "measure_engine", lambda bench, *more: (made.append(bench), measure_engine(bench, *more))[1]
    )
    return made


def test_one_thing_changes_at_a_time_and_the_table_and_the_file_agree(sources, phantom, shown, benches, tmp_path):
    growth(phantom, sources, HE, **FEW, json=tmp_path / "growth.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "growth.json").read_text())["rows"]
    assert title.startswith("base: 2 images of 48x48, 2 sources, batches of 8; medians of 1; memory of the ")
    assert header == ("", "candidates/s", "of bare", "of one by one", "full", "peak MiB")
    names = ["base", "images 3", "batches of 4", "members 1", "size 64"]
    assert [row[0] for row in rows] == [one["name"] for one in numbers] == names
    for row, one in zip(rows, numbers, strict=True):
        speed = one["speed"]
        assert_agree(row[1:4], [speed[name] for name in ("engine", "engine_of_forward", "engine_of_one_by_one")])
        assert_agree([row[4].rstrip("%"), row[5]], [100 * speed["filled"], speed["memory"]])
    found = [
        (len(own.ids), own.batch_size, len(own.task.sources.members), tuple(own.hosts.shape[-2:])) for own in benches
    ]
    base = (2, 8, 2, (48, 48))
    assert found == [base, (3, *base[1:]), (2, 4, *base[2:]), (2, 8, 1, (48, 48)), (*base[:3], (64, 64))]
    assert benches[1].ids[:2] == benches[0].ids
    assert all(own.ids == benches[0].ids for own in benches[2:])
    assert [target.name for target in benches[3].task.sources.members] == ["one"]


def test_by_default_members_and_sizes_are_the_data_s_own(sources, phantom, shown, benches):
    growth(phantom, sources, HE, images="2", batch_sizes="8", repeats=1)
    assert [row[0] for row in shown[0][2]] == ["base", "members 1", "size 96"]
    assert benches[0].hosts.shape == (2, 3, 48, 48)


def test_the_lesions_grow_with_the_images(zoo, phantom, shown, benches):
    growth(phantom, str(zoo[0]), HE, images="2", batch_sizes="8", sizes="48,96", repeats=1)
    small, large = benches
    for one, other in zip(small.spaces, large.spaces, strict=True):
        shares = [float(own.corners[0].float().mean()) for own in (one, other)]
        assert shares[0] < 1  # lesions keep some corners free
        assert shares[1] == pytest.approx(shares[0], abs=0.1)
    shrunk = torch.nn.functional.avg_pool2d(large.hosts.float(), 2)
    for one, other in zip(small.hosts, shrunk, strict=True):
        assert torch.corrcoef(torch.stack([one.flatten().float(), other.flatten()]))[0, 1] > 0.98


def test_too_few_images_are_refused(sources, phantom, benches):
    expected = r"\Aexpected 121 images that 2 sources read correctly [^\n]*, found \d+; give smaller --images\Z"
    with pytest.raises(InputError, match=expected):
        growth(phantom, sources, HE, **FEW | {"images": "2,121"})
    assert not benches


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"images": "none"}, "expected images of whole numbers"),
        ({"batch_sizes": ""}, "expected batch_sizes of whole numbers"),
        ({"sizes": "0"}, "expected sizes of whole numbers"),
        ({"members": "3,1"}, "expected at most 2 members, as many as there are sources, found 3"),
        ({"repeats": 0}, "expected repeats of at least 1"),
        ({"search": LEARNED}, "expected a search that learns nothing"),
    ],
)
def test_bad_options_are_refused(sources, phantom, options, expected):
    with pytest.raises(InputError, match=expected):
        growth(phantom, sources, **options)


def test_images_of_several_sizes_need_a_size(zoo, shown, monkeypatch):
    whole = Phantom("brain", 48, train=0, val=0, test=12)
    dataset = whole.split("test")
    own = type(dataset).__getitem__

    def uneven(self, index):
        item = own(self, index)
        return item._replace(image=item.image[:, :44], lesion=item.lesion[:44]) if index % 2 else item

    monkeypatch.setattr(type(dataset), "__getitem__", uneven)
    options = {"images": "2", "batch_sizes": "8", "repeats": 1}
    expected = r"\Aexpected square images of one size, found 48x44 and 48x48; give --sizes or --data.size\Z"
    with pytest.raises(InputError, match=expected):
        growth(whole, str(zoo[0]), HE, **options)
    growth(whole, str(zoo[0]), HE, **options, sizes="40")
    assert [row[0] for row in shown[0][2]] == ["base"]


def test_it_is_a_command(zoo, capsys):
    data = ["--data", "Phantom", "--data.size", "32", "--data.train", "0", "--data.val", "0", "--data.test", "40"]
    few = ["--images", "2", "--batch_sizes", "8", "--sizes", "32,40", "--repeats", "1", "--search", "random"]
    with pytest.raises(SystemExit) as stop:
        main(["bench", "growth", *data, "--sources", str(zoo[0]), *few])
    assert stop.value.code == 0
    assert "size 40" in capsys.readouterr().out
