"""``miad bench composite``: how fast candidates are composited, against a bare copy and against one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image

from miad.commands.bench.json_file import write_json
from miad.commands.bench.memory import memory_kind, most_memory, show_memory
from miad.commands.bench.timing import Rates, Work, take_turns
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.errors import RunError, check_at_least
from miad.imaging import from_tensor, to_tensor
from miad.tensors import Images
from miad.watermark import AlphaMode, Atlas, Placement, blend, draw_variants, load_logo, make_atlas

_BATCHES = 16
"""Batches in one timing: a copy of one alone is over before a clock has ticked often enough."""


@dataclass(frozen=True)
class CompositeSpeed:
    """Candidates a second, medians; ratios are medians of the turns' own."""

    size: int
    """Side of the images in pixels."""
    batch_size: int
    variants: int
    """Renderings of the logo, the plain one included."""
    copied: float
    """A bare copy of the batch, as fast as memory allows."""
    blended: float
    """Composited a batch at a time, in integers, as the search does."""
    one_by_one: float
    """A candidate at a time: the picture copied, the logo pasted by Pillow, the pixels put on the device."""
    blended_of_copied: float
    one_by_one_of_copied: float
    blended_of_one_by_one: float
    memory: float | None
    """Most memory while batches were composited, in MiB."""
    memory_of: str
    """What of: see `memory_kind`."""


def composite(
    size: int = 224,
    batch_size: int = 64,
    logo: str = "emblem",
    scale: float = 2.0,
    variants: int = 8,
    alpha_mode: AlphaMode = "binary",
    repeats: int = 5,
    seed: int = 2023,
    json: Path | None = None,
) -> None:
    """Measure how fast candidates are composited.

    Puts the logo on a batch of random images, each at a place, opacity and variant of its own; copies the same batch,
    which is as fast as memory allows; and pastes the logo on one image after the other with Pillow, as public code
    does, by turns; prints candidates a second and their ratios. Both ways must make the same pixels. Ratios hold for
    this machine.

    Args:
        size: side of the images in pixels.
        batch_size: candidates at once.
        logo: emblem, wordmark, crest, or a picture file.
        scale: 1 is the largest logo that fits, 2 half as wide and high.
        variants: turned and recoloured renderings of the logo beside the plain one.
        alpha_mode: hard edges, or the logo's own soft ones.
        repeats: turns.
        seed: of everything random.
        json: file to write the numbers to as well.

    Raises:
        InputError: an option is out of its range, or there is no such logo.
        RunError: Pillow makes other pixels.
    """
    check_at_least(1, size=size, batch_size=batch_size, repeats=repeats)
    check_at_least(0, variants=variants, seed=seed)
    device = Run("bench").device
    shown = draw_variants(variants, seed)
    atlas = make_atlas(load_logo(logo), shown, (size, size), scale, grey=False, mode=alpha_mode).to(device)
    candidates = _Candidates.draw(size, batch_size, atlas, torch.Generator().manual_seed(seed), device)
    candidates.check()
    rates = take_turns(candidates.works(), repeats)
    speed = _speed(rates, candidates, most_memory(candidates.blend, device))
    _show(speed, f"{batch_size} images of {size}x{size}, {speed.variants} variants; medians of {repeats}")
    write_json(json, speed)


@dataclass(frozen=True)
class _Candidates:
    """Images, and a placement for each."""

    hosts: Images
    placement: Placement
    atlas: Atlas
    pictures: Sequence[Image.Image]
    """The same images as Pillow has them."""
    logos: Sequence[tuple[Image.Image, Image.Image]]
    """The variants' colours and coverage."""

    @classmethod
    def draw(
        cls, size: int, count: int, atlas: Atlas, generator: torch.Generator, device: torch.device
    ) -> "_Candidates":
        hosts = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
        variant = torch.randint(len(atlas.sizes), (count,), generator=generator)
        room = size + 1 - atlas.sizes.cpu()[variant]
        y, x = (torch.rand(count, 2, generator=generator) * room).long().unbind(1)
        alpha = torch.randint(100, 221, (count,), generator=generator)
        pictures = [Image.fromarray(from_tensor(host, grey=False)) for host in hosts]
        renderings = [atlas.rendering(index) for index in range(len(atlas.sizes))]
        logos = [(Image.fromarray(one.rgb), Image.fromarray(one.coverage)) for one in renderings]
        return cls(hosts.to(device), Placement(x, y, alpha, variant).to(device), atlas, pictures, logos)

    def works(self) -> dict[str, Work]:
        many = _BATCHES * len(self.hosts)
        return {
            "copied": Work(many, lambda: [self.hosts.clone() for _ in range(_BATCHES)]),
            "blended": Work(many, lambda: [self.blend() for _ in range(_BATCHES)]),
            "one_by_one": Work(len(self.hosts), self.paste),
        }

    def blend(self) -> Images:
        return blend(self.hosts, self.placement, self.atlas)

    def paste(self) -> Images:
        """One candidate after the other."""
        marked = torch.empty_like(self.hosts)
        for index, (x, y, alpha, variant) in enumerate(self.placement.rows().tolist()):
            logo, coverage = self.logos[variant]
            picture = self.pictures[index].copy()
            picture.paste(logo, (x, y), coverage.point([(level * alpha + 127) // 255 for level in range(256)]))
            marked[index] = to_tensor(np.asarray(picture))
        return marked

    def check(self) -> None:
        """Both ways make the same pixels.

        Raises:
            RunError: they do not.
        """
        wrong = int((self.blend() != self.paste()).any(1).sum())
        if wrong:
            raise RunError(
                f"expected Pillow to make the same pixels, found {wrong} others; its version {PIL.__version__} pastes "
                "in another way, so compare with another one"
            )


def _speed(rates: Rates, candidates: _Candidates, memory: float | None) -> CompositeSpeed:
    return CompositeSpeed(
        size=candidates.hosts.shape[-1],
        batch_size=len(candidates.hosts),
        variants=len(candidates.logos),
        copied=rates.rate("copied"),
        blended=rates.rate("blended"),
        one_by_one=rates.rate("one_by_one"),
        blended_of_copied=rates.ratio("blended", "copied"),
        one_by_one_of_copied=rates.ratio("one_by_one", "copied"),
        blended_of_one_by_one=rates.ratio("blended", "one_by_one"),
        memory=memory,
        memory_of=memory_kind(candidates.hosts.device),
    )


def _show(speed: CompositeSpeed, title: str) -> None:
    rows = [
        ("copy of the batch", f"{speed.copied:.0f}", "1.000", ""),
        ("composited", f"{speed.blended:.0f}", f"{speed.blended_of_copied:.3f}", f"{speed.blended_of_one_by_one:.2f}"),
        ("one by one", f"{speed.one_by_one:.0f}", f"{speed.one_by_one_of_copied:.3f}", "1.00"),
    ]
    title += f"; {show_memory(speed.memory)} MiB ({speed.memory_of})"
    show_table(title, ("", "candidates/s", "of copy", "of one by one"), rows)
