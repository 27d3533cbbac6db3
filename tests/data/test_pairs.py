"""Images with and without a random mark: the compositor's own pixels, marks of all sizes anywhere, the right logos."""

import numpy as np
import pytest
import torch

from miad.data import (
    DEFAULT_PAIRS,
    ImageDataModule,
    ImageDataset,
    MarkedPairs,
    Pair,
    PairDataModule,
    PairOptions,
    RandomMarker,
    draw_mark,
    make_pair,
)
from miad.errors import InputError
from miad.watermark import Logo, fit, load_logos


class Noise(ImageDataset):
    """Random pixels; every second file is grey if asked for."""

    def __init__(self, ids, shape=(32, 32), grey=False):
        super().__init__(ids, [0] * len(ids))
        self.shapes, self.grey = [shape] * len(ids), grey

    def pixels(self, index):
        grey = self.grey and index % 2 == 1
        shape = self.shapes[index] if grey else (*self.shapes[index], 3)
        return np.random.default_rng(list(self.ids[index].encode())).integers(0, 256, shape, dtype=np.uint8)


class Data(ImageDataModule):
    classes = ("x", "y")

    def __init__(self, shape=(32, 32), **options):
        super().__init__(**{"batch_size": 4, "augment": False, **options})
        counts = {"train": 10, "val": 6, "test": 5}
        self.sets = {
            name: Noise([f"{name}{number}" for number in range(count)], shape) for name, count in counts.items()
        }

    def splits(self):
        return self.sets


def bar(name, height, width):
    """A logo of one form and many colours."""
    colours = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Logo(name, np.dstack([colours, np.full((height, width), 255, np.uint8)]))


WIDE, TALL = bar("wide", 20, 80), bar("tall", 80, 20)
FEW = {"logos": "random:3,emblem", "held_out": "wordmark"}


def marks(count, shape=(32, 32), logos=(WIDE,), **options):
    generator = np.random.default_rng(0)
    return [draw_mark(logos, shape, PairOptions(**options), generator, grey=False) for _ in range(count)]


def composed(image, alpha, mark):
    """The blend in floats, written from its formula; 255 is odd, so that there are no ties."""
    image, alpha, mark = (part.numpy().astype(float) for part in (image, alpha, mark))
    return torch.from_numpy(np.rint((alpha * mark + (255 - alpha) * image) / 255).astype(np.uint8))


def levels(pair):
    """The opacities that a pair's mark has."""
    return set(pair.alpha[pair.alpha > 0].tolist())


def same(first, second):
    return all(torch.equal(*parts) for parts in zip(first, second, strict=True))


@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_marked_pixels_are_the_blend_of_image_and_mark(mode):
    logos = load_logos("random:5,emblem,wordmark")
    dataset = Noise([f"{number}" for number in range(40)], grey=True)
    for index, pair in enumerate(MarkedPairs(dataset, logos, PairOptions(alpha_mode=mode), seed=1)):
        assert [(part.dtype, tuple(part.shape)) for part in pair] == [
            (torch.uint8, (channels, 32, 32)) for channels in (3, 3, 1, 3)
        ]
        assert torch.equal(pair.image, dataset[index].image)
        assert torch.equal(pair.marked, composed(pair.image, pair.alpha, pair.mark))
        outside = (pair.alpha == 0).expand(3, -1, -1)
        assert torch.equal(pair.marked[outside], pair.image[outside])
        assert not pair.mark[outside].any()
        assert (pair.alpha > 0).any()
        assert not torch.equal(pair.marked, pair.image)


def test_a_hard_mark_has_one_opacity_and_a_soft_one_many():
    logos, dataset = load_logos("emblem,wordmark"), Noise([f"{number}" for number in range(20)])
    hard, soft = (
        [levels(pair) for pair in MarkedPairs(dataset, logos, PairOptions(alpha_mode=mode), seed=0)]
        for mode in ("binary", "soft")
    )
    assert all(len(own) == 1 for own in hard)
    assert all(len(own) > 1 for own in soft)
    assert all(max(own) <= 220 for own in soft)


