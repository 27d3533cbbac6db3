"""Adversaries who try to take the mark off without the key, image by image on stored pixels.

`KnownLogo` knows the public logo and its place, `KnownTexture` also how strong and fine the texture in it is,
`Inpaint` the place alone, the filters nothing at all. Networks that remove marks are `miad.models.removers`.
"""

from miad.evaluation.adversaries.base import Adversary, VisibleMark
from miad.evaluation.adversaries.filters import Blur, Jpeg, Median, NonLocalMeans, Nothing, Resize
from miad.evaluation.adversaries.inpaint import Inpaint
from miad.evaluation.adversaries.known_logo import KnownLogo, find_recipe
from miad.evaluation.adversaries.registry import ADVERSARIES, FILTERS, adversary
from miad.evaluation.adversaries.seams import Recipe
from miad.evaluation.adversaries.textured import KnownTexture

__all__ = [
    "ADVERSARIES",
    "FILTERS",
    "Adversary",
    "Blur",
    "Inpaint",
    "Jpeg",
    "KnownLogo",
    "KnownTexture",
    "Median",
    "NonLocalMeans",
    "Nothing",
    "Recipe",
    "Resize",
    "VisibleMark",
    "adversary",
    "find_recipe",
]
