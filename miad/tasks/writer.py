"""Writes marked images as they are found, re-reads them, and books the verdict.

Encoding, comparing and packing happen in threads beside the device's next search; the verdict waits until there are
images enough for a whole batch.
"""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter

from miad.data import stored_of
from miad.imaging import read_stored, to_tensor, with_mark, write_stored
from miad.keys import Pattern, SealedRecord, Shared, rendering_digest, seal_record, shared_delta
from miad.measures import psnr, rmse, ssim
from miad.search import Status
from miad.tasks.attack import AttackTask
from miad.tasks.depth import stored_host, stored_mark
from miad.tasks.journal import Entry, Journal
from miad.tasks.marking import Marking, judged, record_of
from miad.tasks.protection import pattern_of
from miad.tasks.view import view_of
from miad.tensors import Pixels, Probabilities, StoredPixels
from miad.watermark import textured

_BOOKED = 16
"""Images that are judged and booked at a time; a killed run does those again that were not, beside those in flight."""
_WAITING = 4
"""Times as many, before the search waits for the threads."""


@dataclass(frozen=True, eq=False)
class _Written:
    """What threads make of a marking."""

    marking: Marking
    pixels: Pixels
    """What is seen of the file, re-read; of the original where there is none."""
    measures: dict[str, Any]
    """Columns of its entry."""
    rendering: str
    """Digest; empty where there is none."""
    record: SealedRecord | None
    shared: Shared | None = None
    """The delta that its record refers to."""


class MarkingWriter(BasePredictionWriter):
    """Writes ``marked/`` and the journal.

    Args:
        folder: the run's folder.
        names: for each image id the path of its marked file below ``marked/``.
        journal: where finished images are booked.
        recipient: of the key's own identity; records are sealed to it before they leave memory. The first process's
            counts.
        pictures: ids of the images whose lesions are to be pictured.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[str, str],
        journal: Journal,
        recipient: str,
        pictures: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__("batch")
        self.folder = folder
        self.names = names
        self.journal = journal
        self.recipient = recipient
        self.pictures = pictures
        self.series = ""
        self._threads = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        self._pending: list[Future[_Written]] = []
        self._done = self._searched = self._successes = self._queries = 0
        self._began = time.perf_counter()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree on the recipient, and begin to count the seconds."""
        assert isinstance(pl_module, AttackTask)
        self.recipient = trainer.strategy.broadcast(self.recipient)
        self.series = f"{self.folder.name}\n{pl_module.description}"
        self._began = time.perf_counter()

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Any,  # noqa: ANN401  (Lightning's own type)
        batch_indices: Sequence[int] | None,
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        """Hand new markings to the threads, and book what they have finished, as far as it makes whole batches."""
        assert isinstance(pl_module, AttackTask)
        self._pending += [self._threads.submit(self._write, one, _pattern(pl_module, one)) for one in prediction]
        while self._are_enough(min(_BOOKED, pl_module.in_flight)):
            self._book(trainer, pl_module)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Book the rest."""
        assert isinstance(pl_module, AttackTask)
        while self._pending:
            self._book(trainer, pl_module)
        self._threads.shutdown()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave what is not booked; a run that goes on does it again."""
        self._threads.shutdown(cancel_futures=True)

    def _are_enough(self, count: int) -> bool:
        """Whether so many are written, or too many wait."""
        waiting = len(self._pending)
        return waiting >= count and (all(one.done() for one in self._pending[:count]) or waiting > _WAITING * count)

    def _write(self, marking: Marking, pattern: Pattern | None) -> _Written:
        """Write the marked image, read it back and compare; the original when there is none."""
        item, original = marking.item, stored_of(marking.item)
        seen = original.view
        if marking.marked is None or marking.rendering is None:
            columns = {**_place(marking), "file": "", "delta": 0.0, **_quality(seen, seen)}
            unchanged = _lesion(marking, original.pixels, original.pixels)
            return _Written(marking, seen, columns | _gave_way(marking) | unchanged, "", None)
        file, digest = self.names[item.id], rendering_digest(marking.rendering)
        host, place = stored_host(item, marking.host), marking.outcome.placement
        drawn = textured(marking.rendering, marking.texture)
        marked = stored_mark(item, host, marking.marked, place, drawn)
        path = self.folder / "marked" / file
        write_stored(path, with_mark(original, marked, self.series))
        written = read_stored(path)
        record = record_of(marking, file, host, written.pixels, digest, pattern)
        delta = rmse(original.window.view(host), seen)
        columns = {**_place(marking), "file": file, "delta": delta, **_quality(written.view, seen)}
        columns |= _gave_way(marking) | _lesion(marking, written.pixels, host)
        shared = pattern if isinstance(pattern, Shared) and shared_delta(record.delta) else None
        return _Written(marking, written.view, columns, digest, seal_record(record, self.recipient), shared)

    def _book(self, trainer: Trainer, task: AttackTask) -> None:
        written = [future.result() for future in self._pending[:_BOOKED]]
        originals = [one.marking.item.image for one in written]
        probabilities = task.verdict([*originals, *(to_tensor(one.pixels) for one in written)]).cpu()
        entries = _entries(task, written, *probabilities.chunk(2))
        for one in written:
            self._keep(one)
        self.journal.add(trainer.global_rank, [(e, one.record) for e, one in zip(entries, written, strict=True)])
        del self._pending[:_BOOKED]
        self._log_progress(trainer, entries)

    def _keep(self, one: _Written) -> None:
        """What entries refer to is there before they are."""
        if one.marking.rendering is not None:
            self.journal.keep(one.rendering, one.marking.rendering)
            if one.shared is not None:
                self.journal.keep(one.shared.digest, one.shared.picture)
            if one.marking.item.id in self.pictures:
                self.journal.keep_view(view_of(one.marking, one.pixels))

    def _log_progress(self, trainer: Trainer, entries: Sequence[Entry]) -> None:
        """Running numbers of this process since it began, so that a dashboard moves while the attack runs."""
        searched = [entry for entry in entries if entry.status in (Status.SUCCESS, Status.FAILED)]
        self._done += len(entries)
        self._searched += len(searched)
        self._successes += sum(entry.status is Status.SUCCESS for entry in searched)
        self._queries += sum(entry.queries for entry in searched)
        seconds = time.perf_counter() - self._began
        progress = {
            "progress/images": float(self._done),
            "progress/images_per_second": self._done / seconds,
            "progress/queries_per_second": self._queries / seconds,
        }
        if self._searched:
            progress["progress/success_rate"] = self._successes / self._searched
            progress["progress/queries_mean"] = self._queries / self._searched
        for logger in trainer.loggers:
            logger.log_metrics(progress, step=self._done)


