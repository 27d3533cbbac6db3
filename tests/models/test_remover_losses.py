"""The removers' losses against loops over numpy written from their description, on marks of every size."""

from copy import deepcopy
from typing import NamedTuple

import numpy as np
import pytest
import timm
import torch
from skimage.metrics import structural_similarity
from torchvision.models import vgg16

from miad.errors import InputError
from miad.models import REMOVERS, FineTuningLoss, Removal, Truth, build_remover, remover_loss
from miad.models.removers.authors_losses import BVMRLoss, SLBRLoss, SplitNetLoss, WDNetLoss
from miad.models.removers.features import Features

MAPS = {
    "wdnet": {"mark": 3, "alpha": 1, "coarse": 3, "refined": 3},
    "splitnet": {"mark": 3, "coarse": 3, "raw": 3, "refined": 3},
    "bvmr": {"mark": 3, "refined": 3},
    "slbr": {"coarse": 3, "refined": 3} | {f"{kind}_{n}": 1 for kind in ("primary", "calibrated") for n in range(3)},
}
"""The maps of every network by name, and their channels."""
TERMS = {
    "wdnet": {"image", "mask", "mark", "alpha", "adversary", "discriminator"},
    "splitnet": {"image", "mask", "mark", "structure"},
    "bvmr": {"image", "mask", "mark"},
    "slbr": {"image", "mask"},
}
FLOORS = {("slbr", kind): {"mask": share * 0.25 * (1 + 0.5 + 0.25)} for kind, share in (("empty", 1), ("one", 0.5))}
"""What a perfect answer leaves: nothing overlaps with an empty mask."""

every_network = pytest.mark.parametrize("name", TERMS)


def rows(*counts, side=32):
    """Masks with so many rows at the top."""
    return torch.stack([(torch.arange(side) < count).float()[None, :, None].expand(1, side, side) for count in counts])


MASKS = {"partial": rows(19, 10), "one": rows(20, 0), "empty": rows(0, 0), "full": rows(32, 32)}
"""In the first two the mark covers a quarter or more, so that WDNet looks at the whole background."""

every_mask = pytest.mark.parametrize("kind", MASKS)


def some_truth(mask):
    generator = torch.Generator().manual_seed(0)
    image, mark = torch.rand(2, len(mask), 3, *mask.shape[2:], generator=generator)
    alpha = mask * (0.2 + 0.6 * torch.rand(mask.shape, generator=generator))
    return Truth(image, image + alpha * (mark * mask - image), alpha, mark * mask)


def some_answer(name, size=32, dtype=torch.float32):
    """Every map another, so that a loss that reads the wrong one is found out."""
    generator = torch.Generator().manual_seed(7)
    image, mask, *aux = (
        torch.rand(2, channels, size, size, generator=generator).to(dtype) for channels in (3, 1, *MAPS[name].values())
    )
    return Removal(image, mask, dict(zip(MAPS[name], aux, strict=True)))


def perfect(name, truth):
    """What a network would answer that knows the truth."""
    known = {"mark": truth.mark, "alpha": truth.alpha}
    aux = {key: known.get(key, truth.image if count == 3 else truth.mask) for key, count in MAPS[name].items()}
    return Removal(truth.image, truth.mask, aux)


def loss_of(name, **options):
    torch.manual_seed(0)
    return REMOVERS[name].loss(4, **options)


class Plain(NamedTuple):
    """Answer and truth as float64 arrays."""

    answer: dict
    image: np.ndarray
    marked: np.ndarray
    alpha: np.ndarray
    mark: np.ndarray
    mask: np.ndarray


def plain(found, truth):
    answer = {"final": found.image, "mask": found.mask, **found.aux}
    arrays = {key: part.double().numpy() for key, part in answer.items()}
    return Plain(arrays, *(part.double().numpy() for part in (*truth, truth.mask)))


def items(terms):
    return {key: term.item() for key, term in terms.items()}


def l1_inside(p, t, m):
    """WDNet's: over the mask of the whole batch, which is stored with as many channels as the maps."""
    m = np.broadcast_to(m, p.shape)
    return np.abs(p - t)[m == 1].sum() / m.sum()


def l1r(p, t, m):
    """SplitNet's, BVMR's and SLBR's: image by image, summed over channels, by the mask's pixels."""
    own = [np.abs(p[n] * m[n] - t[n] * m[n]).sum() / m[n].sum() if m[n].any() else 0.0 for n in range(len(p))]
    return sum(own) / len(own)


