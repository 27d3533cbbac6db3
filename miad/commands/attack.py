"""``miad attack``: mark images so that classifiers fail."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from miad.commands.agreement import check_classes, check_size
from miad.commands.run import Run
from miad.commands.show import show_attack
from miad.data import ImageDataModule, ImageDataset, Split, output_names
from miad.errors import InputError, RunError, check_at_least
from miad.evaluation import attack_measures, write_attack_table, write_predictions
from miad.keys import write_key
from miad.search import HE_SIT, Strategy
from miad.targets import Ensemble, Success, Target, load_target, weights_digest
from miad.tasks import AttackTask, Entry, Journal, MarkingWriter, MarkOptions
from miad.tracking import log_pictures, publish_measures
from miad.watermark import PLAIN, AlphaMode, load_logo, render

_SMALLEST = 11
"""Pixels; the window of SSIM."""


def attack(
    data: ImageDataModule,
    sources: str,
    run: Run,
    unseen: str = "",
    ensemble: bool = False,
    weights: list[float] | None = None,
    success: Success = "mean",
    search: Strategy = HE_SIT,
    logo: str = "emblem",
    scale: float = 2.0,
    alpha_min: int = 100,
    alpha_max: int = 220,
    alpha_mode: AlphaMode = "binary",
    lesions: Literal["given", "ignored"] = "given",
    split: Split = "test",
    images: int = 32,
    batch_size: int = 64,
    pictures: int = 16,
) -> dict[str, float]:
    """Mark images so that classifiers fail.

    Writes RUN/marked/*.png, attack.csv (an image a row), predictions.csv (every target's probabilities), metrics.csv
    and the key NAME.miadkey. Started again, an interrupted run goes on where it stopped and ends with the same files.

    Args:
        data: images and labels.
        sources: classifiers to search on: folders of 'miad fit classifier' or checkpoints, separated by commas.
        run: where to write, on what to run.
        unseen: classifiers that are only tested on, likewise.
        ensemble: search on all sources at once.
        weights: weight of each source in the ensemble; equal by default.
        success: an image is misread when the sources' weighted mean is wrong, or when all of them are.
        search: random, he, he_sit, or a class of miad.search.
        logo: emblem, wordmark, crest, or a picture file.
        scale: 1 is the largest logo that fits, 2 half as wide and high.
        alpha_min: lowest opacity of 255.
        alpha_max: highest opacity of 255.
        alpha_mode: hard edges, or the logo's own soft ones.
        lesions: keep given lesion masks free, or ignore them.
        split: which images; test means val where there are no test images.
        images: images in flight.
        batch_size: candidates a forward pass.
        pictures: marked images in W&B's table; originals never go there.

    Returns:
        The measures, as in metrics.csv.
    """
    check_at_least(1, images=images, batch_size=batch_size)
    check_at_least(0, pictures=pictures)
    attacked, tested = _targets(sources), _targets(unseen)
    _check_targets(data, attacked, tested, ensemble=ensemble)
    options = _options(logo, scale, (alpha_min, alpha_max), alpha_mode, keep_off_lesions=lesions == "given")
    dataset = data.split(split)
    _check_images(dataset, options)
    task = AttackTask(Ensemble(attacked, weights, success), tested, search, options, run.seed, batch_size)
    folder = run.open(
        images=dataset.digest(),
        logo=hashlib.sha256(options.logo.rgba.tobytes()).hexdigest(),
        **{target.name: weights_digest(target) for target in (*attacked, *tested)},
    )
    journal = Journal(folder / "journal")
    if (folder / "metrics.csv").exists():
        journal.remove()  # a process killed at its very end may have left it
        raise RunError(f"{folder} holds this run, finished; give another --run.name, or delete the folder to run again")
    writer = MarkingWriter(folder, output_names(dataset.ids), journal)
    trainer = run.trainer(callbacks=[writer], inference_mode=False)
    done = journal.images()
    left = len(dataset) - len(done)
    if 0 < left < run.devices:
        raise InputError(f"expected an image a device, found {left} to do; give a smaller --run.devices")
    if left:
        trainer.predict(task, data.items_dataloader(split, images, done), return_predictions=False)
    trainer.strategy.barrier()
    return _close(run, folder, journal, dataset, data.classes, task, pictures) if trainer.is_global_zero else {}


def _targets(paths: str) -> list[Target]:
    return [load_target(Path(name.strip())) for name in paths.split(",") if name.strip()]


def _check_targets(
    data: ImageDataModule, sources: Sequence[Target], unseen: Sequence[Target], *, ensemble: bool
) -> None:
    if len(sources) > 1 and not ensemble:
        raise InputError(f"expected one source, found {len(sources)}; search on all at once with --ensemble")
    everyone = [*sources, *unseen]
    names = [target.name for target in everyone]
    if len(set(names)) < len(names):
        raise InputError(f"expected every classifier once, found {', '.join(names)}; rename one or leave it out")
    for target in everyone:
        check_classes(data, target.name, target.classes)
    check_size(data, {target.size for target in everyone})


def _options(
    logo: str, scale: float, alpha: tuple[int, int], mode: AlphaMode, *, keep_off_lesions: bool
) -> MarkOptions:
    if not 1 <= alpha[0] <= alpha[1] <= 255:
        raise InputError(f"expected 1 <= alpha_min <= alpha_max <= 255, found {alpha[0]} and {alpha[1]}")
    return MarkOptions(load_logo(logo), scale, alpha, mode, keep_off_lesions)


def _check_images(dataset: ImageDataset, options: MarkOptions) -> None:
    """Every image can be read, and the logo can be seen on it."""
    for shape in {dataset.shape(index) for index in range(len(dataset))}:
        if min(shape) < _SMALLEST:
            raise InputError(
                f"an image of {shape[1]}x{shape[0]} is too small; expected {_SMALLEST} pixels a side or more"
            )
        render(options.logo, PLAIN, shape, options.scale, grey=False, mode=options.mode)
    dataset.check()


def _close(
    run: Run,
    folder: Path,
    journal: Journal,
    dataset: ImageDataset,
    classes: Sequence[str],
    task: AttackTask,
    pictures: int,
) -> dict[str, float]:
    """Tables, key and measures of a run whose images are all done."""
    order = {image: index for index, image in enumerate(dataset.ids)}
    entries = sorted(journal.entries(), key=lambda entry: order[entry.image])
    targets = [target.name for target in (*task.sources.targets, *task.unseen)]
    weights = task.sources.weights.tolist()
    records = [entry.record for entry in entries if entry.record is not None]
    write_attack_table(folder / "attack.csv", entries, classes, weights, task.options.scale)
    write_predictions(folder / "predictions.csv", entries, classes, targets)
    write_key(folder / f"{run.name}.miadkey", records, journal.renderings())
    measures = attack_measures(entries, targets, weights)
    log_pictures(run.loggers, folder, _chosen(entries, pictures), classes)
    publish_measures(folder, run.loggers, measures)
    run.close()
    journal.remove()
    if not run.quiet:
        show_attack(str(folder), measures, [*targets, "ensemble"] if len(weights) > 1 else targets)
    return measures


def _chosen(entries: Sequence[Entry], count: int) -> list[Entry]:
    """Evenly spread over the images that have a mark."""
    marked = [entry for entry in entries if entry.file]
    chosen = min(count, len(marked))
    return [marked[index * len(marked) // chosen] for index in range(chosen)]
