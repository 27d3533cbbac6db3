"""``miad fit``: train the networks."""

from pathlib import Path
from typing import Literal, TypeAlias

from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint

from miad.commands.finished import say_finished
from miad.commands.run import Run
from miad.commands.show import show_measures
from miad.commands.training_bar import TrainingBar
from miad.data import (
    DEFAULT_PAIRS,
    ImageDataModule,
    PairDataModule,
    PairOptions,
    SegmentationDataModule,
    content_digest,
)
from miad.errors import InputError, check_at_least
from miad.models import start_remover
from miad.tasks import DEFAULT_RECIPE, ClassifierTask, RemoverRecipe, RemoverTask, SegmenterTask, Stage
from miad.tracking import Throughput, publish_measures

Score: TypeAlias = Literal["accuracy", "balanced_accuracy", "auc_micro", "auc_macro"]


def classifier(
    data: ImageDataModule,
    model: ClassifierTask,
    run: Run,
    epochs: int = 20,
    patience: int | None = 10,
    best: Score = "accuracy",
) -> Path:
    """Train a classifier.

    Writes the weights with the best validation score to RUN/checkpoints/best.ckpt and their scores to
    RUN/metrics.csv. Started again, an interrupted run goes on from its last epoch.

    Args:
        data: images and labels.
        model: the classifier and its training recipe.
        run: where to write, on what to run.
        epochs: most passes over the training images.
        patience: passes without a better score after which training ends; null never ends it early.
        best: the validation score that the best weights have the highest of.

    Returns:
        The path of the best checkpoint.
    """
    _check_length(epochs, patience)
    if data.size is None:
        data.size = model.network.size
    data.check_every_class_is_trained()
    run.describe("fit classifier", data, model.network.name)
    return _train(model, data, run, epochs, patience, f"val/{best}")


def segmenter(
    data: ImageDataModule,
    model: SegmenterTask,
    run: Run,
    epochs: int = 20,
    patience: int | None = 10,
    crops: int = 1,
) -> Path:
    """Train a lesion segmenter.

    Learns from the images that have lesion masks. Writes the weights with the best validation Dice to
    RUN/checkpoints/best.ckpt and their scores to RUN/metrics.csv. Started again, an interrupted run goes on from its
    last epoch.

    Args:
        data: images and lesion masks.
        model: the segmenter and its training recipe.
        run: where to write, on what to run.
        epochs: most passes over the training images.
        patience: passes without a better score after which training ends; null never ends it early.
        crops: squares cut out of each training image in a pass, half of them where a lesion is.

    Returns:
        The path of the best checkpoint.
    """
    _check_length(epochs, patience)
    pairs = SegmentationDataModule(data, model.network.size, model.network.tile, crops)
    run.describe("fit segmenter", data, model.network.name)
    return _train(model, pairs, run, epochs, patience, "val/dice")


def remover(
    data: ImageDataModule,
    run: Run,
    model: RemoverRecipe = DEFAULT_RECIPE,
    stage: Stage = "pretrain",
    weights: Path | None = None,
    pairs: PairOptions = DEFAULT_PAIRS,
    epochs: int = 50,
    patience: int | None = 10,
) -> Path:
    """Train a watermark remover.

    Learns from images with random marks, made on the fly. Writes the weights that remove the marks of the validation
    images best (PSNR inside the marks) to RUN/checkpoints/best.ckpt and their scores to RUN/metrics.csv. Started
    again, an interrupted run goes on from its last epoch.

    Args:
        data: images; their labels are not used.
        run: where to write, on what to run.
        model: the remover and its training recipe.
        stage: pretrain trains the whole network with its authors' loss; finetune freezes the encoders and trains the
            decoders with the mean squared error of the image (MIAD-MARK eq. 2).
        weights: start from a run of 'miad fit remover', its checkpoint, or the network's published weights.
        pairs: the logos, and the ranges of their marks.
        epochs: most passes over the training images.
        patience: passes without a better score after which training ends; null never ends it early.

    Returns:
        The path of the best checkpoint.
    """
    _check_length(epochs, patience)
    if stage == "finetune" and weights is None:
        raise InputError(
            "expected weights to fine-tune, found none, and a frozen encoder of random weights is of no use; give "
            "--weights, a run of 'miad fit remover --stage pretrain'"
        )
    marked = PairDataModule(data, pairs, run.seed)
    marked.check("train", "val")
    seed_everything(run.seed, workers=True, verbose=False)  # so that random weights are this run's own
    network = start_remover(model.network, model.base_channels, weights)
    task = RemoverTask(network, model, stage)
    run.describe("fit remover", data, model.network, stage)
    return _train(task, marked, run, epochs, patience, "val/psnr_inside", clip=1.0)


def _check_length(epochs: int, patience: int | None) -> None:
    check_at_least(1, epochs=epochs, **({} if patience is None else {"patience": patience}))


def _train(
    model: LightningModule,
    data: ImageDataModule | SegmentationDataModule | PairDataModule,
    run: Run,
    epochs: int,
    patience: int | None,
    best: str,
    clip: float | None = None,
) -> Path:
    """Train, keep the weights with the highest of a score, publish all of their scores; the best checkpoint's path."""
    folder = run.open(train=content_digest(data.split("train")), val=content_digest(data.split("val")))
    say_finished(run, "nothing is trained, and the scores of its best weights are measured again")
    place = folder / "checkpoints"
    last = place / "last.ckpt"
    callbacks = [*_callbacks(place, best, patience), *([TrainingBar(best)] if run.progress else [])]
    trainer = run.trainer(
        max_epochs=epochs,
        callbacks=callbacks,
        log_every_n_steps=1,
        precision=run.training_precision(),
        gradient_clip_val=clip,
        # WDNet's discriminator learns every third batch; the others have no gradient for it.
        **({"strategy": "ddp_find_unused_parameters_true"} if run.processes > 1 else {}),
    )
    seed_everything(run.seed, workers=True, verbose=False)
    trainer.fit(model, datamodule=data, ckpt_path=last if last.exists() else None)
    checkpoint = str(place / "best.ckpt")
    scores = dict(trainer.validate(model, datamodule=data, ckpt_path=checkpoint, verbose=False)[0])
    if trainer.is_global_zero:
        publish_measures(folder, run.loggers, scores)
        run.close()
        if not run.quiet:
            show_measures(checkpoint, scores)
    return Path(checkpoint)


class _Patience(EarlyStopping):
    """Lightning's early stopping, which of itself would train one epoch more whenever an ended run is started again."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End at once if the checkpoint's run had no patience left."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def _callbacks(place: Path, score: str, patience: int | None) -> list[Callback]:
    best = ModelCheckpoint(place, "best", score, mode="max", enable_version_counter=False)
    every = ModelCheckpoint(place, "last", enable_version_counter=False)  # `save_last` waits for the next best
    stop = [] if patience is None else [_Patience(score, patience=patience, mode="max")]
    return [*stop, best, every, Throughput()]
