"""Logos of chance, so that a remover learns to remove logos and not one logo."""

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from miad.watermark.pen import Ink, Pen, Point

_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&")
_WIDTH, _HEIGHTS = 200.0, (60.0, 200.0)
_SUPERSAMPLING = 2
_NEUTRAL: tuple[Ink, ...] = ((255, 255, 255), (235, 235, 230), (20, 20, 24))


def draw_random_logo(generator: np.random.Generator, width: int = 192) -> NDArray[np.uint8]:
    """A few shapes and words in a few colours, as logos have them.

    Args:
        generator: what to draw from.
        width: of the logo in pixels.

    Returns:
        uint8 ``(h, w, 4)`` with straight alpha.
    """
    height = float(generator.uniform(*_HEIGHTS))
    inks = [_random_ink(generator) for _ in range(int(generator.integers(1, 5)))]
    pen = Pen((_WIDTH, height), _SUPERSAMPLING * width / _WIDTH, inks[0])
    chance = _Chance(pen, generator, height, inks)
    for _ in range(int(generator.integers(1, 4))):
        chance.shape()
    for _ in range(int(generator.integers(1, 3))):
        chance.word()
    return pen.shrink(width)


@dataclass(frozen=True)
class _Chance:
    """Draws what chance says."""

    pen: Pen
    generator: np.random.Generator
    height: float
    inks: list[Ink]

    def shape(self) -> None:
        """A disc, a ring, a polygon, a star or a wavy line."""
        shapes = (self._disc, self._ring, self._polygon, self._star, self._wave)
        shapes[int(self.generator.integers(len(shapes)))](self._size(0.15, 0.5), self._ink())

    def word(self) -> None:
        """One to nine letters, with or without an edge of another colour."""
        word = "".join(self.generator.choice(_LETTERS, int(self.generator.integers(1, 10))))
        size, ink, at = self._size(0.25, 0.8), self._ink(), self._point(0.2)
        weight = float(self.generator.uniform(0, 3))
        if self.generator.random() < 0.5:
            self.pen.text(at, word, size, self._ink(), weight + 4, anchor="mm")
        self.pen.text(at, word, size, ink, weight, anchor="mm")

    def _disc(self, size: float, ink: Ink) -> None:
        self.pen.disc(self._point(), size, ink)

    def _ring(self, size: float, ink: Ink) -> None:
        self.pen.ring(self._point(), size, max(2, size * float(self.generator.uniform(0.05, 0.4))), ink)

    def _polygon(self, size: float, ink: Ink) -> None:
        self.pen.polygon(self._around(int(self.generator.integers(3, 8)), size) + self._point(), ink)

    def _star(self, size: float, ink: Ink) -> None:
        corners = 2 * int(self.generator.integers(3, 10))
        inner = np.where(np.arange(corners) % 2, float(self.generator.uniform(0.3, 0.8)), 1)
        self.pen.polygon(self._around(corners, size) * inner[:, None] + self._point(), ink)

    def _wave(self, size: float, ink: Ink) -> None:
        x = np.linspace(-_WIDTH / 2, _WIDTH / 2, 81)
        y = size / 2 * np.sin(x * float(self.generator.uniform(0.01, 0.15))) + self._point()[1]
        self.pen.line(np.stack([x, y], 1), float(self.generator.uniform(2, 14)), ink)

    def _around(self, corners: int, size: float) -> NDArray[np.float64]:
        turn = float(self.generator.uniform(0, 2 * pi)) + np.arange(corners) * 2 * pi / corners
        return size * np.stack([np.cos(turn), np.sin(turn)], 1)

    def _point(self, spread: float = 0.35) -> Point:
        x, y = self.generator.uniform(-spread, spread, 2) * (_WIDTH, self.height)
        return float(x), float(y)

    def _size(self, least: float, most: float) -> float:
        return self.height * float(self.generator.uniform(least, most))

    def _ink(self) -> Ink:
        return self.inks[int(self.generator.integers(len(self.inks)))]


def _random_ink(generator: np.random.Generator) -> Ink:
    """Any hue, mostly strong; now and then white or black."""
    if generator.random() < 0.3:
        return _NEUTRAL[int(generator.integers(len(_NEUTRAL)))]
    hue, saturation, value = generator.random(), generator.uniform(0.4, 1), generator.uniform(0.3, 1)
    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue, saturation, value))
    return red, green, blue
