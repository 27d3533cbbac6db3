"""What every command that marks images does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from miad.commands.agreement import check_classes, check_size
from miad.commands.each_once import check_each_once
from miad.commands.finished import check_unfinished, is_finished
from miad.commands.lesions import DEFAULT_LESIONS, LesionOptions, load_finder
from miad.commands.processes import is_first_process
from miad.commands.run import Run
from miad.commands.run_key import DEFAULT_KEY, KeyOptions, begin_key
from miad.commands.run_texture import begin_texture
from miad.commands.show import show_attack
from miad.commands.vaccines import NO_VACCINE, load_vaccine, marker_of
from miad.commands.words import split_words
from miad.data import ImageDataModule, ImageDataset, content_digest, marked_names, some_alike, spread
from miad.errors import InputError, RunError, check_at_least
from miad.evaluation import attack_measures, draw_lesions, write_attack_table, write_predictions
from miad.keys import Issuer, write_key
from miad.lesions import GradCamMasks, LesionFinder, Place
from miad.search import LearnedPlaces, Strategy, name_of
from miad.targets import Target, check_independence, load_target, weights_digest
from miad.tasks import (
    AttackTask,
    DeltaLearner,
    Entry,
    ImagesToDo,
    Journal,
    MarkingWriter,
    MarkOptions,
    PlaceLearner,
    Protection,
    RunSecret,
    learning_queries,
    wait_for_all,
)
from miad.tracking import log_attack, log_figures, log_pictures, publish_measures
from miad.vaccine import VaccineOptions
from miad.watermark import NO_TEXTURE, PLAIN, AlphaMode, TextureOptions, load_logo, render

_SMALLEST = 11
"""Pixels; the window of SSIM."""


@dataclass(frozen=True)
class Mark:
    """What the options of a mark come to.

    Args:
        options: how it may look, and where it may stand.
        mask: where the lesions are; see `load_finder`.
        lesions: how their masks are made.
        protection: gives images their delta; None where they get none.
    """

    options: MarkOptions
    mask: str
    lesions: LesionOptions
    protection: Protection | None

    def finder(self, data: ImageDataModule, sources: Sequence[Target], batch_size: int) -> LesionFinder:
        """The sources of lesion masks.

        Raises:
            InputError: one can not be read, or its classifier does not read the data's classes.
        """
        finder = load_finder(self.mask, self.lesions, sources, batch_size)
        for source in finder.sources:
            if isinstance(source, GradCamMasks):
                check_classes(data, source.network.name, source.network.classes)
        return finder


def mark_options(
    logo: str = "emblem",
    scale: float = 2.0,
    alpha_min: int = 100,
    alpha_max: int = 220,
    alpha_mode: AlphaMode = "binary",
    place: Place = "outside",
    mask: str = "given",
    lesions: LesionOptions = DEFAULT_LESIONS,
    vaccine: VaccineOptions = NO_VACCINE,
    removers: str = "",
    remover_weights: list[float] | None = None,
    spare_lesions: bool = False,
    delta_batch_size: int = 8,
    texture: TextureOptions = NO_TEXTURE,
) -> Mark:
    """How the mark may look, where it may stand, and what delta is added before it.

    Args:
        logo: emblem, wordmark, crest, or a picture file.
        scale: 1 is the largest logo that fits, 2 half as wide and high.
        alpha_min: lowest opacity of 255.
        alpha_max: highest opacity of 255.
        alpha_mode: hard edges, or the logo's own soft ones.
        place: outside keeps the mark off the lesions, anywhere ignores them, inside puts it on them (an ablation).
        mask: where the lesions are: given (by the data set), gradcam (what the first convolutional source looks at, or
            gradcam:FOLDER another classifier), segmenter:FOLDER; several joined by +.
        lesions: how masks are made and what is kept free around them.
        vaccine: the delta that is to keep removers off; none by default.
        removers: what it is made against: folders of 'miad fit remover' or checkpoints, separated by commas.
        remover_weights: weight of each of them; equal by default.
        spare_lesions: keep delta off the lesions as well.
        delta_batch_size: images whose deltas are made at once.
        texture: what varies inside the mark, by a secret that only the key holds, so that whoever knows the logo can
            not take it off; none by default.

    Raises:
        InputError: the opacities are out of order or range, there is no such logo, or a remover is missing or wrong.
    """
    check_at_least(1, delta_batch_size=delta_batch_size)
    options = MarkOptions(load_logo(logo), scale, (alpha_min, alpha_max), alpha_mode, lesions.room(place), texture)
    chosen = load_vaccine(vaccine, removers, remover_weights)
    if spare_lesions and chosen is None:
        raise InputError("expected --vaccine.kind with --spare_lesions, found none: there is no delta to keep off")
    marker = marker_of(options) if vaccine.host == "marked" else None
    protection = None if chosen is None else Protection(chosen, delta_batch_size, spare=spare_lesions, marker=marker)
    return Mark(options, mask, lesions, protection)


def load_targets(paths: str) -> list[Target]:
    """The classifiers of folders or checkpoints, separated by commas.

    Raises:
        InputError: one can not be read.
    """
    return [load_target(Path(name)) for name in split_words(paths)]


def check_targets(data: ImageDataModule, targets: Sequence[Target]) -> None:
    """Every classifier comes once, and reads the data.

    Raises:
        InputError: two have one name or the same weights, or one tells other classes apart or reads another size.
    """
    check_each_once("classifier", [(target.name, f"{target.size} {weights_digest(target)}") for target in targets])
    for target in targets:
        check_classes(data, target.name, target.classes)
    check_size(data, {target.size for target in targets})


def mark_images(
    data: ImageDataModule,
    dataset: ImageDataset,
    task: AttackTask,
    run: Run,
    pictures: int,
    content: str | None = None,
    key: KeyOptions = DEFAULT_KEY,
    drawn: int = 0,
) -> dict[str, float]:
    """Mark images, or go on where a killed run stopped.

    Args:
        data: whose loaders to use.
        dataset: which of its images.
        task: the search.
        run: where to write, on what to run.
        pictures: marked images to log; none leaves their figures out as well.
        content: the images' `content_digest`, where it is known already; otherwise every image is read for it.
        key: who can open the key.
        drawn: images in lesions.png.

    Returns:
        The measures, as in metrics.csv; nothing on processes other than the first.

    Raises:
        InputError: an image can not be read, or is too small, or there are fewer images than processes.
        RunError: the folder holds another run, or this one, finished, or another process has ended.
    """
    if len(dataset) < run.processes:
        raise InputError(f"expected an image a process, found {len(dataset)}; give a smaller --run.devices")
    examples = examples_of(data, dataset)
    folder, journal = run.folder, Journal(run.folder / "journal")
    run.describe("attack", data, name_of(task.strategy), *(source.name for source in task.sources.members))
    # The others would read all images as well; what signs the key is with the first process alone.
    issuer = _open(run, journal, dataset, task, examples, content, key) if is_first_process() else None
    secret = RunSecret(begin_texture(folder, task.options.texture) if issuer else b"")
    shown = frozenset(spread(dataset.ids, drawn))
    writer = MarkingWriter(folder, marked_names(dataset), journal, issuer.recipient if issuer else "", shown)
    learner = PlaceLearner(folder / "learned.csv", examples)
    deltas = DeltaLearner(folder / "universal.png", examples)
    trainer = run.trainer(callbacks=[secret, learner, deltas, writer], inference_mode=False)
    if run.processes > 1 or len(journal.images()) < len(dataset):
        left = ImagesToDo(data, dataset, journal, task.intake)
        trainer.predict(task, datamodule=left, return_predictions=False)
    wait_for_all(trainer)
    return {} if issuer is None else _close(run, folder, journal, dataset, data.classes, task, pictures, issuer)


def _open(
    run: Run,
    journal: Journal,
    dataset: ImageDataset,
    task: AttackTask,
    examples: ImageDataset,
    content: str | None,
    key: KeyOptions,
) -> Issuer:
    """Check what is to be marked, make the run's folder or take it up, and likewise what makes its key."""
    if task.pool.stop.budget is not None and (task.native or run.precision not in ("auto", "32-true")):
        check_at_least(3, budget=task.pool.stop.budget)  # the image, a candidate, and what confirms it
    check_sizes(dataset, task.options)
    check_independence(task.targets, some_alike(dataset))
    users = key.users()
    readers = {"users": " ".join(sorted(user.key for user in users))} if users else {}
    folder = run.open(**_inputs(content or content_digest(dataset), task, examples), **readers)
    if is_finished(folder):
        journal.remove()  # a process killed at its very end may have left it
    check_unfinished(folder)
    return begin_key(folder, run.name, users)


