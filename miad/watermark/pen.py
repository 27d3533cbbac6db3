"""A pen for drawn logos: shapes and text on a transparent canvas, scaled down once.

Every shape is drawn hard-edged on a large canvas and scaled down in premultiplied colours, so that soft edges keep the
colour of their ink.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont

Ink: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]


class Pen:
    """Draws on a transparent canvas in the logo's own units, the origin in the middle, y downwards."""

    def __init__(self, size: tuple[float, float], scale: float, paper: Ink) -> None:
        self._scale = scale
        self._paper = paper
        self._middle = (size[0] * scale / 2, size[1] * scale / 2)
        self.canvas = Image.new("RGBA", (round(size[0] * scale), round(size[1] * scale)), (*paper, 0))
        self._draw = ImageDraw.Draw(self.canvas)
        # Soft glyph edges would be blended with the colour under the transparent canvas.
        self._draw.fontmode = "1"

    def disc(self, centre: Point, radius: float, ink: Ink) -> None:
        """Draws a filled circle."""
        self._draw.ellipse(self._square(centre, radius), fill=(*ink, 255))

    def ring(self, centre: Point, radius: float, width: float, ink: Ink) -> None:
        """Draws a circle whose outer radius is given."""
        self._draw.ellipse(self._square(centre, radius), outline=(*ink, 255), width=self._pixels(width))

    def polygon(self, points: ArrayLike, ink: Ink) -> None:
        """Draws a filled polygon."""
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

    def shrink(self, width: int) -> NDArray[np.uint8]:
        """What is drawn, cropped to it and that wide: uint8 ``(h, w, 4)`` with straight alpha."""
        drawing = self.canvas.crop(self.canvas.getchannel("A").getbbox())
        size = (width, max(1, round(width * drawing.height / drawing.width)))
        alpha = np.asarray(drawing.getchannel("A"), dtype=np.float32)
        small_alpha = _average(alpha, size)
        small = np.empty((size[1], size[0], 4), dtype=np.uint8)
        for channel, paper in enumerate(self._paper):
            # Each colour is weighted by its alpha.
            total = _average(np.asarray(drawing.getchannel(channel), dtype=np.float32) * alpha, size)
            small[..., channel] = np.where(small_alpha > 0, np.rint(total / np.maximum(small_alpha, 1e-6)), paper)
        small[..., 3] = np.rint(small_alpha)
        return small

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


def _average(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
