"""The built-in logos: a coloured emblem, a one-colour wordmark and a fine-lined crest.

All three are drawn, so the package carries neither pictures nor fonts. They belong to no institution: the
"Medical Image Archive" is invented. Every shape is drawn hard-edged on a large canvas and scaled down once,
in premultiplied colours, so that soft edges keep the colour of their ink.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont

from miad.errors import InputError

Ink: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]

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


class _Pen:
    """Draws on a transparent canvas in the logo's own units, the origin in the middle, y downwards."""

    def __init__(self, size: tuple[float, float], scale: float, paper: Ink) -> None:
        self._scale = scale
        self._middle = (size[0] * scale / 2, size[1] * scale / 2)
        self.canvas = Image.new("RGBA", (round(size[0] * scale), round(size[1] * scale)), (*paper, 0))
        self._draw = ImageDraw.Draw(self.canvas)
        # Soft glyph edges would be blended with the colour under the transparent canvas.
        self._draw.fontmode = "1"

    def disc(self, centre: Point, radius: float, ink: Ink) -> None:
        self._draw.ellipse(self._square(centre, radius), fill=(*ink, 255))

    def ring(self, centre: Point, radius: float, width: float, ink: Ink) -> None:
        """Draws a circle whose outer radius is given."""
        self._draw.ellipse(self._square(centre, radius), outline=(*ink, 255), width=self._pixels(width))

    def polygon(self, points: ArrayLike, ink: Ink) -> None:
        self._draw.polygon(self._place(points), fill=(*ink, 255))

    def line(self, points: ArrayLike, width: float, ink: Ink) -> None:
        """Draws a polyline with round joints and ends."""
        placed = self._place(points)
        self._draw.line(placed, fill=(*ink, 255), width=self._pixels(width), joint="curve")
        for x, y in (placed[0], placed[-1]):
            reach = self._pixels(width) / 2
            self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=(*ink, 255))

    def text(self, at: Point, words: str, size: float, ink: Ink, weight: float = 0, anchor: str = "ls") -> None:
        """Writes a line of text; `weight` thickens every stroke by that much on either side."""
        place, stroke = self._place([at])[0], self._pixels(weight)
        font, fill = self._font(size), (*ink, 255)
        self._draw.text(place, words, fill, font, anchor, stroke_width=stroke, stroke_fill=fill)

    def spaced_text(self, words: str, size: float, spacing: float, ink: Ink, weight: float) -> None:
        """Writes a line round the origin, with `spacing` more between its letters than the font has."""
        steps = self._advances(words, size) + spacing
        for letter, x in zip(words, (np.cumsum(steps) - steps - steps.sum() / 2).tolist(), strict=True):
            self.text((x, 0), letter, size, ink, weight, anchor="lm")

    def ring_text(self, words: str, size: float, radius: float, ink: Ink, below: bool = False) -> None:
        """Writes along a circle round the origin, over its top or, still upright, under its middle."""
        # Letters that fan out at their tops look loose below and tight above.
        steps = self._advances(words, size) * (1.22 if below else 1.12)
        tilts = (np.cumsum(steps) - steps / 2 - steps.sum() / 2) / radius
        side = -radius if below else radius
        for letter, tilt in zip(words, tilts.tolist(), strict=True):
            at = (radius * np.sin(tilt), -side * np.cos(tilt))
            self._letter(letter, size, at, -tilt if below else tilt, ink)

    def hatch(self, area: ArrayLike, lines: Sequence[ArrayLike], width: float, ink: Ink) -> None:
        """Draws lines, but only inside an area."""
        inside, strokes = Image.new("L", self.canvas.size), Image.new("L", self.canvas.size)
        ImageDraw.Draw(inside).polygon(self._place(area), fill=255)
        for line in lines:
            ImageDraw.Draw(strokes).line(self._place(line), fill=255, width=self._pixels(width), joint="curve")
        clipped = ImageChops.darker(inside, strokes)
        box = clipped.getbbox()
        self.canvas.paste((*ink, 255), box, clipped.crop(box))

    def _letter(self, letter: str, size: float, middle: Point, tilt: float, ink: Ink) -> None:
        font = self._font(size)
        side = round(font.size * 2)
        stamp = Image.new("L", (side, side))
        # One baseline for all, at half a capital's height below the middle.
        ImageDraw.Draw(stamp).text((side / 2, side / 2 + font.size * 0.36), letter, 255, font, "ms")
        turned = stamp.rotate(-np.degrees(tilt), Image.Resampling.BICUBIC).point([0] * 128 + [255] * 128)
        x, y = self._place([middle])[0]
        self.canvas.paste((*ink, 255), (round(x - side / 2), round(y - side / 2)), turned)

    def _advances(self, words: str, size: float) -> NDArray[np.float64]:
        font = self._font(size)
        return np.array([font.getlength(letter) for letter in words]) / self._scale

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        font = ImageFont.load_default(size=size * self._scale)
        # Only a call without a size may give the old bitmap font.
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font

    def _pixels(self, length: float) -> int:
        return round(length * self._scale)

    def _place(self, points: ArrayLike) -> list[tuple[float, float]]:
        placed = np.asarray(points, dtype=np.float64) * self._scale + self._middle
        return [(x, y) for x, y in placed.tolist()]

    def _square(self, centre: Point, radius: float) -> tuple[Point, Point]:
        (x, y), reach = self._place([centre])[0], radius * self._scale
        return (x - reach, y - reach), (x + reach, y + reach)


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
    pen = _Pen(size, scale, paper)
    draw(pen)
    return _shrink(pen.canvas.crop(pen.canvas.getchannel("A").getbbox()), width, paper)


def _shrink(drawing: Image.Image, width: int, paper: Ink) -> NDArray[np.uint8]:
    """Averages the drawing over the pixels of the result, each colour weighted by its alpha."""
    size = (width, max(1, round(width * drawing.height / drawing.width)))
    alpha = np.asarray(drawing.getchannel("A"), dtype=np.float32)
    small_alpha = _average(alpha, size)
    visible = small_alpha > 0
    small = np.empty((size[1], size[0], 4), dtype=np.uint8)
    for channel in range(3):
        ink = np.asarray(drawing.getchannel(channel), dtype=np.float32)
        total = _average(ink * alpha, size)
        small[..., channel] = np.where(visible, np.rint(total / np.where(visible, small_alpha, 1)), paper[channel])
    small[..., 3] = np.rint(small_alpha)
    return small


def _average(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _draw_emblem(pen: _Pen) -> None:
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


def _draw_badge(pen: _Pen, centre: Point) -> None:
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


def _draw_wordmark(pen: _Pen) -> None:
    """The name alone, in one colour."""
    pen.spaced_text("miad", 100, 6, _ROYAL, 2.3)


def _draw_crest(pen: _Pen) -> None:
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


def _fill_quarters(pen: _Pen, field: NDArray[np.float64]) -> None:
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
_DRAWINGS: dict[str, tuple[tuple[float, float], Ink, Callable[[_Pen], None]]] = {
    "emblem": ((452, 250), _WHITE, _draw_emblem),
    "wordmark": ((244, 140), _ROYAL, _draw_wordmark),
    "crest": ((504, 504), _IVORY, _draw_crest),
}
