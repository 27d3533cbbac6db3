"""``miad attack``: mark images so that classifiers fail."""

from typing import Any

from miad.commands.marking import check_targets, load_targets, mark_images, mark_options
from miad.commands.run import Run
from miad.commands.run_key import DEFAULT_KEY, KeyOptions
from miad.data import ImageDataModule, Split, choose_images
from miad.errors import InputError, check_at_least
from miad.search import FIRST_SUCCESS, LEARNED, Stop, Strategy
from miad.targets import Ensemble, Success
from miad.tasks import AttackTask

_DRAWN = 16
"""Images in lesions.png, which stays in the run's folder where no pictures are asked for."""


def attack(
    data: ImageDataModule,
    sources: str,
    run: Run,
    unseen: str = "",
    ensemble: bool = False,
    weights: list[float] | None = None,
    success: Success = "mean",
    search: Strategy = LEARNED,
    stop: Stop = FIRST_SUCCESS,
    split: Split = "test",
    per_class: int | None = None,
    images: int = 32,
    batch_size: int = 64,
    native: bool = False,
    pictures: int = 0,
    key: KeyOptions = DEFAULT_KEY,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> dict[str, float]:
    """Mark images so that classifiers fail.

    Writes RUN/marked/ (DICOM and TIFF stay what they are, all else becomes PNG; depths stay), attack.csv (an image a
    row), predictions.csv (every target's probabilities), metrics.csv, the key NAME.miadkey, which is encrypted, and
    NAME.identity, which opens it: keep that to yourself, and let others in by 'miad keys grant'. Started again, an
    interrupted run goes on where it stopped and ends with the same files.

    Args:
        data: images and labels.
        sources: classifiers to search on: folders of 'miad fit classifier' or checkpoints, separated by commas.
        run: where to write, on what to run.
        unseen: classifiers that are only tested on, likewise.
        ensemble: search on all sources at once.
        weights: weight of each source in the ensemble; equal by default.
        success: an image is misread when the sources' weighted mean is wrong, when all of them are, or when at least
            this many are.
        search: learned, which first learns where marks work, from training images without delta (from those to mark
            where there are none); he_sit, he, bhe, bhe_random,
            basin_hopping, de, random, grid; or a class of miad.search.
        stop: when an image's search ends.
        split: which images; test means val where there are no test images.
        per_class: mark only this many images of every class, drawn by the run's seed.
        images: images in flight.
        batch_size: candidates a forward pass.
        native: search images that are larger than the sources read on squares of the size that they do read, and mark
            the images themselves, at the same relative place; leave out --data.size.
        pictures: log so many marked images, and lesions.png of as many; by default no picture of an image is logged,
            and originals never are. In the run's folder lesions.png has 16 where none are asked for.
        key: who can open the key.
        mark: how the mark may look, see `mark_options`.

    Returns:
        The measures, as in metrics.csv.
    """
    check_at_least(1, images=images, batch_size=batch_size)
    check_at_least(0, pictures=pictures)
    attacked, tested = load_targets(sources), load_targets(unseen)
    if len(attacked) > 1 and not ensemble:
        raise InputError(f"expected one source, found {len(attacked)}; search on all at once with --ensemble")
    check_targets(data, [*attacked, *tested])
    chosen = mark_options(**mark)
    finder = chosen.finder(data, attacked, batch_size)
    ensemble_ = Ensemble(attacked, weights, success)
    task = AttackTask(
        ensemble_, tested, search, chosen.options, finder, chosen.protection, run.seed, batch_size, stop, native, images
    )
    chosen_images = choose_images(data, split, per_class, run.seed)
    return mark_images(data, chosen_images, task, run, pictures, key=key, drawn=pictures or _DRAWN)
