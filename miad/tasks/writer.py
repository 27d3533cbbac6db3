"""Writes marked images as they are found, re-reads them, and books the verdict."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from miad.imaging import from_tensor, read_image, to_tensor, write_png
from miad.keys import make_record, rendering_digest
from miad.measures import psnr, rmse, ssim
from miad.search import Status
from miad.tasks.attack import AttackTask, Marking
from miad.tasks.journal import Entry, Journal
from miad.tasks.view import view_of
from miad.tensors import Pixels
from miad.watermark import Rendering


class MarkingWriter(BasePredictionWriter):
    """Writes ``marked/*.png`` and the journal, batch by batch.

    Args:
        folder: the run's folder.
        names: for each image id the path of its marked file below ``marked/``.
        journal: where finished images are booked.
        pictures: ids of the images whose lesions are to be pictured.
    """

    def __init__(
        self, folder: Path, names: Mapping[str, str], journal: Journal, pictures: frozenset[str] = frozenset()
    ) -> None:
        super().__init__("batch")
        self.folder = folder
        self.names = names
        self.journal = journal
        self.pictures = pictures
        self._done = self._searched = self._successes = self._queries = 0

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
        """Write, re-read, judge, book."""
        assert isinstance(pl_module, AttackTask)
        groups: dict[torch.Size, list[Marking]] = defaultdict(list)
        for marking in prediction:
            groups[marking.item.image.shape].append(marking)
        entries = [entry for group in groups.values() for entry in self._finish(pl_module, group)]
        self.journal.add(trainer.global_rank, entries)
        self._log_progress(trainer, entries)

    def _finish(self, task: AttackTask, markings: Sequence[Marking]) -> list[Entry]:
        """Entries of images of one size."""
        written = [self._write(marking) for marking in markings]
        originals = torch.stack([marking.item.image for marking in markings])
        finals = torch.stack([to_tensor(pixels) for pixels in written])
        before, after = task.verdict(torch.cat([originals, finals])).cpu().chunk(2)
        for marking, pixels in zip(markings, written, strict=True):
            if marking.item.id in self.pictures and marking.marked is not None:
                self.journal.keep_view(view_of(marking, pixels))
        labels = torch.tensor([marking.item.label for marking in markings])
        misread = task.sources.misread(after[:, : len(task.sources.targets)], labels).tolist()
        return [
            Entry(
                image=marking.item.id,
                label=marking.item.label,
                status=_judged(marking.outcome.status, misread=misread[index]),
                queries=marking.outcome.queries,
                before=before[index].tolist(),
                after=after[index].tolist(),
                **_gave_way(marking),
                **_lesion(marking, written[index]),
                **self._compared(marking, written[index]),
            )
            for index, marking in enumerate(markings)
        ]

    def _compared(self, marking: Marking, written: Pixels) -> dict[str, Any]:
        """How far the written pixels are from the original, and how to get back to it."""
        original = _stored(marking.item.image, marking)
        quality = {"ssim": ssim(written, original), "psnr": psnr(written, original), "rmse": rmse(written, original)}
        delta = rmse(_stored(marking.host, marking), original) if marking.marked is not None else 0.0
        return quality | {"delta": delta} | self._undoing(marking, original, written)

    def _write(self, marking: Marking) -> Pixels:
        """Write the marked image and read it back; the original when there is none."""
        if marking.marked is None:
            return _stored(marking.item.image, marking)
        path = self.folder / "marked" / self.names[marking.item.id]
        write_png(path, _stored(marking.marked, marking))
        return read_image(path)

    def _undoing(self, marking: Marking, original: Pixels, written: Pixels) -> dict[str, Any]:
        """Where the logo stands and how to take it off."""
        place = marking.outcome.placement
        if not len(place) or marking.rendering is None:
            return {"file": "", "x": -1, "y": -1, "alpha": -1, "variant": -1, "record": None}
        x, y, alpha, variant = place.rows()[0].tolist()
        file, name = self.names[marking.item.id], self._store(marking.rendering)
        host = _stored(marking.host, marking)
        record = make_record(marking.item.id, file, original, host, written, (x, y, alpha), marking.rendering, name)
        return {"file": file, "x": x, "y": y, "alpha": alpha, "variant": variant, "record": record}

    def _store(self, rendering: Rendering) -> str:
        digest = rendering_digest(rendering)
        self.journal.keep(digest, rendering)
        return digest

    def _log_progress(self, trainer: Trainer, entries: Sequence[Entry]) -> None:
        """Running numbers of this process, so that a dashboard moves while the attack runs."""
        searched = [entry for entry in entries if entry.status in (Status.SUCCESS, Status.FAILED)]
        self._done += len(entries)
        self._searched += len(searched)
        self._successes += sum(entry.status is Status.SUCCESS for entry in searched)
        self._queries += sum(entry.queries for entry in searched)
        progress = {"progress/images": float(self._done)}
        if self._searched:
            progress["progress/success_rate"] = self._successes / self._searched
            progress["progress/queries_mean"] = self._queries / self._searched
        for logger in trainer.loggers:
            logger.log_metrics(progress, step=self._done)


def _stored(image: Tensor, marking: Marking) -> Pixels:
    return from_tensor(image, grey=marking.item.grey)


def _gave_way(marking: Marking) -> dict[str, Any]:
    return {"scale": marking.room.scale, "raised": marking.room.raised, "trusted": marking.room.trusted}


def _lesion(marking: Marking, written: Pixels) -> dict[str, Any]:
    """What became of the given lesion, counted on the file that was written."""
    if marking.item.lesion is None:
        return {"lesion": -1, "covered": 0, "caught": 0}
    lesion = marking.item.lesion
    changed = (to_tensor(written) != marking.host).any(0)
    caught = lesion & marking.room.mask.cpu()
    return {"lesion": int(lesion.sum()), "covered": int((lesion & changed).sum()), "caught": int(caught.sum())}


def _judged(status: Status, *, misread: bool) -> Status:
    """A searched image has succeeded if, and only if, the written pixels are misread."""
    if status in (Status.SUCCESS, Status.FAILED):
        return Status.SUCCESS if misread else Status.FAILED
    return status