def check_sizes(dataset: ImageDataset, options: MarkOptions) -> None:
    """The logo can be seen on every image.

    Raises:
        InputError: an image is too small.
    """
    for shape in {dataset.shape(index) for index in range(len(dataset))}:
        if min(shape) < _SMALLEST:
            raise InputError(
                f"an image of {shape[1]}x{shape[0]} is too small; expected {_SMALLEST} pixels a side or more"
            )
        render(options.logo, PLAIN, shape, options.scale, grey=False, mode=options.mode)


def examples_of(data: ImageDataModule, dataset: ImageDataset) -> ImageDataset:
    """What a search may learn from: the training images, or, where there are none, the images to mark."""
    return data.split("train") if data.splits().get("train") else dataset


def learns(strategy: Strategy, protection: Protection | None) -> bool:
    """Whether an attack begins by learning from examples."""
    return isinstance(strategy, LearnedPlaces) or (protection is not None and protection.vaccine.needs_universal)


def _inputs(content: str, task: AttackTask, examples: ImageDataset) -> dict[str, str | dict[str, str]]:
    return {
        **({"examples": content_digest(examples)} if learns(task.strategy, task.protection) else {}),
        "images": content,
        "logo": task.options.logo.digest,
        "lesions": weights_digest(task.lesions),
        "removers": "" if task.protection is None else weights_digest(task.protection),
        "weights": {target.name: weights_digest(target) for target in task.targets},
    }


