"""The head in three planes: where its parts lie in one slice.

Outlines are written as "x,y x,y ..." in hundredths of a unit, x to the right and y downwards, so that
100 is the edge of the image. Every slice lists its parts from back to front.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from miad.data.phantom.canvas import FloatArray, smooth_curve, vector

Tissue = Literal["air", "bone", "fat", "muscle", "fluid", "brain", "white matter", "dura", "vessel"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """One part of a slice.

    Attributes:
        tissue: What it shows.
        curve: Points (n, 2): the outline of an area, or the course of a line.
        width: Line width; 0 for an area.
    """

    tissue: Tissue
    curve: FloatArray
    width: float = 0.0


@dataclass(frozen=True)
class Slice:
    """One slice through the head, in unit coordinates.

    Attributes:
        name: Plane and level.
        scalp: Outline (n, 2) of the head.
        skull: Outline (n, 2) of the bone that encloses the brain.
        brain: Outline (n, 2) of the brain.
        face: Outline (n, 2) of the streaky soft tissue, or None where the slice shows none.
        back: Parts behind the skull.
        front: Parts on the brain.
        folds: Depth under the surface that the folds of the brain reach.
        middle: Point from which the whole edge of the brain is seen.
        convexity: First and last angle, in radians from the x axis towards the y axis, under which the
            brain's edge seen from `middle` lies against the skull.
        sella: Where the pituitary lies.
        hemisphere: Left, top, right and bottom of a box whose points lie well inside one hemisphere.
        symmetric: Whether the slice shows both hemispheres.
    """

    name: str
    scalp: FloatArray
    skull: FloatArray
    brain: FloatArray
    face: FloatArray | None
    back: tuple[Part, ...]
    front: tuple[Part, ...]
    folds: float
    middle: Point
    convexity: tuple[float, float]
    sella: Point
    hemisphere: tuple[float, float, float, float]
    symmetric: bool = True

    def surface(self, angle: float, inset: float) -> Point:
        """The point `inset` inside the brain's edge in the direction `angle` from the middle."""
        rays = self.brain - vector(self.middle)
        turn = np.arctan2(rays[:, 1], rays[:, 0]) - angle
        nearest = int(np.cos(turn).argmax())
        reach = float(np.hypot(rays[nearest, 0], rays[nearest, 1])) - inset
        return self.middle[0] + reach * math.cos(angle), self.middle[1] + reach * math.sin(angle)


def _points(text: str) -> list[Point]:
    pairs = (pair.split(",") for pair in text.split())
    return [(int(x) / 100, int(y) / 100) for x, y in pairs]


def _symmetric(right_half: Sequence[Point]) -> FloatArray:
    """Closed outline from its right half, given from the top to the bottom."""
    return smooth_curve([*right_half, *((-x, y) for x, y in reversed(right_half) if x > 0)])


def _area(tissue: Tissue, text: str) -> Part:
    return Part(tissue, smooth_curve(_points(text)))


def _line(tissue: Tissue, width: float, text: str) -> Part:
    return Part(tissue, smooth_curve(_points(text), closed=False), width)


def _both(part: Part) -> tuple[Part, Part]:
    """A part of the right side and its mirror image."""
    return part, Part(part.tissue, part.curve * vector((-1, 1)), part.width)


def _dot(tissue: Tissue, centre: Point, radius: float) -> Part:
    x, y = centre
    return Part(tissue, smooth_curve([(x + radius, y), (x, y + radius), (x - radius, y), (x, y - radius)]))


def _oval(width: float, height: float) -> FloatArray:
    across, down = 0.728 * width, 0.728 * height  # slightly squarer than an ellipse, as skulls are
    return _symmetric([(0.0, -height), (across, -down), (width, 0.0), (across, down), (0.0, height)])


def _axial(name: str, reach: float, folds: float, front: tuple[Part, ...]) -> Slice:
    """A slice above the eyes, where the skull is a closed oval; `reach` is its size."""
    frontal, occipital = -0.74 * reach, 0.74 * reach
    sinuses = (_dot("vessel", (0.0, frontal), 0.02), _dot("vessel", (0.0, occipital), 0.032))
    return Slice(
        name=name,
        scalp=_oval(0.7 * reach, 0.87 * reach),
        skull=_oval(0.65 * reach, 0.815 * reach),
        brain=_oval(0.6 * reach, 0.76 * reach),
        face=None,
        back=(),
        front=(*front, *sinuses),
        folds=folds,
        middle=(0.0, 0.0),
        convexity=(0.0, 2 * math.pi),
        sella=(0.0, -0.12),
        hemisphere=(0.2, -0.42 * reach, 0.4 * reach, 0.42 * reach),
    )