def bce(p, t):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


def joined(p, plain):
    return p * plain.mask + plain.image * (1 - plain.mask)


def similarity(p, t):
    """Over whole images, mirrored by half a window of 11 pixels."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    pairs = zip(*(np.pad(part, ((0, 0), (0, 0), (5, 5), (5, 5)), mode="reflect") for part in (p, t)), strict=True)
    maps = [structural_similarity(*pair, channel_axis=0, full=True, **options)[1] for pair in pairs]
    return np.stack(maps)[..., 5:-5, 5:-5].mean()


def wdnet_terms(own):
    a, m = own.answer, own.mask
    return {
        "image": 50 * (0.7 * l1_inside(a["final"], own.image, m) + 0.3 * l1_inside(a["coarse"], own.image, m)),
        "mask": 10 * np.abs(a["mask"] - m).mean(),
        "mark": 10 * l1_inside(a["mark"], own.mark, m),
        "alpha": 10 * l1_inside(a["alpha"], own.alpha, m),
    }


def splitnet_terms(own):
    a, m, t = own.answer, own.mask, own.image
    pixel = structure = 0
    for p in (a["refined"], a["raw"]):
        pixel += l1r(p, t, m) + np.abs(p * a["mask"] - t * m).mean() + np.abs(joined(p, own) - t).mean()
        structure += 1 - similarity(joined(p, own), t)
    mark = l1r(a["mark"], own.mark, m) + np.abs(a["mark"] * a["mask"] - own.mark * m).mean()
    return {"image": 2 * pixel, "mask": bce(a["mask"], m), "mark": mark, "structure": 0.15 * structure}


def bvmr_terms(own):
    a, m = own.answer, own.mask
    image, mark = l1r(a["refined"], own.image, m), l1r(a["mark"], own.mark, m)
    return {"image": 2 * image, "mark": mark, "mask": bce(a["mask"], m)}


def slbr_terms(own):
    a, m, t = own.answer, own.mask, own.image
    image = sum(l1r(p, t, m) + 1.5 * np.abs(joined(p, own) - t).mean() for p in (a["coarse"], a["refined"]))
    mask = bce(a["mask"], m)
    for level in range(3):
        calibrated, primary = a[f"calibrated_{level}"], a[f"primary_{level}"]
        ious = [(c * own).sum() / (c + own - c * own).sum() for c, own in zip(calibrated, m, strict=True)]
        mask += 0.5**level * (bce(calibrated, m) + 0.25 * (1 - np.mean(ious)) + 0.01 * bce(primary, m))
    return {"image": 2 * image, "mask": mask}


BY_HAND = {"wdnet": wdnet_terms, "splitnet": splitnet_terms, "bvmr": bvmr_terms, "slbr": slbr_terms}


@every_network
def test_every_network_has_its_authors_loss(name):
    own = {"wdnet": WDNetLoss, "splitnet": SplitNetLoss, "bvmr": BVMRLoss, "slbr": SLBRLoss}[name]
    assert type(remover_loss(build_remover(name, 4))) is own
    assert loss_of(name)(some_answer(name), some_truth(MASKS["partial"])).keys() == TERMS[name]


@every_network
@pytest.mark.parametrize("kind", ["partial", "one"])
def test_every_term_is_the_one_described(name, kind):
    found, truth = some_answer(name), some_truth(MASKS[kind])
    terms = items(loss_of(name)(found, truth))
    expected = BY_HAND[name](plain(found, truth))
    assert terms.keys() - expected.keys() <= {"adversary", "discriminator"}
    assert {key: terms[key] for key in expected} == pytest.approx(expected, rel=1e-4)
    assert min(expected.values()) > 0.05


@every_network
@every_mask
def test_a_perfect_answer_leaves_nothing_but_the_known_floor(name, kind):
    truth = some_truth(MASKS[kind])
    terms = items(loss_of(name)(perfect(name, truth), truth))
    floors = dict.fromkeys(TERMS[name] - {"adversary", "discriminator"}, 0.0) | FLOORS.get((name, kind), {})
    assert {key: terms[key] for key in floors} == pytest.approx(floors, abs=1e-5)


@every_network
@every_mask
def test_loss_and_gradients_are_finite_for_masks_of_any_size(name, kind):
    torch.manual_seed(0)
    network = build_remover(name, 4)
    loss, truth = remover_loss(network), some_truth(MASKS[kind])
    terms = loss(network(truth.marked), truth)
    torch.stack(list(terms.values())).sum().backward()
    assert all(term.isfinite() and term.dtype == torch.float32 and not term.shape for term in terms.values())
    learning = [parameter.grad for module in (network, loss) for parameter in module.parameters()]
    assert all(gradient is None or gradient.isfinite().all() for gradient in learning)
    assert sum(gradient is not None and bool(gradient.any()) for gradient in learning) > 0.4 * len(learning)


@every_network
def test_losses_are_computed_in_full_precision(name):
    coarse, truth = some_answer(name, dtype=torch.bfloat16), some_truth(MASKS["partial"])
    fine = Removal(coarse.image.float(), coarse.mask.float(), {key: part.float() for key, part in coarse.aux.items()})
    terms, expected = (loss_of(name)(found, truth) for found in (coarse, fine))
    for key, term in terms.items():
        assert term.dtype == torch.float32
        assert torch.equal(term, expected[key]), key
    for weight in (0.0, 2.0):
        terms, expected = (FineTuningLoss(weight)(found, truth) for found in (coarse, fine))
        assert terms == expected
        assert {term.dtype for term in terms.values()} == {torch.float32}


def test_fine_tuning_is_plain_mean_squared_error():
    found, truth = some_answer("bvmr"), some_truth(MASKS["partial"])
    own = plain(found, truth)
    error = np.square(own.answer["final"] - own.image).mean()
    assert items(FineTuningLoss()(found, truth)) == pytest.approx({"image": error})
    mask = 0.3 * bce(own.answer["mask"], own.mask)
    assert items(FineTuningLoss(0.3)(found, truth)) == pytest.approx({"image": error, "mask": mask})


def test_the_mask_is_where_there_is_any_opacity():
    truth = some_truth(MASKS["partial"])._replace(alpha=torch.tensor([0, 1 / 255, 0.5, 1]).view(1, 1, 2, 2))
    assert truth.mask.tolist() == [[[[0, 1], [1, 1]]]]


@pytest.mark.parametrize("side", [128, 96])
def test_wdnet_s_mask_looks_at_three_times_as_much_background(side):
    """All of the background is wrong and the inside right, so that the term is the background's share."""
    torch.manual_seed(0)
    truth = some_truth(rows(4, 8, side=side))
    everything = perfect("wdnet", truth)
    found = Removal(everything.image, torch.ones_like(truth.mask), everything.aux)
    loss = loss_of("wdnet")
    shares = np.array([loss(found, truth)["mask"].item() / 10 for _ in range(20)])
    assert (shares / (1 - shares)).mean() == pytest.approx(3, rel=0.03)
    assert len(set(shares)) > 10