def test_opacities_lie_in_their_range_and_reach_its_ends():
    found = [mark.alpha for mark in marks(400, alpha_min=7, alpha_max=30)]
    assert (min(found), max(found)) == (7, 30)
    assert len(set(found)) == 24
    assert {mark.alpha for mark in marks(20, alpha_min=255, alpha_max=255)} == {255}


@pytest.mark.parametrize("scale", [1, 1.5, 2, 3])
def test_a_mark_is_as_large_as_its_scale_says(scale):
    """However a wide logo is turned, on a tall image its width is what limits it."""
    found = {mark.rendering.coverage.shape[1] for mark in marks(50, (96, 64), scale_min=scale, scale_max=scale)}
    assert found == {fit((20, 80), (96, 64), scale)[1]}


def test_scales_lie_in_their_range_and_reach_its_ends():
    found = [mark.rendering.coverage.shape[1] for mark in marks(400, (96, 64), scale_min=1.5, scale_max=4)]
    smallest, largest = (fit((20, 80), (96, 64), scale)[1] for scale in (4, 1.5))
    assert (min(found), max(found)) == (smallest, largest)
    assert len(set(found)) > 0.8 * (largest - smallest)


def test_a_quarter_of_the_marks_is_plain_and_others_are_turned():
    """A turned bar is higher than a plain one."""
    plain = fit((20, 80), (96, 64), 2)[0]
    heights = np.array([mark.rendering.coverage.shape[0] for mark in marks(400, (96, 64), scale_min=2, scale_max=2)])
    assert heights.min() == plain
    assert 0.15 < (heights == plain).mean() < 0.4
    assert heights.max() > 1.8 * plain


def test_marks_reach_all_four_edges_and_never_leave_the_image():
    shape = (32, 48)
    touched = np.zeros(4, bool)
    for mark in marks(500, shape, (WIDE, TALL)):
        height, width = mark.rendering.coverage.shape
        assert 0 <= mark.x <= shape[1] - width
        assert 0 <= mark.y <= shape[0] - height
        touched |= [mark.x == 0, mark.y == 0, mark.x == shape[1] - width, mark.y == shape[0] - height]
        alpha = mark.planes(shape)[0][0]
        ys, xs = alpha.nonzero(as_tuple=True)
        assert ((mark.y <= ys) & (ys < mark.y + height)).all()
        assert ((mark.x <= xs) & (xs < mark.x + width)).all()
        assert int((alpha > 0).sum()) == np.count_nonzero(mark.rendering.coverage)
    assert touched.all()


def test_a_mark_as_large_as_the_image_has_one_place():
    whole = marks(30, (32, 32), (bar("square", 30, 30),), scale_min=1, scale_max=1)
    assert {(mark.x, mark.y) for mark in whole if mark.rendering.coverage.shape == (32, 32)} == {(0, 0)}


def test_pairs_to_validate_on_depend_on_seed_and_id_only():
    ids = ["a", "b", "c", "d"]
    logos = load_logos(FEW["logos"])
    pairs = MarkedPairs(Noise(ids), logos, DEFAULT_PAIRS, seed=3)
    backwards = MarkedPairs(Noise(ids[::-1]), logos, DEFAULT_PAIRS, seed=3)
    first = [pairs[index] for index in range(4)]
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002  (no global generator has a say)
    assert all(same(first[index], backwards[3 - index]) for index in (2, 0, 3, 1))
    other = MarkedPairs(Noise(ids), logos, DEFAULT_PAIRS, seed=4)
    assert not any(same(first[index], other[index]) for index in range(4))
    assert len({pair.alpha.numpy().tobytes() for pair in first}) == 4


