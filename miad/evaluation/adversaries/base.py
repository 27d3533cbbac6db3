"""What every adversary is: it sees a marked image and what is visible of the mark, and gives back a cleaned image."""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from miad.lesions import Box
from miad.tensors import Pixels
from miad.watermark import NO_TEXTURE, AlphaMode, Logo, TextureOptions


@dataclass(frozen=True)
class VisibleMark:
    """What anyone can see of the mark on one image; opacity and variant are the key's and are not here.

    Args:
        box: the rendered logo's rectangle, inside the image.
        mask: bool ``(h, w)``, true where the logo is drawn at all (coverage above 0); a person could outline it.
        logo: the public logo.
        mode: hard or soft edges.
        texture: how strong and how fine the texture inside it is, which is no secret; what it was drawn from is.
    """

    box: Box
    mask: NDArray[np.bool_]
    logo: Logo
    mode: AlphaMode
    texture: TextureOptions = NO_TEXTURE

    @classmethod
    def of(
        cls,
        logo: Logo,
        coverage: Pixels,
        corner: tuple[int, int],
        image: tuple[int, int],
        mode: AlphaMode,
        texture: TextureOptions = NO_TEXTURE,
    ) -> Self:
        """What shows of a placed rendering.

        Args:
            logo: the logo.
            coverage: uint8 ``(h', w')``, the rendering's.
            corner: x and y of its top-left pixel.
            image: height and width of the marked image.
            mode: hard or soft edges.
            texture: how the texture inside it is made.
        """
        (x, y), (height, width) = corner, coverage.shape
        mask = np.zeros(image, dtype=np.bool_)
        mask[y : y + height, x : x + width] = coverage > 0
        return cls(Box(x, y, width, height), mask, logo, mode, replace(texture, insecure_secret=""))

    @property
    def window(self) -> tuple[slice, slice]:
        """The box's rows and columns."""
        return slice(self.box.y, self.box.y + self.box.height), slice(self.box.x, self.box.x + self.box.width)

    @property
    def size(self) -> tuple[int, int]:
        """The box's height and width."""
        return self.box.height, self.box.width


class Adversary(Protocol):
    """Tries to take a mark off without the key."""

    @property
    def name(self) -> str:
        """The name in tables; `adversary` makes the same adversary from it."""

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image.

        Args:
            marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
            mark: what is visible of its mark.

        Returns:
            The same shape; the input is not changed.
        """


def full_name(word: str, value: float, usual: float) -> str:
    """An adversary's name, with its parameter behind a colon where that is not the usual one."""
    return word if value == usual else f"{word}:{value:g}"
