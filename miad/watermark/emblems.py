"""The built-in logos: a coloured emblem, a one-colour wordmark and a fine-lined crest.

All three are drawn, so the package carries neither pictures nor fonts. They belong to no institution: the
"Medical Image Archive" is invented. Every shape is drawn hard-edged on a large canvas and scaled down once,
in premultiplied colours, so that soft edges keep the colour of their ink.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.watermark.pen import Ink, Pen, Point

_WHITE: Ink = (255, 255, 255)
_NAVY: Ink = (22, 58, 138)
_BLUE: Ink = (18, 102, 214)
_TEAL: Ink = (0, 172, 168)
_AMBER: Ink = (255, 190, 20)
_CRIMSON: Ink = (214, 28, 84)
_IVORY: Ink = (255, 247, 222)
_ROYAL: Ink = (20, 72, 178)
_AZURE: Ink = (0, 104, 214)

# Height of the line between the crest's upper and lower quarters.
_FESS = -5

_SUPERSAMPLING = 4
# Below this width the same drawing is scaled down further: small fonts would round to other proportions.
_LEAST_DRAWN_WIDTH = 256


def draw_emblem(name: str, width: int = 512) -> NDArray[np.uint8]:
    """Draws a built-in logo, cropped to what is visible.

    Args:
        name: One of `NAMES`.
        width: Width of the result in pixels, at least 1; the height follows from the logo's own aspect.

    Returns:
        An RGBA picture of shape (height, width, 4) with values in 0..255 and straight alpha. It is
        transparent where nothing is drawn; the colour there is that of the logo's outer edge.

    Raises:
        InputError: There is no such logo, or the width is less than 1.
    """
    if name not in _DRAWINGS:
        raise InputError(f"Unknown built-in logo {name!r}; choose one of {', '.join(NAMES)}.")
    if width < 1:
        raise InputError(f"A logo must be at least 1 pixel wide, found {width}; give a larger width.")
    size, paper, draw = _DRAWINGS[name]
    scale = _SUPERSAMPLING * max(width, _LEAST_DRAWN_WIDTH) / size[0]
    pen = Pen(size, scale, paper)
    draw(pen)
    return pen.shrink(width)


def _draw_emblem(pen: Pen) -> None:
    """A round badge, rings rising over waves, beside the archive's name."""
    _draw_badge(pen, (-101.0, 0.0))
    for baseline, words, size, weight, ink in (
        (-17.0, "MIAD", 72.0, 3.0, _NAVY),
        (28.0, "IMAGE", 40.0, 1.5, _BLUE),
        (70.0, "ARCHIVE", 40.0, 1.5, _BLUE),
    ):
        # White edges part the letters from any background.
        pen.text((41, baseline), words, size, _WHITE, weight + 5)
        pen.text((41, baseline), words, size, ink, weight)


def _draw_badge(pen: Pen, centre: Point) -> None:
    for radius, ink in ((122.5, _WHITE), (117.0, _NAVY), (96.0, _WHITE), (90.0, _AMBER)):
        pen.disc(centre, radius, ink)
    source = (centre[0], centre[1] - 6)
    for radius, width in ((63.0, 12.0), (40.0, 12.0)):
        pen.ring(source, radius, width, _CRIMSON)
    pen.disc(source, 17, _CRIMSON)
    for height, phase, ink in ((0, 0, _WHITE), (8, 0, _TEAL), (36, np.pi, _WHITE), (44, np.pi, _BLUE)):
        pen.polygon(_sea(90, height, phase) + centre, ink)


def _sea(radius: float, height: float, phase: float) -> NDArray[np.float64]:
    """The part of a disc round the origin below a wavy line, which lies `height` under the origin."""
    x = np.linspace(-radius, radius, 181)
    rim = np.sqrt(radius**2 - x**2)
    surface = np.clip(height + 9 * np.sin(x * 2 * np.pi / radius + phase), -rim, rim)
    return np.concatenate([np.stack([x, surface], axis=1), np.stack([x, rim], axis=1)[::-1]])


def _draw_wordmark(pen: Pen) -> None:
    """The name alone, in one colour."""
    pen.spaced_text("miad", 100, 6, _ROYAL, 2.3)


def _draw_crest(pen: Pen) -> None:
    """A shield with hatched, ringed and waved quarters inside a ring of text, all in lines."""
    for radius, width, ink in ((250, 7, _IVORY), (241, 4, _AZURE), (189, 3, _AZURE), (182, 4, _IVORY)):
        pen.ring((0, 0), radius, width, ink)
    pen.ring_text("MEDICAL IMAGE ARCHIVE", 38, 213, _IVORY)
    pen.ring_text("MIAD", 38, 213, _IVORY, below=True)
    field = _shield(0.91)
    _fill_quarters(pen, field)
    for outline, width, ink in ((_shield(1), 6, _IVORY), (field, 4, _AZURE)):
        pen.line([*outline, outline[0]], width, ink)


def _shield(size: float) -> NDArray[np.float64]:
    """The outline of a shield, straight above and pointed below; at size 1 it is 236 wide and 280 high."""
    t = np.linspace(0, 1, 60)
    right = np.stack([118 * (1 - t**2.2), 165 * t - 5], axis=1)
    left = right[::-1] * (-1, 1)
    return size * np.concatenate([[(-118, -120), (118, -120)], right, left])


def _fill_quarters(pen: Pen, field: NDArray[np.float64]) -> None:
    slants = [[(x - 300, -300), (x + 300, 300)] for x in range(-240, 241, 17)]
    x = np.linspace(-120, 120, 121)
    waves = [np.stack([x, y + 5 * np.sin(x * np.pi / 18)], axis=1) for y in range(8, 160, 18)]
    turn = np.linspace(0, 2 * np.pi, 121)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rings = [circle * radius + (54, -61) for radius in range(8, 90, 13)]
    pen.hatch(_quarter(field, -1, -1), slants, 3, _AZURE)
    pen.hatch(_quarter(field, 1, 1), slants, 3, _AZURE)
    pen.hatch(_quarter(field, 1, -1), rings, 3, _IVORY)
    pen.hatch(_quarter(field, -1, 1), waves, 3, _IVORY)
    pen.line([(0, field[:, 1].min()), (0, field[:, 1].max())], 4, _IVORY)
    pen.line([(field[:, 0].min(), _FESS), (field[:, 0].max(), _FESS)], 4, _IVORY)


def _quarter(field: NDArray[np.float64], right: int, lower: int) -> NDArray[np.float64]:
    """The part of a shield on one side of its upright middle line and of its level dividing line."""
    sides = np.array([right, lower])
    # Clamping is clipping here: the shield is convex and as wide as it gets at the dividing line.
    return (0, _FESS) + sides * np.maximum(sides * (field - (0, _FESS)), 0)


NAMES: tuple[str, ...] = ("emblem", "wordmark", "crest")

# Size of the canvas, the colour where nothing is drawn (that of the logo's outer edge, lest a later resize
# darken it) and what to draw.
_DRAWINGS: dict[str, tuple[tuple[float, float], Ink, Callable[[Pen], None]]] = {
    "emblem": ((452, 250), _WHITE, _draw_emblem),
    "wordmark": ((244, 140), _ROYAL, _draw_wordmark),
    "crest": ((504, 504), _IVORY, _draw_crest),
}