def test_pairs_to_train_on_differ_between_readings_and_follow_torch_s_seed():
    pairs = PairDataModule(Data(), PairOptions(**FEW), 0).pairs("train")

    def readings(seed):
        torch.manual_seed(seed)
        return [pairs[0] for _ in range(3)]

    first, second, third = readings(1)
    assert not any(torch.equal(one.alpha, other.alpha) for one, other in ((first, second), (second, third)))
    assert torch.equal(first.image, second.image)
    assert all(same(*both) for both in zip((first, second, third), readings(1), strict=True))
    assert not same(first, readings(2)[0])


def test_only_the_training_images_are_augmented():
    data = PairDataModule(Data(augment=True), PairOptions(**FEW), 0)
    torch.manual_seed(0)
    for split in ("train", "val", "test"):
        pairs = data.pairs(split)
        stored = [torch.equal(pairs[index].image, data.split(split)[index].image) for index in range(5)]
        assert all(stored) == (split != "train")
    image, marked, alpha, mark = data.pairs("train")[1]
    assert torch.equal(marked, composed(image, alpha, mark))


def test_test_images_get_the_held_out_logos_and_all_others_the_rest(monkeypatch):
    monkeypatch.setattr("miad.data.pairs.load_logos", {"these": [WIDE], "those": [TALL]}.__getitem__)
    options = {"logos": "these", "held_out": "those", "scale_min": 1.5, "scale_max": 2}
    data = PairDataModule(Data(), PairOptions(**options), 0)
    torch.manual_seed(0)
    for split, is_wide in (("train", True), ("val", True), ("test", False)):
        pairs = data.pairs(split)
        assert len(pairs) == {"train": 10, "val": 6, "test": 5}[split]
        for index in range(len(pairs)):
            ys, xs = pairs[index].alpha[0].nonzero(as_tuple=True)
            assert (torch.max(xs) - torch.min(xs) > torch.max(ys) - torch.min(ys)) == is_wide


def test_grey_files_get_grey_marks_and_others_coloured_ones():
    pairs = MarkedPairs(Noise([f"{number}" for number in range(10)], grey=True), [WIDE], DEFAULT_PAIRS, seed=0)
    for index, pair in enumerate(pairs):
        for part in (pair.image, pair.marked, pair.mark):
            equal = torch.equal(part[0], part[1]) and torch.equal(part[1], part[2])
            assert equal == (index % 2 == 1)


@pytest.mark.parametrize("workers", [0, 1])
def test_loaders_give_batches_of_pairs(workers):
    data = PairDataModule(Data(workers=workers), PairOptions(**FEW), 5)
    torch.manual_seed(0)
    train = data.train_dataloader()
    first, second = (list(train) for _ in range(2))
    for batches, sizes in (
        (first, [4, 4]),
        (list(data.val_dataloader()), [4, 2]),
        (list(data.test_dataloader()), [4, 1]),
    ):
        assert [len(batch.image) for batch in batches] == sizes
        for batch in batches:
            assert isinstance(batch, Pair)
            assert [(part.dtype, tuple(part.shape[1:])) for part in batch] == [
                (torch.uint8, (channels, 32, 32)) for channels in (3, 3, 1, 3)
            ]
    assert not any(torch.equal(own.alpha, other.alpha) for own in first for other in second)
    assert len({mark.numpy().tobytes() for batch in first for mark in batch.alpha}) == 8
    whole = Pair(*(torch.cat(parts) for parts in zip(*data.val_dataloader(), strict=True)))
    assert all(same([part[index] for part in whole], data.pairs("val")[index]) for index in range(6))


