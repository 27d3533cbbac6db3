"""Mark images that are arrays, and take the marks off again: the attack without files, for other people's pipelines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import SupportsIndex

import torch

from miad.data import ArrayDataset, output_names, some_alike
from miad.errors import InputError, KeyMismatchError, check_at_least
from miad.imaging import from_tensor
from miad.keys import (
    WHOLE,
    Issuer,
    Key,
    SealedRecord,
    check_new,
    make_grant,
    own_identity,
    read_users,
    rendering_digest,
    seal_record,
    write_grant,
    write_issuer,
    write_key,
)
from miad.search import FIRST_SUCCESS, SEARCHES, LearnedPlaces, Status, Stop, Strategy
from miad.targets import Ensemble, Success, Target, check_independence
from miad.tasks.attack import AttackTask
from miad.tasks.learning import learn_places
from miad.tasks.marking import Marking, MarkOptions, judged, record_of
from miad.tensors import LesionMask, Pixels, StoredPixels
from miad.watermark import Rendering, load_logo


@dataclass(frozen=True, eq=False, repr=False)
class Protected:
    """Marked images and their key, which is in memory until it is saved.

    Args:
        images: the marked images, of their originals' types and shapes; None for those that are infeasible.
        status: what became of each image, judged on the marked pixels.
        queries: images scored for each, the clean one included.
        records: what undoing needs, sealed.
        renderings: of the logo, by digest.
        issuer: opens and signs the key.
    """

    images: tuple[Pixels | None, ...]
    status: tuple[Status, ...]
    queries: tuple[int, ...]
    records: tuple[SealedRecord, ...] = field(repr=False)
    renderings: dict[str, Rendering] = field(repr=False)
    issuer: Issuer = field(repr=False)

    def save_key(self, path: str | Path, to: Sequence[str] = ()) -> None:
        """Write the key, and beside it what opens it; neither replaces a file.

        Args:
            path: the key file, for example ``ward.miadkey``.
            to: public keys of age or ssh, or files of them. With any, only these people can open the key, by the grant
                ``ward.miadgrant``, and grant it further; else ``ward.identity`` opens it, which is yours to keep.

        Raises:
            InputError: there is such a file already, or one of ``to`` is no public key.
            RunError: the folder can not be written.
        """
        path, users = Path(path), [user for source in to for user in read_users(str(source))]
        assert self.issuer.identity is not None
        check_new(path)
        if users:  # before the key, which nobody could open without it
            grant = make_grant(self.issuer, {WHOLE: self.issuer.identity}, users, images=len(self.records), owner=True)
            write_grant(path.with_suffix(".miadgrant"), grant)
        else:
            write_issuer(own_identity(path), self.issuer)
        write_key(path, self.records, self.renderings, self.issuer)

    def __repr__(self) -> str:
        return f"<Protected: {len(self.records)} of {len(self.images)} images>"


def protect(
    images: Sequence[Pixels],
    labels: Sequence[SupportsIndex],
    targets: Sequence[Target],
    masks: Sequence[LesionMask | None] | None = None,
    *,
    ids: Sequence[str] | None = None,
    logo: str = "emblem",
    scale: float = 2.0,
    alpha: tuple[int, int] = (100, 220),
    search: str | Strategy = "learned",
    stop: Stop = FIRST_SUCCESS,
    weights: Sequence[float] | None = None,
    success: Success = "mean",
    native: bool = False,
    batch_size: int = 64,
    seed: int = 2023,
) -> Protected:
    """Mark images so that classifiers fail, as 'miad attack' does; nothing is written and nothing given is changed.

    The same images, ids, classifiers and seed give the same marks, those of 'miad attack' included. What is given must
    all be on one device, where the search runs.

    Args:
        images: uint8 ``(h, w)`` or ``(h, w, 3)`` each, of any sizes.
        labels: index of each image's class.
        targets: classifiers to search on, all at once; `Target.of` makes one of any torch network.
        masks: what the mark must keep off in each image, bool ``(h, w)``; None for nothing.
        ids: one an image, unique: with the seed they fix all that is random about it; by default their numbers.
        logo: emblem, wordmark, crest, or a picture file.
        scale: 1 is the largest logo that fits, 2 half as wide and high.
        alpha: lowest and highest opacity, 1..255.
        search: learned (first learns from these images where marks work), he_sit, he, bhe, bhe_random, basin_hopping,
            de, random, grid; or a strategy of miad.search.
        stop: when an image's search ends.
        weights: weight of each classifier; equal by default.
        success: an image is misread when the weighted mean is wrong (mean), when all are, or so many.
        native: search images that are larger than the classifiers read on squares of the size that they do read.
        batch_size: candidates a forward pass.
        seed: 0..2^32-1.

    Raises:
        InputError: something given is out of its range or does not fit the rest.
    """
    check_at_least(1, batch_size=batch_size)
    check_at_least(0, seed=seed)
    _check_targets(targets)
    dataset = ArrayDataset(images, labels, masks, ids)
    ensemble = Ensemble(targets, weights, success)
    _check_labels(dataset, len(targets[0].classes))
    options = MarkOptions(load_logo(logo), scale, alpha)
    task = AttackTask(
        ensemble, [], _strategy(search), options, seed=seed, batch_size=batch_size, stop=stop, native=native
    )
    with torch.no_grad():
        markings = _mark_all(task.to(_device(targets)), dataset)
        return _protected(task, dataset, markings)


def recover(images: Iterable[StoredPixels | None], key: Key) -> list[StoredPixels | None]:
    """The originals of marked images, bit for bit, each checked by sha256.

    Args:
        images: marked pixels exactly as `protect` gave them, or as the marked files hold them, in any order; None
            stays None.
        key: the key.

    Raises:
        KeyMismatchError: one is not an image of the key; it may have been changed.
        InputError: the key is damaged.
    """
    return [None if image is None else _restored(number, image, key) for number, image in enumerate(images)]


def _restored(number: int, image: StoredPixels, key: Key) -> StoredPixels:
    try:
        return key.restore(image)
    except KeyMismatchError as error:
        raise KeyMismatchError(f"image {number}: {error}") from None


def _check_targets(targets: object) -> None:
    if not isinstance(targets, Sequence) or not all(isinstance(target, Target) for target in targets):
        found = type(targets[0] if isinstance(targets, Sequence) else targets).__name__
        raise InputError(f"expected a list of targets, found {found}; make one by Target.of(network, size=...)")


def _check_labels(dataset: ArrayDataset, classes: int) -> None:
    for number, label in enumerate(dataset.labels):
        if not 0 <= label < classes:
            raise InputError(f"label {number}: expected a class from 0 to {classes - 1}, found {label}")


def _strategy(search: str | Strategy) -> Strategy:
    if isinstance(search, Strategy):
        return search
    if search not in SEARCHES:
        raise InputError(f"expected a search of {', '.join(SEARCHES)}, found {search!r}")
    return SEARCHES[search]


def _device(targets: Sequence[Target]) -> torch.device:
    devices = {str(parameter.device) for target in targets for parameter in target.parameters()}
    if len(devices) > 1:
        raise InputError(f"expected classifiers on one device, found {' and '.join(sorted(devices))}")
    return torch.device(devices.pop())


def _mark_all(task: AttackTask, dataset: ArrayDataset) -> dict[str, Marking]:
    """Every image's marking, by its id."""
    check_independence(task.targets, some_alike(dataset).to(task.device))
    if isinstance(task.strategy, LearnedPlaces):
        task.strategy = task.strategy.ranked(learn_places(task, task.strategy, dataset).ranking)
    starts = range(0, len(dataset), task.intake)
    done: list[Marking] = []
    for start in starts:
        batch = [dataset[index] for index in range(start, min(start + task.intake, len(dataset)))]
        done += task.take_up(batch, last=start == starts[-1])
    return {marking.item.id: marking for marking in done}