def _close(
    run: Run,
    folder: Path,
    journal: Journal,
    dataset: ImageDataset,
    classes: Sequence[str],
    task: AttackTask,
    pictures: int,
    issuer: Issuer,
) -> dict[str, float]:
    """Tables, key and measures of a run whose images are all done."""
    entries = _all_entries(journal, dataset)
    targets = [target.name for target in task.targets]
    weights = task.sources.weights.tolist()
    write_attack_table(folder / "attack.csv", entries, classes, weights)
    write_predictions(folder / "predictions.csv", entries, classes, targets)
    write_key(folder / f"{run.name}.miadkey", journal.records(), journal.renderings(), issuer)
    measures = attack_measures(entries, targets, weights, task.options.scale)
    measures["learning_queries"] = float(learning_queries(folder / "learned.csv"))
    log_attack(run.loggers, entries, classes, targets, weights)
    if views := journal.views():
        draw_lesions(folder / "lesions.png", views)
    _log_pixels(run, folder, dataset, entries, classes, pictures)
    publish_measures(folder, run.loggers, measures)
    journal.remove()  # while the run's lock keeps others out
    run.close()
    if not run.quiet:
        show_attack(str(folder), measures, [*targets, "ensemble"] if len(weights) > 1 else targets)
    return measures


def _log_pixels(
    run: Run, folder: Path, dataset: ImageDataset, entries: Sequence[Entry], classes: Sequence[str], pictures: int
) -> None:
    """Log so many marked images, and what is drawn of such."""
    shown = spread([entry for entry in entries if entry.file], pictures)
    lesions = {entry.image: dataset.lesion_mask(dataset.ids.index(entry.image)) for entry in shown}
    log_pictures(run.loggers, folder, shown, classes, lesions)
    if shown and (folder / "lesions.png").exists():
        log_figures(run.loggers, [folder / "lesions.png"])


def _all_entries(journal: Journal, dataset: ImageDataset) -> list[Entry]:
    """One entry an image, in order.

    Raises:
        RunError: some are missing.
    """
    entries = {entry.image: entry for entry in journal.entries()}
    if missing := len(dataset) - len(entries):
        raise RunError(
            f"expected {len(dataset)} images in {journal.folder}, found {missing} fewer: a file of another machine is "
            "not there yet; the same command goes on"
        )
    return [entries[image] for image in dataset.ids]
