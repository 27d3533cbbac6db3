"""The adversary who knows the public logo, sees where it is, and undoes the blend without a key."""

import hashlib
from dataclasses import replace
from math import inf

from miad.evaluation.adversaries.angle import fit_angle, polish_angle
from miad.evaluation.adversaries.base import VisibleMark
from miad.evaluation.adversaries.colour import fit_colour, refine_colour
from miad.evaluation.adversaries.ink import paint, turn
from miad.evaluation.adversaries.inpaint import Inpaint
from miad.evaluation.adversaries.inversion import invert
from miad.evaluation.adversaries.seams import Recipe, Seams, find_seams
from miad.imaging import is_grey
from miad.tensors import Pixels
from miad.watermark import NO_TEXTURE

_KEPT = 256
"""Results."""


class KnownLogo:
    """Fit the angle to the mark's outline, opacity and colours to the image's smoothness, and invert the blend.

    Where the logo is not recognised, it is painted over instead. Knows nothing of a texture; `KnownTexture` does.
    """

    name = "known_logo"

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        mark = replace(mark, texture=NO_TEXTURE)
        recipe = find_recipe(marked, mark)
        drawn = None if recipe is None else paint(mark, recipe.variant, grey=is_grey(marked))
        if recipe is None or drawn is None:
            return Inpaint()(marked, mark)
        return invert(marked, round(recipe.alpha), drawn, mark)


def find_recipe(marked: Pixels, mark: VisibleMark) -> Recipe | None:
    """How a mark was made, as far as the marked image tells; none where the logo is not recognised.

    Several adversaries begin with it, so that the last results are kept.

    Args:
        marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
        mark: what is visible of its mark.

    Returns:
        Alpha is a whole number, 1..254; for grey images hue and saturation are the plain logo's.
    """
    digest = _digest(marked, mark)
    if digest not in _known:
        _known[digest] = _fit(marked, mark)
        for oldest in list(_known)[:-_KEPT]:
            del _known[oldest]
    return _known[digest]


_known: dict[bytes, Recipe | None] = {}


def _digest(marked: Pixels, mark: VisibleMark) -> bytes:
    """Of all that a fit depends on."""
    parts = (marked.shape, mark.box, mark.logo.digest, mark.mode, mark.texture)
    return hashlib.sha256(repr(parts).encode() + marked.tobytes() + mark.mask.tobytes()).digest()


def _fit(marked: Pixels, mark: VisibleMark) -> Recipe | None:
    angle = fit_angle(mark)
    seams = None if angle is None else _seams_at(angle, marked, mark)
    if angle is None or seams is None:
        return None
    recipe = fit_colour(seams)
    angle = polish_angle(lambda angle: -_surprise_at(angle, recipe, seams, mark), angle)
    recipe = refine_colour(_seams_at(angle, marked, mark) or seams, recipe)
    return Recipe(recipe.alpha, replace(recipe.variant, angle=angle))


def _seams_at(angle: float, marked: Pixels, mark: VisibleMark) -> Seams | None:
    turned = turn(mark, angle)
    return None if turned is None else find_seams(marked, turned, mark)


def _surprise_at(angle: float, recipe: Recipe, seams: Seams, mark: VisibleMark) -> float:
    """Infinite where the angle changes the box."""
    drawn = paint(mark, replace(recipe.variant, angle=angle), grey=seams.grey)
    return inf if drawn is None else seams.surprise_at(recipe.alpha, drawn, mark)
