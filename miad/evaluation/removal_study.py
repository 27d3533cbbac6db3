"""What is left of a mark, and of a picture, when others take the mark off.

The protocols of MIAD-MARK's Figures 5b, 5c, 8a, 8b and 10 and of its Table 1, with what they lack: the same marks with
every delta and without, the image with nothing removed and with the mark taken off exactly, distances to the original
plus delta, and adversaries that are no networks. Where the attack was searched over deltas, as the paper does it, these
are one case more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor

from miad.data import DrawnMark, Item, RandomMarker
from miad.evaluation.adversaries import Adversary, VisibleMark
from miad.evaluation.key_size import UNKNOWN, Host, KeySize, Subject, key_size, record_size
from miad.imaging import from_tensor, to_tensor
from miad.measures import mask_iou, removal_quality
from miad.models import Remover
from miad.targets import Target, score_images
from miad.tasks import delta_generator, pattern_of
from miad.tensors import Images, to_levels, to_unit
from miad.vaccine import Vaccine, around
from miad.watermark import NO_TEXTURE, TextureOptions, keyed_texture, mix

NOTHING, EXACT = "nothing", "exact"
"""The marked image as it is, and with the mark taken off exactly: no adversary without the key does better."""
OWN: Final = "own"
"""In place of a vaccine: the delta that the attack itself gave the images, and searched over."""


class Case(NamedTuple):
    """One way to protect images."""

    vaccine: str
    """none, noise, delta_d, delta_i or own."""
    made_on: str
    """Names of the removers that delta was made on, joined by +."""
    order: str
    """before or after: whether delta is added before the mark, as MIAD-MARK does, or after it (its Table 8b)."""
    family: str = "free"
    """What is free in delta, see `VaccineOptions`; it makes no difference where there is none."""
    texture: str = ""
    """In words, where the study puts one into the marks; empty where they are as the attack made them."""

    @classmethod
    def of(cls, row: Mapping[str, str | float]) -> Self:
        """That of a row of a study."""
        return cls(*(str(row[name]) for name in cls._fields))

    @property
    def title(self) -> str:
        """For tables and pictures."""
        family = "" if self.vaccine == "none" or self.family == "free" else self.family
        words = [self.vaccine, family, self.made_on, "after" if self.order == "after" else "", self.texture]
        return " ".join(word for word in words if word)


class Attempt(NamedTuple):
    """Images of one case as one adversary leaves them."""

    case: Case
    removed_by: str
    images: Images
    """uint8 ``(n, 3, h, w)``."""
    originals: Images
    """The same shape."""
    protected: Images
    """The originals with delta, the same shape."""
    marks: Tensor
    """Where the marks are, bool ``(n, 1, h, w)``."""
    masks: Tensor | None
    """Where a network sees the mark, float ``(n, 1, h, w)``, 0..1."""
    sizes: Sequence[KeySize]
    """What each image costs in a key; not a number where delta lies over the mark, which no key undoes."""


@dataclass(frozen=True)
class RemovalStudy:
    """Who removes the marks of what, and how it is judged.

    Args:
        cases: ways to protect images, each with what makes its delta; None for the attack's own.
        removers: networks that remove marks, by name, in evaluation mode.
        adversaries: others who do.
        targets: classifiers to read what they leave.
        marker: puts marks such as these on hosts, for deltas that are made under random marks; its one logo is known to
            everyone.
        seed: with an image's id it fixes what is random about its delta.
        spare: keep delta off given lesions.
        own: the texture that the marks have of themselves, which adversaries know of.
        added: the texture that they get in the cases that name one.
        denoisers: filters that each image also goes through before the networks get it: deltas are fine patterns, which
            an adversary who expects one takes off first.
    """

    cases: Mapping[Case, Vaccine | None]
    removers: Mapping[str, Remover]
    adversaries: Sequence[Adversary]
    targets: Sequence[Target]
    marker: RandomMarker
    seed: int
    spare: bool = False
    own: TextureOptions = NO_TEXTURE
    added: TextureOptions = NO_TEXTURE
    denoisers: Sequence[Adversary] = ()

    @property
    def needs_hosts(self) -> bool:
        """Whether a case is the attack's own delta."""
        return None in self.cases.values()

    def clean(self, subjects: Sequence[Subject], device: torch.device) -> Iterator[Attempt]:
        """Every case as every adversary leaves it.

        Args:
            subjects: images of one size and kind; with their hosts, where these are needed.
            device: where the networks are.
        """
        worn = {texture: self._wear(subjects, texture) for texture in {case.texture for case in self.cases}}
        batches = {texture: _Batch.of(own, device, spare=self.spare) for texture, own in worn.items()}
        for case, vaccine in self.cases.items():
            batch = batches[case.texture]
            protected, marked = self._protect(case, vaccine, batch)
            own = worn[case.texture]
            sizes = self._sizes(case, vaccine, own, protected, marked)
            for name, images, masks in self._remove(case, protected, marked, own):
                yield Attempt(case, name, images, batch.originals, protected, batch.alphas > 0, masks, sizes)

    def judge(self, attempt: Attempt, subjects: Sequence[Subject]) -> list[dict[str, str | float]]:
        """A row an image: how far it is from the original, and from original plus delta, and who reads it correctly."""
        images, marks = attempt.images, attempt.marks
        columns: dict[str, Tensor] = dict(removal_quality(images, attempt.originals, marks)._asdict())
        protected = removal_quality(images, attempt.protected, marks)._asdict()
        columns |= {f"{name}_protected": values for name, values in protected.items()}
        unknown = torch.full((len(subjects),), nan)
        columns["mask_iou"] = unknown if attempt.masks is None else mask_iou(attempt.masks, marks)
        labels = torch.tensor([subject.item.label for subject in subjects])
        for target in self.targets:
            columns[f"accuracy/{target.name}"] = (score_images(target, iter(images)).argmax(1) == labels).float()
        values = torch.stack([column.double().cpu() for column in columns.values()], 1).tolist()
        return [
            {"image": subject.item.id, **attempt.case._asdict(), "removed_by": attempt.removed_by}
            | dict(zip(columns, row, strict=True))
            | size._asdict()
            for subject, row, size in zip(subjects, values, attempt.sizes, strict=True)
        ]

    def _wear(self, subjects: Sequence[Subject], texture: str) -> Sequence[Subject]:
        """The images with the marks of a case; textures are drawn from the seed, as nothing is protected here."""
        if not texture:
            return subjects
        secret = b"removal study %d" % self.seed
        keyed = [keyed_texture(self.added, secret, one.item.id, grey=one.item.grey) for one in subjects]
        return [
            subject._replace(mark=replace(subject.mark, rendering=texture.on(subject.mark.rendering)))
            for subject, texture in zip(subjects, keyed, strict=True)
        ]

    def _sizes(
        self, case: Case, vaccine: Vaccine | None, subjects: Sequence[Subject], protected: Images, marked: Images
    ) -> list[KeySize]:
        if vaccine is None:
            return [record_size(_host(one).record, from_tensor(one.item.image, grey=one.item.grey)) for one in subjects]
        if case.order == "after":
            return [UNKNOWN] * len(subjects)
        patterns = (pattern_of(vaccine, self.seed, subject.item.id) for subject in subjects)
        return [*map(key_size, subjects, protected, marked, patterns)]

    def _protect(self, case: Case, vaccine: Vaccine | None, batch: "_Batch") -> tuple[Images, Images]:
        """The originals with delta, and marked."""
        if vaccine is None:
            return batch.hosts, batch.mark(batch.hosts)
        originals, lesions, grey = batch.originals, batch.lesions, batch.grey
        generators = [delta_generator(self.seed, id_) for id_ in batch.ids]
        if case.order == "before":
            marker = replace(self.marker, grey=grey)
            near = batch.near(vaccine.options.margin)
            protected = vaccine(originals, generators, lesions, grey=grey, marker=marker, near=near).protected
            return protected, batch.mark(protected)
        near = batch.near(vaccine.options.margin)
        found = vaccine(batch.mark(originals), generators, lesions, grey=grey, unmarked=originals, near=near)
        return (originals.short() + found.delta).clamp(0, 255).to(torch.uint8), found.protected

    def _remove(
        self, case: Case, protected: Images, marked: Images, subjects: Sequence[Subject]
    ) -> Iterator[tuple[str, Images, Tensor | None]]:
        """Who removes the marks, what is left, and where a network sees them."""
        yield NOTHING, marked, None
        if case.order == "before":  # a delta over the mark is stretched where the mark comes off
            yield EXACT, protected, None
        texture = self.added if case.texture else self.own
        yield from self._clean(marked, "")
        for denoiser in self.denoisers:
            yield from self._clean(self._outwit(denoiser, marked, subjects, texture), f" after {denoiser.name}")
        for adversary in self.adversaries:
            yield adversary.name, self._outwit(adversary, marked, subjects, texture), None

    def _clean(self, images: Images, words: str) -> Iterator[tuple[str, Images, Tensor]]:
        """What every network makes of some images."""
        for name, remover in self.removers.items():
            with torch.no_grad():
                found = remover(to_unit(images))
            yield f"{name}{words}", to_levels(found.image), found.mask

    def _outwit(
        self, adversary: Adversary, marked: Images, subjects: Sequence[Subject], texture: TextureOptions
    ) -> Images:
        cleaned = []
        for image, (item, mark, _) in zip(marked, subjects, strict=True):
            pixels = from_tensor(image, grey=item.grey)
            shape = (image.shape[1], image.shape[2])
            logo, mode = self.marker.logos[0], self.marker.ranges.alpha_mode
            visible = VisibleMark.of(logo, mark.rendering.coverage, (mark.x, mark.y), shape, mode, texture)
            cleaned.append(to_tensor(adversary(pixels, visible)))
        return torch.stack(cleaned).to(marked.device)