def _pattern(task: AttackTask, marking: Marking) -> Pattern | None:
    """What the image's delta is made of."""
    protection = task.protection
    return None if protection is None else pattern_of(protection.vaccine, task.seed, marking.item.id)


def _entries(task: AttackTask, written: Sequence[_Written], before: Probabilities, after: Probabilities) -> list[Entry]:
    labels = torch.tensor([one.marking.item.label for one in written])
    misread = task.sources.misread(after[:, : len(task.sources.members)], labels).tolist()
    return [
        Entry(
            image=one.marking.item.id,
            label=one.marking.item.label,
            status=judged(one.marking.outcome.status, misread=misread[index]),
            queries=one.marking.outcome.queries,
            before=before[index].tolist(),
            after=after[index].tolist(),
            **one.measures,
        )
        for index, one in enumerate(written)
    ]


def _quality(pixels: Pixels, original: Pixels) -> dict[str, float]:
    return {"ssim": ssim(pixels, original), "psnr": psnr(pixels, original), "rmse": rmse(pixels, original)}


def _place(marking: Marking) -> dict[str, int]:
    place = marking.outcome.placement
    values = place.rows()[0].tolist() if len(place) else (-1,) * 4
    return dict(zip(("x", "y", "alpha", "variant"), values, strict=True))


def _gave_way(marking: Marking) -> dict[str, Any]:
    return {"scale": marking.room.scale, "raised": marking.room.raised, "trusted": marking.room.trusted}


def _lesion(marking: Marking, written: StoredPixels, host: StoredPixels) -> dict[str, Any]:
    """What became of the given lesion, counted on the file that was written."""
    if marking.item.lesion is None:
        return {"lesion": -1, "covered": 0, "caught": 0}
    lesion = marking.item.lesion
    changed = torch.from_numpy((written != host).reshape(*lesion.shape, -1).any(2))
    caught = lesion & marking.room.mask
    return {"lesion": int(lesion.sum()), "covered": int((lesion & changed).sum()), "caught": int(caught.sum())}