def test_images_of_different_sizes_are_refused_in_one_line():
    data = Data()
    data.sets["val"].shapes[1] = (40, 48)
    pairs = PairDataModule(data, PairOptions(**FEW), 0)
    assert pairs.pairs("val")[1].marked.shape == (3, 40, 48)
    with pytest.raises(InputError, match=r"\Aexpected images of one size, found 32x32 and 48x40; give a data\.size\Z"):
        list(pairs.val_dataloader())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scale_min": 0.9}, "scale_min of at least 1, found 0.9"),
        ({"scale_min": float("nan")}, "scale_min of at least 1, found nan"),
        ({"scale_min": 3.0, "scale_max": 2.9}, "scale_max of at least 3.0, found 2.9"),
        ({"alpha_min": 0}, "alpha_min of at least 1, found 0"),
        ({"alpha_min": 100, "alpha_max": 99}, "alpha_max of at least 100, found 99"),
        ({"alpha_max": 256}, "alpha_max of at most 255, found 256"),
    ],
)
def test_ranges_that_hold_nothing_are_refused(options, words):
    with pytest.raises(InputError, match=rf"\Aexpected {words}\Z"):
        PairOptions(**options)


def test_ranges_of_one_value_are_taken():
    assert PairOptions(scale_min=1, scale_max=1, alpha_min=1, alpha_max=1).scale_max == 1
    assert PairOptions(alpha_min=255, alpha_max=255).alpha_max == 255


@pytest.mark.parametrize("options", [{"logos": ""}, {"held_out": "random:0"}, {"logos": "shield"}])
def test_a_check_refuses_logos_that_can_not_be_loaded(options):
    pairs = PairDataModule(Data(), PairOptions(**(FEW | options)), 0)
    with pytest.raises(InputError, match=r"\Aexpected [^\n]*logo[^\n]*\Z"):
        pairs.check("train", "test")


def test_logos_are_loaded_only_where_they_are_needed():
    for unread, asked in (("logos", ["test"]), ("held_out", ["train", "val"])):
        pairs = PairDataModule(Data(), PairOptions(**(FEW | {unread: "shield"})), 0)
        pairs.check(*asked)
        with pytest.raises(InputError, match=r"found no .shield"):
            getattr(pairs, unread)


def test_images_too_small_for_any_logo_are_refused_in_one_line():
    pairs = PairDataModule(Data((5, 5)), PairOptions(**FEW), 0)
    pairs.logos = pairs.held_out = [WIDE]
    for loader in (pairs.train_dataloader(), pairs.val_dataloader(), pairs.test_dataloader()):
        with pytest.raises(
            InputError, match=r"\Aan image of 5x5 is too small: the logo would be \d+x\d+; give [^\n]*\Z"
        ):
            next(iter(loader))


def test_a_check_finds_images_that_no_logo_fits_before_the_work_starts():
    """Every image of the splits that are asked for, each with its own logos."""
    data = Data()
    pairs = PairDataModule(data, PairOptions(**FEW), 0)
    pairs.check("train", "val", "test")
    pairs.held_out = [bar("thin", 1, 400)]
    pairs.check("train", "val")
    with pytest.raises(InputError, match=r"\Aan image of 32x32 is too small: the logo would be [^\n]*\Z"):
        pairs.check("train", "test")
    data.sets["val"].shapes[3] = (4, 5)
    pairs.check("train")
    with pytest.raises(InputError, match=r"\Aexpected images of one size, found 5x4 and 32x32; give [^\n]*\Z"):
        pairs.check("val")
    data.batch_size = 1
    with pytest.raises(InputError, match=r"\Aan image of 5x4 is too small: the logo would be [^\n]*\Z"):
        pairs.check("val")


def test_a_logo_too_thin_for_the_image_is_passed_over_for_another():
    thin = bar("thin", 1, 400)
    with pytest.raises(InputError, match="too small"):
        marks(1, logos=(thin,), scale_min=4, scale_max=4)
    found = marks(50, logos=(thin, bar("square", 30, 30)), scale_min=4, scale_max=4)
    assert {max(mark.rendering.coverage.shape) for mark in found} == {8}


