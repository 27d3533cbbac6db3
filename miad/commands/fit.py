"""``miad fit``: train the networks."""

from pathlib import Path

from lightning import seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from miad.commands.run import Run
from miad.commands.show import show_measures
from miad.data import ImageDataModule
from miad.errors import check_at_least
from miad.tasks import ClassifierTask
from miad.tracking import publish_measures


def classifier(data: ImageDataModule, model: ClassifierTask, run: Run, epochs: int = 20) -> Path:
    """Train a classifier.

    Writes the weights with the best validation accuracy to RUN/checkpoints/best.ckpt and their scores to
    RUN/metrics.csv. Started again, an interrupted run goes on from its last epoch.

    Args:
        data: images and labels.
        model: the classifier and its training recipe.
        run: where to write, on what to run.
        epochs: passes over the training images.

    Returns:
        The path of the best checkpoint.
    """
    check_at_least(1, epochs=epochs)
    if data.size is None:
        data.size = model.network.size
    data.check_every_class_is_trained()
    for split in ("train", "val"):
        data.split(split).check()
    folder = run.open(train=data.split("train").digest(), val=data.split("val").digest())
    place = folder / "checkpoints"
    last = place / "last.ckpt"
    best = ModelCheckpoint(place, "best", "val/accuracy", mode="max", enable_version_counter=False)
    every = ModelCheckpoint(place, "last", enable_version_counter=False)  # `save_last` waits for the next best
    trainer = run.trainer(max_epochs=epochs, callbacks=[best, every], log_every_n_steps=1)
    seed_everything(run.seed, workers=True, verbose=False)
    trainer.fit(model, datamodule=data, ckpt_path=last if last.exists() else None)
    scores = dict(trainer.validate(model, datamodule=data, ckpt_path=best.best_model_path, verbose=False)[0])
    if trainer.is_global_zero:
        publish_measures(folder, run.loggers, scores)
        run.close()
        if not run.quiet:
            show_measures(best.best_model_path, scores)
    return Path(best.best_model_path)