def logistic(logits):
    return 1 / (1 + np.exp(-logits.detach().double().numpy()))


def test_the_adversaries_terms_are_cross_entropies_of_the_discriminator():
    loss, found, truth = loss_of("wdnet"), some_answer("wdnet"), some_truth(MASKS["partial"])
    terms = items(loss(found, truth))
    fake, real = (logistic(loss.discriminator(truth.marked, part)) for part in (found.image, truth.image))
    own = -0.5 * np.log(real).mean() - 0.5 * np.log(1 - fake).mean()
    assert terms["adversary"] == pytest.approx(-np.log(fake).mean(), rel=1e-4)
    assert terms["discriminator"] == pytest.approx(own, rel=1e-4)


def test_the_discriminator_learns_from_its_own_term_alone_and_the_network_from_the_other():
    loss, found, truth = loss_of("wdnet"), some_answer("wdnet"), some_truth(MASKS["partial"])
    found.image.requires_grad_()
    terms = loss(found, truth)
    terms["adversary"].backward(retain_graph=True)
    assert found.image.grad.any()
    assert all(parameter.grad is None for parameter in loss.parameters())
    found.image.grad = None
    terms["discriminator"].backward()
    assert found.image.grad is None
    assert all(parameter.grad is not None for parameter in loss.discriminator.parameters())


def test_the_discriminator_learns_every_third_batch():
    loss, found, truth = loss_of("wdnet"), some_answer("wdnet"), some_truth(MASKS["partial"])
    learns = ["discriminator" in loss(found, truth) for _ in range(7)]
    assert learns == [True, False, False, True, False, False, True]


@pytest.fixture(scope="module")
def backbone():
    """VGG16's first levels as timm builds them, with random weights; building takes seconds, copying does not."""
    torch.manual_seed(0)
    return Features(pretrained=False).vgg


