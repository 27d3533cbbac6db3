"""What delta an attack gives each image before it is marked."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from miad.data import RandomMarker
from miad.keys import Blocks, Pattern, Seeded, Shared, picture_of
from miad.search import image_generator
from miad.tensors import Images
from miad.vaccine import Vaccine, draw_seed


def delta_generator(seed: int, image_id: str) -> torch.Generator:
    """What is random about one image's delta; another stream than its search's, which delta must not move."""
    return image_generator(seed, f"{image_id}\ndelta")


def pattern_of(vaccine: Vaccine, seed: int, image_id: str) -> Pattern | None:
    """What one image's delta is made of, for its key; None where every value is its own."""
    options = vaccine.options
    if options.family == "block":
        return Blocks(options.eps, options.block)
    if options.family == "universal" and vaccine.universal is not None:
        return Shared(options.eps, picture_of(vaccine.universal.numpy()))
    if options.family == "free" and options.kind == "noise":
        return Seeded(options.eps, draw_seed(delta_generator(seed, image_id)))
    return None


class Protection(nn.Module):
    """Vaccinates images a few at a time.

    Args:
        vaccine: makes the deltas.
        batch_size: images at a time; their gradients need far more memory than a search's forward passes.
        spare: keep delta off the lesions.
        marker: puts marks on hosts, where the vaccine asks for marked ones.
    """

    def __init__(
        self, vaccine: Vaccine, batch_size: int = 8, *, spare: bool = False, marker: RandomMarker | None = None
    ) -> None:
        super().__init__()
        self.vaccine = vaccine
        self.batch_size = batch_size
        self.spare = spare
        self.marker = marker

    @property
    def after_search(self) -> bool:
        """Whether delta needs the mark's place, and so comes after the search."""
        return self.vaccine.options.family == "near"

    def forward(
        self,
        images: Images,
        ids: Sequence[str],
        seed: int,
        masks: Tensor,
        *,
        grey: bool,
        near: Tensor | None = None,
    ) -> Images:
        """The protected images; an image's delta does not depend on the others.

        Args:
            images: uint8 ``(n, 3, h, w)``.
            ids: one an image; with the seed they fix what is random about its delta.
            seed: of the run.
            masks: bool ``(n, h, w)``, the lesions.
            grey: whether the files store one channel.
            near: bool ``(n, h, w)``, where alone delta may be, if it is to be near the marks.

        Returns:
            uint8, the same shape.
        """
        generators = [delta_generator(seed, id_) for id_ in ids]
        marker = self.marker and replace(self.marker, grey=grey)
        parts = []
        for start in range(0, len(images), self.batch_size):
            own = slice(start, start + self.batch_size)
            lesions = masks[own] if self.spare else None
            box = None if near is None else near[own]
            found = self.vaccine(images[own], generators[own], lesions, grey=grey, marker=marker, near=box)
            parts.append(found.protected)
        return torch.cat(parts)
