"""What a remover's task trains and leaves alone, what it logs, and that it learns."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.utils.data import DataLoader

from miad.data import DEFAULT_PAIRS, collate_pairs, draw_mark, make_pair
from miad.errors import InputError
from miad.measures import mask_iou, removal_quality
from miad.models import FineTuningLoss, Truth, build_remover, remover_loss
from miad.tasks import RemoverRecipe, RemoverTask
from miad.tensors import to_levels
from miad.watermark import load_logos

STEPS = 4

every_network = pytest.mark.parametrize("name", ["wdnet", "splitnet", "bvmr", "slbr"])
every_stage = pytest.mark.parametrize("stage", ["pretrain", "finetune"])


@cache
def some_pairs():
    """Smooth images of 32 pixels with marks."""
    generator, numbers = torch.Generator().manual_seed(0), np.random.default_rng(0)
    coarse = torch.rand(7, 3, 5, 5, generator=generator)
    images = nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")
    logos = load_logos("emblem")
    return [
        make_pair(image, draw_mark(logos, (32, 32), DEFAULT_PAIRS, numbers, grey=False)) for image in to_levels(images)
    ]


class Pairs(LightningDataModule):
    """Batches of two to train on; two batches of two and one of one to validate and test on."""

    def __init__(self, batch_size=2, count=4):
        super().__init__()
        self.batch_size, self.count = batch_size, count

    def train_dataloader(self):
        return DataLoader(some_pairs()[: self.count], self.batch_size, collate_fn=collate_pairs)

    def val_dataloader(self):
        return DataLoader(some_pairs()[:5], 2, collate_fn=collate_pairs)

    def test_dataloader(self):
        return DataLoader(some_pairs()[2:7], 2, collate_fn=collate_pairs)


class Watch(Callback):
    """What each step finds and gives."""

    def __init__(self):
        self.modes, self.losses, self.rates = [], [], []

    def on_train_batch_start(self, trainer, task, batch, index):
        self.modes.append({name for name, module in task.network.named_modules() if module.training})
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer, task, outputs, batch, index):
        self.losses.append({key: float(value) for key, value in trainer.callback_metrics.items()})


def a_trainer(tmp_path, *callbacks, **options):
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        callbacks=list(callbacks),
        **({"max_epochs": STEPS // 2, "num_sanity_val_steps": 0} | dict.fromkeys(quiet, False) | options),
    )


def a_task(name="wdnet", stage="pretrain", width=4, **options):
    torch.manual_seed(0)
    return RemoverTask(build_remover(name, width), RemoverRecipe(network=name, **options), stage)


def parts_of(network, names):
    """The names of all tensors in some modules."""
    starts = tuple(f"{name}." for name in names)
    return {key for key in network.state_dict() if key.startswith(starts)}


def frozen_names(network, *, train_bottleneck):
    return (*network.encoder, *network.idle, *(() if train_bottleneck else network.bottleneck))


@pytest.mark.parametrize(
    ("name", "train_bottleneck"),
    [("wdnet", False), ("wdnet", True), ("slbr", False), ("slbr", True), ("splitnet", False), ("bvmr", True)],
)
def test_fine_tuning_leaves_what_is_frozen_bit_for_bit_and_moves_the_rest(tmp_path, name, train_bottleneck):
    """A sanity check and validation between the epochs switch modes back and forth."""
    task, watch = a_task(name, "finetune", train_bottleneck=train_bottleneck, lr=1e-3), Watch()
    network = task.network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    a_trainer(tmp_path, watch, num_sanity_val_steps=1).fit(task, datamodule=Pairs())
    assert len(watch.modes) == STEPS
    frozen = frozen_names(network, train_bottleneck=train_bottleneck)
    still = parts_of(network, frozen)
    after = network.state_dict()
    assert still
    assert [key for key in still if not torch.equal(before[key], after[key])] == []
    trained = [*network.decoder, *(network.bottleneck if train_bottleneck else ())]
    moving = parts_of(network, trained) - still
    assert all(key.endswith(".kernel") for key in moving if torch.equal(before[key], after[key]))  # a constant
    assert still | moving == after.keys()


@every_network
@every_stage
def test_frozen_modules_are_in_evaluation_mode_at_every_step_and_all_others_are_not(tmp_path, name, stage):
    task, watch = a_task(name, stage), Watch()
    trainer = a_trainer(tmp_path, watch, limit_train_batches=1, limit_val_batches=1)
    trainer.validate(task, datamodule=Pairs(), verbose=False)
    trainer.fit(task, datamodule=Pairs())
    network = task.network
    frozen = frozen_names(network, train_bottleneck=False) if stage == "finetune" else ()
    still = {
        f"{part}.{child}".rstrip(".") for part in frozen for child, _ in network.get_submodule(part).named_modules()
    }
    expected = {key for key, _ in network.named_modules()} - still
    assert watch.modes == [expected] * 2
    task.eval()
    assert not any(module.training for module in task.modules())
    task.train()
    assert {key for key, module in network.named_modules() if module.training} == expected


@every_stage
def test_a_network_that_comes_in_evaluation_mode_is_trained_in_training_mode(tmp_path, stage):
    """Published weights are loaded in evaluation mode, and Lightning trains in the mode that it finds."""
    torch.manual_seed(0)
    task, watch = RemoverTask(build_remover("wdnet", 4).eval(), stage=stage), Watch()
    a_trainer(tmp_path, watch, limit_train_batches=1).fit(task, datamodule=Pairs())
    assert all({"ups.0.1", "refiner.0.1"} <= modes for modes in watch.modes)
    assert all(("downs.0.1" in modes) == (stage == "pretrain") for modes in watch.modes)
    assert int(task.network.ups[0][1].num_batches_tracked) == 2


@every_network
@pytest.mark.parametrize("train_bottleneck", [False, True])
def test_nothing_that_is_frozen_or_idle_asks_for_a_gradient_and_all_else_gets_one(name, train_bottleneck):
    task = a_task(name, "finetune", train_bottleneck=train_bottleneck, width=8)
    network = task.network
    still = parts_of(network, frozen_names(network, train_bottleneck=train_bottleneck))
    named = dict(network.named_parameters())
    assert {key for key, parameter in named.items() if not parameter.requires_grad} == still & named.keys()
    batch = next(iter(Pairs(4).train_dataloader()))
    nn.functional.mse_loss(task(batch.marked).image, batch.image / 255).backward()
    assert {key for key, parameter in named.items() if parameter.grad is None} == still & named.keys()


@every_network
def test_pretraining_asks_every_weight_that_an_answer_depends_on_for_its_gradient(name):
    named = a_task(name).named_parameters()
    assert all(parameter.requires_grad != (".unused." in key) for key, parameter in named)


@every_network
@every_stage
def test_the_optimiser_holds_exactly_what_is_trained(tmp_path, name, stage):
    task = a_task(name, stage)
    trainer = a_trainer(tmp_path, max_steps=1)
    trainer.fit(task, datamodule=Pairs())
    held = [parameter for group in trainer.optimizers[0].param_groups for parameter in group["params"]]
    frozen = parts_of(task.network, frozen_names(task.network, train_bottleneck=False))
    if stage == "pretrain":
        frozen = {key for key in frozen if ".unused." in key}
    wanted = [own for key, own in task.network.named_parameters() if key not in frozen]
    if (name, stage) == ("wdnet", "pretrain"):
        wanted += task.loss.discriminator.parameters()
    assert len(held) == len(wanted)
    assert {id(parameter) for parameter in held} == {id(parameter) for parameter in wanted}
    assert {group["weight_decay"] for group in trainer.optimizers[0].param_groups} == {0.01}


def test_features_to_compare_by_are_not_trained(tmp_path, monkeypatch):
    class Levels(nn.Module):
        """Three maps, as of VGG16."""

        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return [self.layer(x)] * 3

    monkeypatch.setattr("timm.create_model", lambda *_, **__: Levels())
    task = a_task("splitnet", perceptual=True)
    layer = task.loss.features.vgg.layer
    before = layer.weight.clone()
    trainer = a_trainer(tmp_path, limit_val_batches=0)
    trainer.fit(task, datamodule=Pairs())
    held = [parameter for group in trainer.optimizers[0].param_groups for parameter in group["params"]]
    assert {id(parameter) for parameter in held} == {id(parameter) for parameter in task.network.parameters()}
    assert torch.equal(layer.weight, before)
    assert "train/loss_features" in trainer.callback_metrics


def test_the_discriminator_learns_in_pretraining_every_third_batch_only(tmp_path):
    states = []

    class Keep(Callback):
        def on_train_batch_end(self, trainer, task, outputs, batch, index):
            states.append(task.loss.discriminator.layers[0].weight.clone())

    task = a_task()
    states.append(task.loss.discriminator.layers[0].weight.clone())
    a_trainer(tmp_path, Keep(), max_epochs=1).fit(task, datamodule=Pairs(1, 4))
    assert [not torch.equal(*pair) for pair in pairwise(states)] == [True, False, False, True]


def test_pretraining_learns(tmp_path):
    task, watch = a_task(lr=0.02), Watch()
    trainer = a_trainer(tmp_path, watch, max_epochs=45, limit_val_batches=0)
    trainer.fit(task, datamodule=Pairs(4))
    first, last = (
        {name: sum(step[f"train/loss_{name}"] for step in steps) / 3 for name in ("image", "mask", "mark", "alpha")}
        for steps in (watch.losses[:3], watch.losses[-3:])
    )
    assert last["mask"] < 0.7 * first["mask"]
    assert last["image"] < 0.85 * first["image"]
    assert sum(last.values()) < 0.65 * sum(first.values())


def test_fine_tuning_learns(tmp_path):
    task, watch = a_task("bvmr", "finetune", lr=3e-3), Watch()
    a_trainer(tmp_path, watch, max_epochs=30, limit_val_batches=0).fit(task, datamodule=Pairs(4))
    assert watch.losses[-1]["train/loss"] < 0.5 * watch.losses[0]["train/loss"]
    assert watch.losses[-1].keys() == {"train/loss", "train/loss_image"}


@pytest.mark.filterwarnings("ignore:.*self.log.*")  # there is no trainer
@every_network
@every_stage
def test_a_step_gives_the_sum_of_the_stage_s_terms_on_units(name, stage):
    task = a_task(name, stage, mask_weight=0.5).eval()
    pair = next(iter(Pairs(4).train_dataloader()))
    truth = [part.float() / 255 for part in pair]
    torch.manual_seed(1)
    loss = task.training_step(pair, 0)
    torch.manual_seed(1)
    with torch.no_grad():
        found = task.network(truth[1])
    if stage == "finetune":
        inside = (pair.alpha > 0).float()
        mask = nn.functional.binary_cross_entropy(found.mask, inside)
        torch.testing.assert_close(loss, (found.image - truth[0]).square().mean() + 0.5 * mask)
    else:
        task.loss._batches = 0
        torch.testing.assert_close(loss, sum(task.loss(found, Truth(*truth)).values()))


@every_network
def test_every_stage_has_its_loss(name):
    network = build_remover(name, 4)
    fine = RemoverTask(network, RemoverRecipe(mask_weight=0.7), "finetune").loss
    assert isinstance(fine, FineTuningLoss)
    assert fine.mask_weight == 0.7
    assert type(RemoverTask(network).loss) is type(remover_loss(network))


def direct(task, pairs):
    """Image by image, of the rounded output in evaluation mode."""
    task.eval()
    found = []
    for pair in pairs:
        batch = collate_pairs([pair])
        marks = batch.alpha > 0
        with torch.no_grad():
            answer = task.network(batch.marked.float() / 255)
        image = (answer.image.clamp(0, 1) * 255).round().to(torch.uint8)
        removed = removal_quality(image, batch.image, marks)._asdict() | {"mask_iou": mask_iou(answer.mask, marks)}
        marked = removal_quality(batch.marked, batch.image, marks)._asdict()
        found.append({**removed, **{f"marked/{key}": value for key, value in marked.items()}})
    return {key: torch.cat([own[key] for own in found]) for key in found[0]}


@every_network
@pytest.mark.parametrize("stage", ["val", "test"])
def test_the_scores_are_means_over_images_of_the_rounded_output(tmp_path, name, stage):
    task, trainer = a_task(name), a_trainer(tmp_path)
    judge = trainer.validate if stage == "val" else trainer.test
    found = judge(task, datamodule=Pairs(), verbose=False)[0]
    expected = direct(task, some_pairs()[:5] if stage == "val" else some_pairs()[2:7])
    wanted = {f"{stage}/{key}": float(own.mean()) for key, own in expected.items() if stage == "test" or "/" not in key}
    assert found == pytest.approx(wanted, rel=1e-3)
    assert len(found) == (7 if stage == "val" else 13)


def test_a_test_keeps_the_numbers_of_all_images_in_order_and_forgets_the_last_one_s(tmp_path):
    task, trainer = a_task(), a_trainer(tmp_path)
    for _ in range(2):
        trainer.test(task, datamodule=Pairs(), verbose=False)
        removed, ious, marked = task.judged()
        expected = direct(task, some_pairs()[2:7])
        for key in removed._fields:
            torch.testing.assert_close(getattr(removed, key), expected[key], rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(getattr(marked, key), expected[f"marked/{key}"])
        torch.testing.assert_close(ious, expected["mask_iou"])
        assert len(set(marked.psnr.tolist())) == 5


@pytest.mark.parametrize(
    ("stage", "lr", "expected"),
    [("pretrain", None, 1e-3), ("finetune", None, 1e-4), ("pretrain", 0.02, 0.02), ("finetune", 0.03, 0.03)],
)
def test_the_rate_is_the_stage_s_own_unless_it_is_given(tmp_path, stage, lr, expected):
    task, watch = a_task(stage=stage, lr=lr, warmup=0.25), Watch()
    a_trainer(tmp_path, watch, limit_val_batches=0).fit(task, datamodule=Pairs())
    assert task.lr == expected
    assert watch.rates == pytest.approx([0.01 * expected, expected, 0.75 * expected, 0.25 * expected], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0.0}, "lr above 0, found 0.0"),
        ({"lr": -1.0}, "lr above 0, found -1.0"),
        ({"lr": float("nan")}, "lr above 0, found nan"),
        ({"weight_decay": -1.0}, "weight_decay of at least 0, found -1.0"),
        ({"warmup": -0.1}, "warmup of at least 0, found -0.1"),
        ({"mask_weight": -0.5}, "mask_weight of at least 0, found -0.5"),
        ({"base_channels": 0}, "base_channels of at least 1, found 0"),
    ],
)
def test_recipes_out_of_range_are_refused_in_one_line(options, words):
    with pytest.raises(InputError, match=rf"\Aexpected {words}\Z"):
        RemoverRecipe(**options)


def test_a_recipe_may_leave_everything_out_and_zeros_are_no_mistake():
    recipe = RemoverRecipe(weight_decay=0, warmup=0, mask_weight=0, base_channels=1)
    assert (recipe.network, recipe.lr) == ("wdnet", None)
