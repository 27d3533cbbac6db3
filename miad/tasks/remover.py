"""Train and test a watermark remover."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

import torch
from lightning import LightningModule
from torch import Tensor, nn

from miad.data import Pair
from miad.errors import check_at_least, check_positive
from miad.measures import RemovalQuality, mask_iou, removal_quality
from miad.models import (
    FineTuningLoss,
    Removal,
    Remover,
    RemoverName,
    Truth,
    remover_loss,
    remover_name,
)
from miad.tasks.schedule import adamw_with_cosine
from miad.tensors import Images, to_levels, to_unit

Stage: TypeAlias = Literal["pretrain", "finetune"]

_LR = {"pretrain": 1e-3, "finetune": 1e-4}


@dataclass(frozen=True)
class RemoverRecipe:
    """A watermark remover and how to train it, with AdamW, linear warm-up and cosine decay.

    Args:
        network: wdnet, splitnet, bvmr or slbr.
        base_channels: width; by default the published one.
        lr: highest learning rate; by default 0.001 to pretrain and 0.0001 to fine-tune.
        weight_decay: AdamW's decay.
        warmup: share of all steps over which the learning rate rises.
        train_bottleneck: fine-tune what lies between encoder and decoder as well.
        mask_weight: weight of the mask's cross-entropy in fine-tuning; 0 as the paper has it.
        perceptual: pretrain with the terms of VGG16's features that the authors' losses have (asks the model hub).
    """

    network: RemoverName = "wdnet"
    base_channels: int | None = None
    lr: float | None = None
    weight_decay: float = 0.01
    warmup: float = 0.05
    train_bottleneck: bool = False
    mask_weight: float = 0.0
    perceptual: bool = False

    def __post_init__(self) -> None:
        """Refuse what can not be trained.

        Raises:
            InputError: an option is out of its range.
        """
        check_at_least(0, weight_decay=self.weight_decay, warmup=self.warmup, mask_weight=self.mask_weight)
        if self.lr is not None:
            check_positive(lr=self.lr)
        if self.base_channels is not None:
            check_at_least(1, base_channels=self.base_channels)


DEFAULT_RECIPE = RemoverRecipe()
"""WDNet of its published width."""


class RemoverTask(LightningModule):
    """A remover trained on pairs with random marks.

    Pretraining trains the whole network with its authors' loss. Fine-tuning is MIAD-MARK's eq. 2: the encoders are
    frozen, their normalisation included, and the decoders learn from the mean squared error of the image.

    Args:
        network: the remover.
        recipe: how to train it.
        stage: pretrain or finetune.
    """

    def __init__(self, network: Remover, recipe: RemoverRecipe = DEFAULT_RECIPE, stage: Stage = "pretrain") -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.save_hyperparameters(
            {
                "network": remover_name(network),
                "base_channels": network.base_channels,
                "published": network.published,
                "stage": stage,
            }
        )
        self.lr = _LR[stage] if recipe.lr is None else recipe.lr
        self.loss = (
            FineTuningLoss(recipe.mask_weight)
            if stage == "finetune"
            else remover_loss(network, perceptual=recipe.perceptual)
        )
        self.frozen = list(self._frozen()) if stage == "finetune" else []
        for part in self.frozen:
            part.requires_grad_(False)
        self._judged: list[tuple[RemovalQuality, Tensor, RemovalQuality]] = []

    def _frozen(self) -> Iterator[nn.Module]:
        """What fine-tuning leaves as it is, and what its loss gives no gradient."""
        names = [*self.network.encoder, *self.network.idle]
        if not self.recipe.train_bottleneck:
            names += self.network.bottleneck
        return map(self.network.get_submodule, names)

    def train(self, mode: bool = True) -> Self:
        """As ever, but what is frozen stays in evaluation mode, lest batch norms go on counting."""
        super().train(mode)
        for part in self.frozen if hasattr(self, "frozen") else ():
            part.eval()
        return self

    def on_fit_start(self) -> None:
        """Lightning trains in the mode that it finds, and published weights come in evaluation mode."""
        self.train()

    def forward(self, images: Images) -> Removal:
        """Remove the marks of uint8 images."""
        found: Removal = self.network(to_unit(images))
        return found

    def training_step(self, pair: Pair, batch_index: int) -> Tensor:
        """Loss of one batch."""
        found = self(pair.marked)
        with torch.autocast(self.device.type, enabled=False):
            terms = self.loss(found, _truth(pair))
        loss = torch.stack(list(terms.values())).sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(pair.image))
        self.log_dict({f"train/loss_{name}": term for name, term in terms.items()}, batch_size=len(pair.image))
        return loss

    def validation_step(self, pair: Pair, batch_index: int) -> None:
        """Log how well the marks were removed."""
        quality, iou = self._judge(pair)
        self._log("val", quality._asdict() | {"mask_iou": iou})

    def test_step(self, pair: Pair, batch_index: int) -> None:
        """Log how well the marks were removed, and how far marked images are from the originals; keep the numbers."""
        quality, iou = self._judge(pair)
        marked = removal_quality(pair.marked, pair.image, pair.alpha > 0)
        self._log("test", quality._asdict() | {"mask_iou": iou})
        self._log("test/marked", marked._asdict())
        self._judged.append((quality, iou, marked))

    def on_test_epoch_start(self) -> None:
        """Forget the numbers of the last pass."""
        self._judged.clear()

    def judged(self) -> tuple[RemovalQuality, Tensor, RemovalQuality]:
        """Of all images of the last test, in order: as the remover leaves them, its masks' overlap, as marked."""
        removed, ious, marked = zip(*self._judged, strict=True)
        return _joined(removed), torch.cat(ious).cpu(), _joined(marked)

    def _judge(self, pair: Pair) -> tuple[RemovalQuality, Tensor]:
        found, marks = self(pair.marked), pair.alpha > 0
        return removal_quality(to_levels(found.image), pair.image, marks), mask_iou(found.mask, marks)

    def _log(self, start: str, values: Mapping[str, Tensor]) -> None:
        means = {f"{start}/{name}": value.mean() for name, value in values.items()}
        self.log_dict(means, batch_size=len(values["psnr"]), sync_dist=True)

    def configure_optimizers(self) -> Any:  # noqa: ANN401  (Lightning's union of a dozen forms)
        """AdamW over what is trained; warm-up, then cosine, stepped every batch."""
        steps = int(self.trainer.estimated_stepping_batches)
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        return adamw_with_cosine(
            trained, lr=self.lr, weight_decay=self.recipe.weight_decay, warmup=self.recipe.warmup, steps=steps
        )


def _joined(parts: Sequence[RemovalQuality]) -> RemovalQuality:
    return RemovalQuality(*(torch.cat(values).cpu() for values in zip(*parts, strict=True)))


def _truth(pair: Pair) -> Truth:
    return Truth(*(to_unit(part) for part in pair))
