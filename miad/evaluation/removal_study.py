"""What is left of a mark, and of a picture, when others take the mark off.

The protocols of MIAD-MARK's Figures 5b, 5c, 8a, 8b and 10 and of its Table 1, with what they lack: the same marks with
every delta and without, the image with nothing removed and with the mark taken off exactly, distances to the original
plus delta, and adversaries that are no networks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import NamedTuple, Self

import torch
from torch import Tensor

from miad.data import DrawnMark, Item, RandomMarker
from miad.evaluation.adversaries import Adversary, VisibleMark
from miad.imaging import from_tensor, to_tensor
from miad.measures import mask_iou, removal_quality
from miad.models import Remover
from miad.targets import Target, score_images
from miad.tasks import delta_generator
from miad.tensors import Images, to_levels, to_unit
from miad.vaccine import Vaccine
from miad.watermark import mix

NOTHING, EXACT = "nothing", "exact"
"""The marked image as it is, and with the mark taken off exactly: no adversary without the key does better."""


class Case(NamedTuple):
    """One way to protect images."""

    vaccine: str
    """none, noise, delta_d or delta_i."""
    made_on: str
    """Names of the removers that delta was made on, joined by +."""
    order: str
    """before or after: whether delta is added before the mark, as MIAD-MARK does, or after it (its Table 8b)."""

    @classmethod
    def of(cls, row: Mapping[str, str | float]) -> Self:
        """That of a row of a study."""
        return cls(*(str(row[name]) for name in cls._fields))

    @property
    def title(self) -> str:
        """For tables and pictures."""
        words = [self.vaccine, self.made_on, "after" if self.order == "after" else ""]
        return " ".join(word for word in words if word)


class Subject(NamedTuple):
    """An image, and the mark that it gets in every case."""

    item: Item
    mark: DrawnMark


class Attempt(NamedTuple):
    """Images of one case as one adversary leaves them."""

    case: Case
    removed_by: str
    images: Images
    """uint8 ``(n, 3, h, w)``."""
    protected: Images
    """The originals with delta, the same shape."""
    masks: Tensor | None
    """Where a network sees the mark, float ``(n, 1, h, w)``, 0..1."""


@dataclass(frozen=True)
class RemovalStudy:
    """Who removes the marks of what, and how it is judged.

    Args:
        cases: ways to protect images, each with what makes its delta.
        removers: networks that remove marks, by name, in evaluation mode.
        adversaries: others who do.
        targets: classifiers to read what they leave.
        marker: puts marks such as these on hosts, for deltas that are made under random marks; its one logo is known to
            everyone.
        seed: with an image's id it fixes what is random about its delta.
        spare: keep delta off given lesions.
    """

    cases: Mapping[Case, Vaccine]
    removers: Mapping[str, Remover]
    adversaries: Sequence[Adversary]
    targets: Sequence[Target]
    marker: RandomMarker
    seed: int
    spare: bool = False

    def clean(self, subjects: Sequence[Subject], device: torch.device) -> Iterator[Attempt]:
        """Every case as every adversary leaves it.

        Args:
            subjects: images of one size and kind.
            device: where the networks are.
        """
        originals = torch.stack([subject.item.image for subject in subjects]).to(device)
        for case, vaccine in self.cases.items():
            protected, marked = self._protect(case, vaccine, subjects, originals)
            yield Attempt(case, NOTHING, marked, protected, None)
            if case.order == "before":  # a delta over the mark is stretched where the mark comes off
                yield Attempt(case, EXACT, protected, protected, None)
            for name, remover in self.removers.items():
                with torch.no_grad():
                    found = remover(to_unit(marked))
                yield Attempt(case, name, to_levels(found.image), protected, found.mask)
            for adversary in self.adversaries:
                yield Attempt(case, adversary.name, self._outwit(adversary, marked, subjects), protected, None)

    def judge(self, attempt: Attempt, subjects: Sequence[Subject]) -> list[dict[str, str | float]]:
        """A row an image: how far it is from the original, and from original plus delta, and who reads it correctly."""
        device = attempt.images.device
        originals = torch.stack([subject.item.image for subject in subjects]).to(device)
        marks = torch.cat([_planes(subject)[0][None] for subject in subjects]).to(device) > 0
        columns: dict[str, Tensor] = dict(removal_quality(attempt.images, originals, marks)._asdict())
        protected = removal_quality(attempt.images, attempt.protected, marks)._asdict()
        columns |= {f"{name}_protected": values for name, values in protected.items()}
        unknown = torch.full((len(subjects),), nan)
        columns["mask_iou"] = unknown if attempt.masks is None else mask_iou(attempt.masks, marks)
        labels = torch.tensor([subject.item.label for subject in subjects])
        for target in self.targets:
            read = score_images(target, iter(attempt.images)).argmax(1) == labels
            columns[f"accuracy/{target.name}"] = read.float()
        values = torch.stack([column.double().cpu() for column in columns.values()], 1).tolist()
        return [
            {"image": subject.item.id, **attempt.case._asdict(), "removed_by": attempt.removed_by}
            | dict(zip(columns, row, strict=True))
            for subject, row in zip(subjects, values, strict=True)
        ]

    def _protect(
        self, case: Case, vaccine: Vaccine, subjects: Sequence[Subject], originals: Images
    ) -> tuple[Images, Images]:
        """The originals with delta, and marked."""
        lesions = self._lesions(subjects)
        generators = [delta_generator(self.seed, subject.item.id) for subject in subjects]
        grey = subjects[0].item.grey
        if case.order == "before":
            marker = replace(self.marker, grey=grey)
            protected = vaccine(originals, generators, lesions, grey=grey, marker=marker).protected
            return protected, _mark(protected, subjects)
        found = vaccine(_mark(originals, subjects), generators, lesions, grey=grey, unmarked=originals)
        return (originals.short() + found.delta).clamp(0, 255).to(torch.uint8), found.protected

    def _lesions(self, subjects: Sequence[Subject]) -> Tensor | None:
        if not self.spare:
            return None
        shape = subjects[0].item.image.shape[1:]
        empty = torch.zeros(shape, dtype=torch.bool)
        return torch.stack([empty if subject.item.lesion is None else subject.item.lesion for subject in subjects])

    def _outwit(self, adversary: Adversary, marked: Images, subjects: Sequence[Subject]) -> Images:
        cleaned = []
        for image, (item, mark) in zip(marked, subjects, strict=True):
            pixels = from_tensor(image, grey=item.grey)
            shape = (image.shape[1], image.shape[2])
            logo, mode = self.marker.logos[0], self.marker.options.alpha_mode
            visible = VisibleMark.of(logo, mark.rendering.coverage, (mark.x, mark.y), shape, mode)
            cleaned.append(to_tensor(adversary(pixels, visible)))
        return torch.stack(cleaned).to(marked.device)


def _planes(subject: Subject) -> tuple[Tensor, Images]:
    return subject.mark.planes((subject.item.image.shape[1], subject.item.image.shape[2]))


def _mark(hosts: Images, subjects: Sequence[Subject]) -> Images:
    alphas, colours = (torch.stack(part).to(hosts.device) for part in zip(*map(_planes, subjects), strict=True))
    return mix(hosts, colours, alphas.to(torch.int32))