@pytest.fixture
def asked(backbone, monkeypatch):
    """What is asked of timm, which gives the same random weights to all."""
    calls = []
    monkeypatch.setattr(timm, "create_model", lambda *words, **options: calls.append(options) or deepcopy(backbone))
    return calls


def vgg_levels(backbone, x, *, pooled, normalised):
    """By torchvision's VGG16, cut into its levels."""
    with torch.device("meta"):
        layers = vgg16(init_weights=False).features[:17]
    layers.to_empty(device="cpu")
    layers.load_state_dict({key.removeprefix("features_"): part for key, part in backbone.state_dict().items()})
    if normalised:
        x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
            :, None, None
        ]
    found = []
    for start, stop in ((0, 4), (5, 9), (10, 16)):
        x = layers[start:stop](x)
        halved = layers[stop](x)
        found.append((halved if pooled else x).detach().clone())
        x = halved
    return found


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("normalised", [False, True])
def test_features_are_torchvision_s(backbone, asked, pooled, normalised):
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = Features(pooled=pooled, normalised=normalised)(x)
    expected = vgg_levels(backbone, x, pooled=pooled, normalised=normalised)
    side = 16 if pooled else 32
    assert [part.shape for part in found] == [(2, 64 * 2**n, side // 2**n, side // 2**n) for n in range(3)]
    for own, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-4)
        assert theirs.std() > 1e-3


def test_features_are_frozen_and_stay_in_evaluation_mode_but_pass_gradients_on(asked):
    features = Features().train()
    assert asked[0]["pretrained"] is True
    assert not any(module.training for module in features.modules())
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert not any(key in features.state_dict() for key in ("mean", "std"))
    loss = WDNetLoss(4, perceptual=True).train()
    assert not any(module.training for module in loss.features.modules())
    x = torch.rand(1, 3, 32, 32, requires_grad=True)
    features(x)[-1].sum().backward()
    assert x.grad.any()


@pytest.mark.parametrize("error", [OSError("no net\nat all"), RuntimeError("no net"), LookupError("no net")])
def test_absent_weights_are_refused_in_one_line_with_the_way_out(monkeypatch, error):
    def create_model(*_, **__):
        raise error

    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(InputError, match=r"\Ano pretrained weights for vgg16 \([^\n]*\); .*\(perceptual: false\)\Z"):
        loss_of("slbr", perceptual=True)


def gram(part):
    n, c, h, w = part.shape
    flat = part.reshape(n, c, h * w).double().numpy()
    return flat @ flat.transpose(0, 2, 1) / (c * h * w)


def levels_errors(backbone, images, wanted, error, **how):
    """The sum over images and levels."""
    wanted = vgg_levels(backbone, wanted, **how)
    return sum(
        error(*pair) for image in images for pair in zip(vgg_levels(backbone, image, **how), wanted, strict=True)
    )


@pytest.mark.parametrize("name", ["wdnet", "splitnet", "slbr"])
def test_perceptual_terms_compare_features(backbone, asked, name):
    found, truth = some_answer(name), some_truth(MASKS["partial"])
    terms = items(loss_of(name, perceptual=True)(found, truth))
    own = plain(found, truth)
    images = {"wdnet": ["final"], "splitnet": ["refined", "raw"], "slbr": ["coarse", "refined"]}[name]
    images = [own.answer[key] if name == "wdnet" else joined(own.answer[key], own) for key in images]
    how = {"pooled": name != "wdnet", "normalised": name != "wdnet"}
    weight, error = {"wdnet": (0.01, "mse"), "splitnet": (0.025, "l1"), "slbr": (0.25, "mse")}[name]
    errors = {"mse": lambda a, b: float((a - b).square().mean()), "l1": lambda a, b: float((a - b).abs().mean())}
    images, wanted = [torch.from_numpy(image).float() for image in images], truth.image
    expected = {"features": weight * levels_errors(backbone, images, wanted, errors[error], **how)}
    if name == "slbr":
        style = levels_errors(backbone, images, wanted, lambda a, b: np.square(gram(a) - gram(b)).mean(), **how)
        expected["style"] = 0.25 * style
    assert terms.keys() == TERMS[name] | expected.keys()
    assert {key: terms[key] for key in expected} == pytest.approx(expected, rel=1e-3)


def test_bvmr_has_no_perceptual_terms(asked):
    found, truth = some_answer("bvmr"), some_truth(MASKS["partial"])
    assert loss_of("bvmr", perceptual=True)(found, truth).keys() == TERMS["bvmr"]
    assert asked == []
