"""The logo at any angle and in any colours, from the public renderer: an adversary runs the same program."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.evaluation.adversaries.base import VisibleMark
from miad.watermark import Logo, Rendering, Texture, Variant, render

_WHOLE = 1.0000001
"""The least scale above 1. At scale 1 a logo may come up to the sides it is given, here it stays below them."""
_SHORTEST = 4
"""Pixels a side that the renderer asks for."""


def paint(mark: VisibleMark, variant: Variant, *, grey: bool) -> Rendering | None:
    """A variant of the logo as the mark would have it; none where no image and scale give the variant this box.

    Args:
        mark: what is visible of the mark.
        variant: how to show its logo.
        grey: make it grey (luminance).
    """
    drawn = _as_seen(_draw(mark, variant, grey=grey), mark)
    return None if drawn is None else Texture.mean(mark.texture, *drawn.coverage.shape).on(drawn)


def turn(mark: VisibleMark, angle: float) -> Rendering | None:
    """The turned logo in its own colours; none as of `paint`.

    They are those of no variant: even the plain one has been through 8-bit HSV.
    """
    # The luminance of three equal channels is that channel, so a grey rendering keeps its levels.
    channels = [np.dstack([mark.logo.rgba[..., channel]] * 3 + [mark.logo.rgba[..., 3]]) for channel in range(3)]
    logos = [replace(mark.logo, rgba=rgba) for rgba in channels]
    planes = [_draw(replace(mark, logo=logo), Variant(angle=angle), grey=True) for logo in logos]
    found = [plane for plane in planes if plane is not None]
    drawn = _as_seen(replace(found[0], rgb=np.dstack([plane.rgb[..., 0] for plane in found])), mark) if found else None
    if drawn is None:
        return None
    # Colours are moved by a texture only once they are those of a variant.
    return replace(drawn, coverage=Texture.mean(mark.texture, *drawn.coverage.shape).on(drawn).coverage)


def outline(mark: VisibleMark, angle: float) -> NDArray[np.bool_]:
    """Where the turned logo is drawn, bool, of the box's size or smaller; empty where it does not fit the box."""
    drawn = _draw(mark, Variant(angle=angle), grey=True)
    return np.zeros((0, 0), dtype=np.bool_) if drawn is None else drawn.coverage > 0


def recolour(colours: NDArray[np.uint8], variant: Variant, *, grey: bool) -> NDArray[np.float64]:
    """The logo's own colours as a variant shows them.

    Args:
        colours: uint8 ``(n, 3)``.
        variant: its angle does not matter.
        grey: make them grey (luminance).

    Returns:
        Levels ``(n, 1)`` when grey, else ``(n, 3)``.
    """
    # As a picture without holes, which the renderer neither crops nor scales.
    width = max(_SHORTEST, -(-len(colours) // _SHORTEST))
    sheet = np.resize(colours, (_SHORTEST, width, 3))
    opaque = Logo("colours", np.dstack([sheet, np.full((_SHORTEST, width), 255, dtype=np.uint8)]))
    drawn = render(opaque, replace(variant, angle=0.0), (_SHORTEST, width), 1, grey=grey)
    levels = drawn.rgb.reshape(-1, 3)[: len(colours)].astype(np.float64)
    return levels[:, :1] if grey else levels


def _draw(mark: VisibleMark, variant: Variant, *, grey: bool) -> Rendering | None:
    """The largest rendering within the mark's box, which fills it where any image and scale do."""
    height, width = mark.size
    try:
        return render(mark.logo, variant, (height + 1, width + 1), _WHOLE, grey=grey, mode=mark.mode)
    except InputError:  # too small a box for this angle
        return None


def _as_seen(drawn: Rendering | None, mark: VisibleMark) -> Rendering | None:
    """With the outline that is seen: of a hard one all is known, of a soft one where it ends."""
    if drawn is None or drawn.coverage.shape != mark.size:
        return None
    inside = mark.mask[mark.window]
    coverage = np.full_like(drawn.coverage, 255) if mark.mode == "binary" else drawn.coverage
    return replace(drawn, coverage=coverage * inside)
