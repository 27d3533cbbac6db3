"""Random marks: any logo of several, anyhow varied, anywhere, of any strength."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from miad.errors import InputError, check_at_least
from miad.tensors import Images
from miad.watermark import PLAIN, AlphaMode, Logo, Rendering, alpha_map, check_opacities, draw_variant, render

_PLAIN_SHARE = 0.25
"""Of the marks whose logo is not varied."""
_TRIES = 100
"""Logos to draw before none is said to fit; some of those drawn by chance are too thin for small images."""


@dataclass(frozen=True)
class MarkRanges:
    """How large and how strong random marks are.

    Args:
        scale_min: scale of the largest marks; 1 is the largest that fits.
        scale_max: scale of the smallest marks.
        alpha_min: lowest opacity of 255.
        alpha_max: highest opacity of 255.
        alpha_mode: hard edges, or the logo's own soft ones.
    """

    scale_min: float = 1.5
    scale_max: float = 4.0
    alpha_min: int = 100
    alpha_max: int = 220
    alpha_mode: AlphaMode = "binary"

    def __post_init__(self) -> None:
        """Refuse ranges that hold nothing.

        Raises:
            InputError: a range is out of order, or out of bounds.
        """
        check_at_least(1, scale_min=self.scale_min)
        check_at_least(self.scale_min, scale_max=self.scale_max)
        check_opacities(self.alpha_min, self.alpha_max)


@dataclass(frozen=True)
class PairOptions(MarkRanges):
    """The random marks of pairs.

    Args:
        logos: to train and validate on: emblem, wordmark, crest, picture files, or random:N for N drawn by chance;
            separated by commas.
        held_out: to test on, likewise.
    """

    logos: str = "random:400,emblem,wordmark"
    held_out: str = "crest"


DEFAULT_PAIRS = PairOptions()
"""Marks as strong as those of an attack, of the sizes it has, and larger and smaller."""


@dataclass(frozen=True)
class DrawnMark:
    """A rendered logo, where it stands and how strongly.

    Args:
        rendering: the logo.
        x: column of its left edge.
        y: row of its top edge.
        alpha: opacity, 1..255.
    """

    rendering: Rendering
    x: int
    y: int
    alpha: int

    def planes(self, shape: tuple[int, int]) -> tuple[Tensor, Images]:
        """Over a whole image of this height and width: opacity, uint8 ``(1, h, w)``, and colours, ``(3, h, w)``.

        The opacity is the compositor's map m; both are 0 where the mark is not.
        """
        height, width = self.rendering.coverage.shape
        window = (slice(None), slice(self.y, self.y + height), slice(self.x, self.x + width))
        covered = alpha_map(torch.from_numpy(self.rendering.coverage)[None], torch.tensor(self.alpha)).to(torch.uint8)
        alpha, colours = (torch.zeros(channels, *shape, dtype=torch.uint8) for channels in (1, 3))
        alpha[window] = covered
        colours[window] = torch.from_numpy(self.rendering.rgb).permute(2, 0, 1) * (covered > 0)
        return alpha, colours


def draw_mark(
    logos: Sequence[Logo], shape: tuple[int, int], ranges: MarkRanges, generator: np.random.Generator, *, grey: bool
) -> DrawnMark:
    """A random mark: logo, variant, scale, opacity and place.

    Args:
        logos: to choose from.
        shape: height and width of the image.
        ranges: of size and strength.
        generator: what to draw from.
        grey: make the logo grey.

    Raises:
        InputError: the image is too small for the logos.
    """
    for tries in range(_TRIES):
        logo = logos[int(generator.integers(len(logos)))]
        variant = PLAIN if generator.random() < _PLAIN_SHARE else draw_variant(generator)
        scale = float(generator.uniform(ranges.scale_min, ranges.scale_max))
        try:
            rendering = render(logo, variant, shape, scale, grey=grey, mode=ranges.alpha_mode)
            break
        except InputError:
            if tries == _TRIES - 1:
                raise
    height, width = rendering.coverage.shape
    x, y = (int(generator.integers(whole - own + 1)) for whole, own in ((shape[1], width), (shape[0], height)))
    return DrawnMark(rendering, x, y, int(generator.integers(ranges.alpha_min, ranges.alpha_max + 1)))


@dataclass(frozen=True)
class RandomMarker:
    """Puts a random mark on each of some images, so that gradients flow through it.

    Args:
        logos: to choose from.
        ranges: of size and strength.
        grey: make the logos grey.
    """

    logos: Sequence[Logo]
    ranges: MarkRanges
    grey: bool = False

    def __call__(self, hosts: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Mark float ``(n, 3, h, w)``, 0..1, each with numbers of its own generator; the same shape, not rounded."""
        alphas, colours = torch.zeros_like(hosts[:, :1]), torch.zeros_like(hosts)
        for alpha, colour, generator in zip(alphas, colours, generators, strict=True):
            seed = int(torch.randint(2**63 - 1, (), generator=generator))
            shape = (hosts.shape[2], hosts.shape[3])
            mark = draw_mark(self.logos, shape, self.ranges, np.random.default_rng(seed), grey=self.grey)
            covered, ink = mark.planes(shape)
            alpha.copy_(covered / 255)
            colour.copy_(ink / 255)
        return hosts + alphas * (colours - hosts)