def test_making_a_pair_leaves_image_and_logo_as_they_are():
    image = torch.full((3, 32, 32), 9, dtype=torch.uint8)
    (mark,) = marks(1)
    before = mark.rendering.rgb.copy()
    pair = make_pair(image, mark)
    assert (image == 9).all()
    assert (mark.rendering.rgb == before).all()
    assert levels(pair) == {mark.alpha}


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def map_and_colours(marker, seed, shape=(32, 40)):
    """What a marker puts on: it is linear in the host, so that a black and a white one tell all."""
    black, white = (marker(torch.full((1, 3, *shape), value), generators(seed))[0].double() for value in (0.0, 1.0))
    alpha = 255 * (1 - white + black)
    colours = 255 * 255 * black / alpha.clamp(min=1)
    assert (alpha - alpha[:1].round()).abs().max() < 1e-3
    assert (colours - colours.round()).abs().max() < 1e-2
    return alpha[:1].round(), colours.round()


@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_a_marker_is_within_half_a_grey_level_of_the_compositor(mode):
    marker = RandomMarker(load_logos("emblem,random:2"), PairOptions(alpha_mode=mode))
    hosts = torch.randint(0, 256, (8, 3, 32, 40), generator=torch.Generator().manual_seed(0)).float()
    marked = marker(hosts / 255, generators(*range(8))) * 255
    for seed in range(8):
        alpha, colours = map_and_colours(marker, seed)
        assert (alpha > 0).any()
        difference = marked[seed] - composed(hosts[seed], alpha, colours)
        assert difference.abs().max() < 0.501
        assert torch.equal(marked[seed][(alpha == 0).expand(3, -1, -1)], hosts[seed][(alpha == 0).expand(3, -1, -1)])


def test_gradients_flow_through_a_marker_as_far_as_the_host_is_seen():
    marker = RandomMarker([WIDE], PairOptions(alpha_min=60, alpha_max=60))
    hosts = torch.rand(2, 3, 32, 40, requires_grad=True)
    marker(hosts, generators(4, 5)).sum().backward()
    for seed, gradient in zip((4, 5), hosts.grad, strict=True):
        alpha, _ = map_and_colours(marker, seed)
        assert set(alpha.unique().tolist()) == {0, 60}
        torch.testing.assert_close(gradient, (1 - alpha / 255).expand(3, -1, -1).float())


def test_a_marker_leaves_its_hosts_as_they_are():
    hosts = torch.rand(2, 3, 32, 40)
    before = hosts.clone()
    RandomMarker([WIDE], DEFAULT_PAIRS)(hosts, generators(0, 1))
    assert torch.equal(hosts, before)


def test_a_mark_depends_on_its_image_s_own_generator_only():
    marker, hosts = RandomMarker([WIDE, TALL], DEFAULT_PAIRS), torch.rand(3, 3, 32, 40)
    torch.manual_seed(0)
    together = marker(hosts, generators(7, 8, 9))
    torch.manual_seed(1)
    alone = torch.cat([marker(hosts[index][None], generators(seed)) for index, seed in ((0, 7), (1, 8), (2, 9))])
    assert torch.equal(together, alone)
    assert not torch.equal(map_and_colours(marker, 7)[0], map_and_colours(marker, 8)[0])


def test_the_next_mark_of_a_generator_is_another():
    marker, hosts, own = RandomMarker([WIDE], DEFAULT_PAIRS), torch.rand(1, 3, 32, 40), generators(3)
    first, second = (marker(hosts, own) for _ in range(2))
    assert not torch.equal(first, second)


def test_a_generator_for_every_image_is_asked_for():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        RandomMarker([WIDE], DEFAULT_PAIRS)(torch.rand(2, 3, 32, 40), generators(1))


def test_a_grey_marker_s_logo_is_grey():
    for grey in (True, False):
        _, colours = map_and_colours(RandomMarker([WIDE], DEFAULT_PAIRS, grey=grey), 2)
        assert (torch.equal(colours[0], colours[1]) and torch.equal(colours[1], colours[2])) == grey