class _Batch(NamedTuple):
    """Images and their marks, where the networks are."""

    ids: list[str]
    grey: bool
    originals: Images
    alphas: Tensor
    """Opacity of the marks, int32 ``(n, 1, h, w)``."""
    colours: Images
    lesions: Tensor | None
    """Where delta is to be 0, bool ``(n, h, w)``; None to put it everywhere."""
    hosts: Images
    """The originals with the attack's own delta; the originals where that was not read."""
    places: list[tuple[tuple[int, int], tuple[int, int]]]
    """x and y of the marks, and their heights and widths."""

    @classmethod
    def of(cls, subjects: Sequence[Subject], device: torch.device, *, spare: bool) -> Self:
        items = [subject.item for subject in subjects]
        shape = (items[0].image.shape[1], items[0].image.shape[2])
        planes = zip(*(subject.mark.planes(shape) for subject in subjects), strict=True)
        alphas, colours = (torch.stack(part).to(device) for part in planes)
        originals = torch.stack([item.image for item in items]).to(device)
        lesions = _lesions(items) if spare else None
        hosts = torch.stack([one.item.image if one.host is None else one.host.image for one in subjects]).to(device)
        places = [((one.mark.x, one.mark.y), _shape(one.mark)) for one in subjects]
        ids = [item.id for item in items]
        return cls(ids, items[0].grey, originals, alphas.int(), colours, lesions, hosts, places)

    def near(self, margin: int) -> Tensor:
        """Boxes around the marks, bool ``(n, h, w)``."""
        height, width = self.originals.shape[-2:]
        boxes = [around((height, width), place, logo, margin) for place, logo in self.places]
        return torch.stack(boxes).to(self.originals.device)

    def mark(self, hosts: Images) -> Images:
        return mix(hosts, self.colours, self.alphas)


def _host(subject: Subject) -> Host:
    assert subject.host is not None, "a case of the attack's own delta needs the hosts"
    return subject.host


def _shape(mark: DrawnMark) -> tuple[int, int]:
    height, width = mark.rendering.coverage.shape
    return height, width


def _lesions(items: Sequence[Item]) -> Tensor:
    empty = torch.zeros(items[0].image.shape[1:], dtype=torch.bool)
    return torch.stack([empty if item.lesion is None else item.lesion for item in items])