def _protected(task: AttackTask, dataset: ArrayDataset, markings: dict[str, Marking]) -> Protected:
    """Judge the marked pixels, and seal what undoes them."""
    ordered, names, issuer = [markings[id_] for id_ in dataset.ids], output_names(dataset.ids), Issuer.generate()
    marked = [one.item.image if one.marked is None else one.marked for one in ordered]
    misread = task.sources.misread(task.verdict(marked).cpu(), torch.tensor(dataset.labels)).tolist()
    images: list[Pixels | None] = []
    records: list[SealedRecord] = []
    renderings: dict[str, Rendering] = {}
    for one in ordered:
        images.append(None if one.marked is None else from_tensor(one.marked, grey=one.item.grey))
        if (pixels := images[-1]) is not None and one.rendering is not None:
            digest = rendering_digest(one.rendering)
            renderings[digest] = one.rendering
            host = from_tensor(one.host, grey=one.item.grey)
            records.append(seal_record(record_of(one, names[one.item.id], host, pixels, digest), issuer.recipient))
    status = tuple(judged(one.outcome.status, misread=wrong) for one, wrong in zip(ordered, misread, strict=True))
    queries = tuple(one.outcome.queries for one in ordered)
    return Protected(tuple(images), status, queries, tuple(records), renderings, issuer)