AXIAL_MIDDLE = _axial(
    "axial, ventricles",
    1.0,
    0.16,
    (
        _line("dura", 0.012, "0,-74 1,-50 0,-34"),
        _line("dura", 0.012, "0,38 -1,55 0,74"),
        *_both(_area("fluid", "4,-20 12,-33 17,-26 9,-8 6,0 2,-5")),
        *_both(_area("fluid", "9,10 15,18 23,36 19,42 12,30 7,20")),
        *_both(_line("vessel", 0.016, "12,17 16,27 18,34")),
        _line("fluid", 0.025, "0,-5 0,3 0,12"),
        *_both(_line("fluid", 0.014, "57,-10 45,-8 36,2 35,10")),
    ),
)
AXIAL_HIGH = _axial(
    "axial, vertex",
    0.8,
    0.4,
    (_line("fluid", 0.03, "0,-58 1,0 0,58"), _line("dura", 0.014, "0,-58 1,0 0,58")),
)
AXIAL_LOW = Slice(
    name="axial, eyes",
    scalp=_symmetric(_points("0,-90 28,-93 52,-76 66,-40 70,5 62,50 34,82 0,90")),
    skull=_symmetric(_points("0,-50 30,-42 52,-43 63,-10 64,20 55,52 28,78 0,84")),
    brain=_symmetric(_points("0,-45 16,-40 30,-34 48,-38 57,-10 58,20 48,52 24,73 0,78")),
    face=_symmetric(_points("0,-86 27,-90 48,-76 60,-50 40,-40 0,-40")),
    back=(
        _area("muscle", "-14,-87 14,-87 15,-46 -15,-46"),
        *_both(_area("fat", "14,-55 30,-88 50,-72 48,-50 24,-40")),
        *_both(_area("muscle", "50,-66 60,-52 60,-38 50,-44")),
        *_both(_area("dura", "31,-87 44,-73 31,-59 18,-73")),
        *_both(_area("air", "31,-84 41,-73 31,-62 21,-73")),
        *_both(_line("muscle", 0.03, "25,-58 21,-49 18,-42")),
        *_both(_area("air", "5,-80 9,-72 8,-58 3,-56")),
    ),
    front=(
        _area("fluid", "0,-26 6,-16 22,-18 10,-4 17,10 0,2 -17,10 -10,-4 -22,-18 -6,-16"),
        _dot("fluid", (0.0, 0.12), 0.165),
        _area("white matter", "7,-3 14,6 13,18 0,26 -13,18 -14,6 -7,-3 0,2"),
        *_both(_line("vessel", 0.012, "2,-17 10,-19 20,-18")),
        _dot("vessel", (0.0, -0.02), 0.014),
        *_both(_line("fluid", 0.02, "26,2 34,10 36,20")),
        *_both(_line("dura", 0.01, "24,26 38,34 50,36")),
        _dot("vessel", (0.0, 0.75), 0.032),
        _line("dura", 0.01, "0,46 0,60 0,74"),
    ),
    folds=0.16,
    middle=(0.0, 0.1),
    convexity=(-0.3, 3.45),
    sella=(0.0, -0.15),
    hemisphere=(0.28, -0.05, 0.4, 0.42),
)
CORONAL_FACE = _symmetric(_points("0,20 50,20 61,30 56,62 50,95 42,140 0,145"))
CORONAL = Slice(
    name="coronal",
    scalp=_symmetric(_points("0,-90 38,-80 62,-45 68,-5 65,30 60,62 54,95 48,140 0,150")),
    skull=_symmetric(_points("0,-84 35,-75 58,-42 63,-5 57,24 30,34 10,30 0,28")),
    brain=_symmetric(_points("0,-78 33,-69 53,-40 58,-5 51,19 33,28 18,20 0,14")),
    face=CORONAL_FACE,
    back=(
        Part("muscle", CORONAL_FACE),
        *_both(_line("bone", 0.05, "40,50 44,70 38,95")),
        *_both(_line("fat", 0.03, "20,50 24,70 20,95")),
        *_both(_area("fat", "30,46 38,56 34,74 27,62")),
        _area("air", "-10,36 10,36 12,46 0,50 -12,46"),
        *_both(_area("air", "4,58 11,62 8,72 4,70")),
        *_both(_area("bone", "16,56 25,58 24,74 15,70")),
        _area("fat", "-12,78 12,78 14,84 -14,84"),
    ),
    front=(
        *_both(_area("fluid", "2,-30 14,-36 20,-31 11,-24 4,-16")),
        _line("white matter", 0.045, "-18,-39 0,-34 18,-39"),
        _line("fluid", 0.025, "0,-16 0,-8 0,2"),
        *_both(_line("fluid", 0.016, "57,-6 44,-8 34,-14")),
        *_both(_line("fluid", 0.012, "34,-8 33,-2 36,4")),
        _line("dura", 0.012, "0,-77 0,-60 0,-40"),
        _area("vessel", "0,-68 3,-77 -3,-77"),
        _area("fluid", "-14,10 14,10 8,18 -8,18"),
        *_both(_line("vessel", 0.012, "8,10 20,8 32,5")),
        *_both(_line("vessel", 0.035, "12,20 14,23 13,27")),
    ),
    folds=0.16,
    middle=(0.0, -0.1),
    convexity=(2.75, 6.68),
    sella=(0.0, 0.19),
    hemisphere=(0.24, -0.5, 0.36, -0.1),
)
SAGITTAL_FACE = smooth_curve(
    _points("-66,10 -10,26 10,40 40,42 60,30 57,60 58,140 -26,140 -36,96 -56,84 -64,64 -72,48")
)
SAGITTAL = Slice(
    name="sagittal",
    scalp=smooth_curve(
        _points(
            "-8,-90 36,-82 68,-50 77,-6 71,26 62,50 64,90 72,140 -30,140 -42,100 -60,90 -70,66 -80,48"
            " -73,24 -75,-8 -68,-46 -42,-78"
        )
    ),
    skull=smooth_curve(
        _points("-8,-84 35,-76 62,-46 70,-5 61,28 38,44 10,46 -2,28 -20,24 -44,12 -64,6 -69,-10 -62,-45 -40,-73")
    ),
    brain=smooth_curve(
        _points("-8,-78 33,-70 57,-43 64,-5 56,24 38,37 20,36 6,22 -10,17 -30,14 -54,3 -64,-11 -57,-43 -38,-68")
    ),
    face=SAGITTAL_FACE,
    back=(
        Part("muscle", SAGITTAL_FACE),
        _area("fat", "-72,4 -52,12 -50,24 -70,22"),
        _dot("air", (-0.6, 0.14), 0.075),
        _area("air", "-24,30 -10,30 -8,40 -24,42"),
        _area("air", "-58,36 -36,36 -34,42 -56,46"),
        _line("fat", 0.04, "-64,56 -40,52 -22,58"),
        _line("air", 0.04, "-20,50 -14,70 -12,110"),
        _line("bone", 0.09, "6,44 10,70 14,110"),
        _line("fat", 0.05, "44,52 46,80 50,120"),
    ),
    front=(
        _line("fluid", 0.12, "16,32 22,56 27,110"),
        _line("white matter", 0.07, "8,20 20,50 26,110"),
        _area("fluid", "-31,-14 -27,-25 -4,-33 20,-27 30,-12 22,-20 -2,-26 -22,-19"),
        _line("white matter", 0.05, "-34,-14 -30,-30 -4,-38 24,-31 34,-13"),
        _line("fluid", 0.03, "8,-4 13,2 18,12"),
        _area("white matter", "0,2 12,4 18,20 16,34 5,32 -1,18"),
        _area("fluid", "19,14 26,19 20,25"),
        _line("dura", 0.014, "62,6 42,3 26,6"),
        _line("vessel", 0.012, "14,0 30,2 40,3"),
        _area("fluid", "-24,10 -6,6 0,16 -5,24 -12,16"),
    ),
    folds=0.2,
    middle=(0.0, -0.2),
    convexity=(2.95, 6.6),
    sella=(-0.14, 0.2),
    hemisphere=(-0.36, -0.52, 0.4, -0.16),
    symmetric=False,
)
