"""The head in three planes: where its parts lie in one slice, in unit coordinates.

Every slice lists its parts from back to front; each part names the tissue that it shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from miad.data.phantom_canvas import FloatArray, smooth_curve

Tissue = Literal["air", "bone", "fat", "muscle", "fluid", "brain", "dura", "vessel"]
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
    """One slice through the head.

    Attributes:
        name: Plane and level.
        scalp: Outline (n, 2) of the head.
        skull: Outline (n, 2) of the bone that encloses the brain.
        brain: Outline (n, 2) of the brain.
        back: Parts behind the brain, such as bone and face.
        front: Parts on the brain, such as ventricles and dura.
        convexity: First and last angle, in radians clockwise from the x axis, at which the brain's edge
            seen from `middle` lies against the skull.
        middle: Point from which the whole edge of the brain is seen.
        sella: Where the pituitary lies.
        hemisphere: Left, top, right and bottom of a box whose points lie well inside one hemisphere.
    """

    name: str
    scalp: FloatArray
    skull: FloatArray
    brain: FloatArray
    back: tuple[Part, ...]
    front: tuple[Part, ...]
    convexity: tuple[float, float]
    middle: Point
    sella: Point
    hemisphere: tuple[float, float, float, float]


def _mirror(points: Sequence[Point]) -> list[Point]:
    """Complete a symmetric outline given from the top to the bottom of its right half."""
    return [*points, *((-x, y) for x, y in reversed(points) if x > 0)]


def _both(tissue: Tissue, points: Sequence[Point], width: float = 0.0) -> tuple[Part, Part]:
    """The same part on the right and on the left."""
    right = smooth_curve(points, closed=width == 0)
    return Part(tissue, right, width), Part(tissue, right * np.float32((-1, 1)), width)


def _area(tissue: Tissue, points: Sequence[Point]) -> Part:
    return Part(tissue, smooth_curve(points))


def _line(tissue: Tissue, points: Sequence[Point], width: float) -> Part:
    return Part(tissue, smooth_curve(points, closed=False), width)


def _dot(tissue: Tissue, centre: Point, radius: float) -> Part:
    x, y = centre
    return _area(tissue, [(x + radius, y), (x, y + radius), (x - radius, y), (x, y - radius)])


def _oval(width: float, height: float, squareness: float = 1.0) -> FloatArray:
    diagonal = 0.7071 * squareness
    half = [(0.0, -height), (width * diagonal, -height * diagonal), (width, 0.0)]
    return smooth_curve(_mirror([*half, (width * diagonal, height * diagonal), (0.0, height)]))


def _axial(name: str, reach: float, front: tuple[Part, ...]) -> Slice:
    """A slice above the eyes, where the skull is a closed oval."""
    brain = _oval(0.6 * reach, 0.76 * reach, 1.03)
    falx = (
        _line("dura", [(0, -0.74 * reach), (0.005, -0.5), (0, -0.34)], 0.014),
        _line("dura", [(0, 0.38), (-0.005, 0.55), (0, 0.74 * reach)], 0.014),
        _dot("vessel", (0.0, -0.74 * reach), 0.022),
        _area("vessel", [(0, 0.67 * reach), (0.035, 0.76 * reach), (-0.035, 0.76 * reach)]),
    )
    return Slice(
        name=name,
        scalp=_oval(0.71 * reach, 0.88 * reach, 1.03),
        skull=_oval(0.645 * reach, 0.81 * reach, 1.03),
        brain=brain,
        back=(),
        front=(*front, *falx),
        convexity=(0.0, 6.283),
        middle=(0.0, 0.0),
        sella=(0.0, -0.12),
        hemisphere=(0.2, -0.42 * reach, 0.4 * reach, 0.42 * reach),
    )


AXIAL_MIDDLE = _axial(
    "axial, ventricles",
    1.0,
    (
        *_both("fluid", [(0.04, -0.2), (0.12, -0.33), (0.17, -0.26), (0.09, -0.08), (0.06, 0.0), (0.02, -0.05)]),
        *_both("fluid", [(0.09, 0.1), (0.15, 0.18), (0.23, 0.36), (0.19, 0.42), (0.12, 0.3), (0.07, 0.2)]),
        *_both("vessel", [(0.12, 0.17), (0.16, 0.27), (0.18, 0.34)], 0.018),
        _line("fluid", [(0, -0.05), (0.004, 0.03), (0, 0.12)], 0.03),
        *_both("fluid", [(0.57, -0.1), (0.45, -0.08), (0.36, 0.02), (0.35, 0.1)], 0.014),
    ),
)
AXIAL_HIGH = _axial(
    "axial, vertex",
    0.8,
    (
        _line("fluid", [(0, -0.58), (0.008, 0), (0, 0.58)], 0.03),
        _line("dura", [(0, -0.58), (0.008, 0), (0, 0.58)], 0.014),
    ),
)
AXIAL_LOW = Slice(
    name="axial, eyes",
    scalp=smooth_curve(
        _mirror([(0, -0.9), (0.28, -0.93), (0.52, -0.76), (0.66, -0.4), (0.71, 0.05), (0.62, 0.5), (0.34, 0.82), (0, 0.9)])
    ),
    skull=smooth_curve(
        _mirror([(0, -0.5), (0.3, -0.42), (0.52, -0.42), (0.62, -0.1), (0.63, 0.2), (0.54, 0.52), (0.28, 0.78), (0, 0.83)])
    ),
    brain=smooth_curve(
        _mirror([(0, -0.44), (0.16, -0.38), (0.3, -0.26), (0.48, -0.32), (0.56, -0.1), (0.57, 0.2), (0.47, 0.52), (0.24, 0.72), (0, 0.77)])
    ),
    back=(
        *_both("fat", [(0.14, -0.55), (0.3, -0.88), (0.5, -0.72), (0.48, -0.5), (0.24, -0.4)]),
        *_both("dura", [(0.31, -0.87), (0.45, -0.73), (0.31, -0.58), (0.17, -0.73)]),
        *_both("air", [(0.31, -0.84), (0.42, -0.73), (0.31, -0.62), (0.2, -0.73)]),
        *_both("muscle", [(0.24, -0.58), (0.2, -0.48), (0.17, -0.42)], 0.03),
        _area("muscle", [(-0.12, -0.86), (0.12, -0.86), (0.14, -0.5), (-0.14, -0.5)]),
        *_both("air", [(0.05, -0.8), (0.09, -0.72), (0.08, -0.58), (0.03, -0.56)]),
    ),
    front=(
        _area("fluid", [(0, -0.26), (0.06, -0.16), (0.22, -0.18), (0.1, -0.04), (0.17, 0.1), (0, 0.02), (-0.17, 0.1), (-0.1, -0.04), (-0.22, -0.18), (-0.06, -0.16)]),
        _dot("fluid", (0, 0.12), 0.175),
        _area("brain", [(0.07, -0.03), (0.14, 0.06), (0.13, 0.18), (0, 0.26), (-0.13, 0.18), (-0.14, 0.06), (-0.07, -0.03), (0, 0.02)]),
        *_both("vessel", [(0.02, -0.17), (0.1, -0.19), (0.2, -0.18)], 0.014),
        _dot("vessel", (0, -0.02), 0.016),
        *_both("dura", [(0.24, 0.26), (0.38, 0.34), (0.5, 0.36)], 0.012),
        _area("vessel", [(0, 0.68), (0.04, 0.77), (-0.04, 0.77)]),
        _line("dura", [(0, 0.46), (0, 0.6), (0, 0.74)], 0.012),
    ),
    convexity=(-0.3, 3.45),
    middle=(0.0, 0.1),
    sella=(0.0, -0.15),
    hemisphere=(0.28, -0.05, 0.4, 0.42),
)
CORONAL = Slice(
    name="coronal",
    scalp=smooth_curve(
        _mirror([(0, -0.9), (0.38, -0.8), (0.62, -0.45), (0.67, -0.05), (0.63, 0.3), (0.58, 0.62), (0.52, 0.95), (0.48, 1.4), (0, 1.5)])
    ),
    skull=smooth_curve(
        _mirror([(0, -0.83), (0.34, -0.74), (0.57, -0.42), (0.62, -0.05), (0.56, 0.22), (0.3, 0.34), (0.1, 0.3), (0, 0.28)])
    ),
    brain=smooth_curve(
        _mirror([(0, -0.77), (0.32, -0.68), (0.52, -0.4), (0.57, -0.05), (0.5, 0.18), (0.33, 0.28), (0.18, 0.2), (0, 0.14)])
    ),
    back=(
        *_both("muscle", [(0.3, 0.4), (0.5, 0.42), (0.5, 0.8), (0.4, 1.2), (0.22, 1.0), (0.24, 0.6)]),
        *_both("bone", [(0.4, 0.5), (0.44, 0.7), (0.38, 0.95)], 0.05),
        *_both("fat", [(0.2, 0.5), (0.24, 0.7), (0.2, 0.95)], 0.03),
        _area("air", [(-0.1, 0.36), (0.1, 0.36), (0.12, 0.46), (0, 0.5), (-0.12, 0.46)]),
        *_both("air", [(0.04, 0.58), (0.11, 0.62), (0.08, 0.72), (0.04, 0.7)]),
        _area("muscle", [(-0.16, 0.82), (0.16, 0.82), (0.2, 1.2), (-0.2, 1.2)]),
        *_both("vessel", [(0.11, 0.22), (0.14, 0.25), (0.13, 0.29)], 0.04),
    ),
    front=(
        *_both("fluid", [(0.015, -0.3), (0.14, -0.36), (0.2, -0.31), (0.11, -0.24), (0.04, -0.16)]),
        _line("fluid", [(0, -0.16), (0, -0.08), (0, 0.02)], 0.03),
        *_both("fluid", [(0.57, -0.06), (0.44, -0.08), (0.34, -0.14)], 0.016),
        *_both("fluid", [(0.34, -0.08), (0.33, -0.02), (0.36, 0.04)], 0.012),
        _line("dura", [(0, -0.77), (0.004, -0.6), (0, -0.4)], 0.014),
        _area("vessel", [(0, -0.68), (0.035, -0.77), (-0.035, -0.77)]),
        _area("fluid", [(-0.14, 0.1), (0.14, 0.1), (0.08, 0.18), (-0.08, 0.18)]),
        *_both("vessel", [(0.08, 0.1), (0.2, 0.08), (0.32, 0.05)], 0.012),
    ),
    convexity=(2.75, 6.68),
    middle=(0.0, -0.1),
    sella=(0.0, 0.19),
    hemisphere=(0.24, -0.5, 0.36, -0.1),
)
SAGITTAL = Slice(
    name="sagittal",
    scalp=smooth_curve(
        [(-0.08, -0.9), (0.36, -0.82), (0.68, -0.5), (0.77, -0.06), (0.7, 0.26), (0.6, 0.5), (0.62, 0.9), (0.7, 1.4), (-0.3, 1.4), (-0.42, 1.0), (-0.6, 0.9), (-0.7, 0.66), (-0.82, 0.46), (-0.74, 0.2), (-0.74, -0.1), (-0.67, -0.48), (-0.42, -0.78)]
    ),
    skull=smooth_curve(
        [(-0.08, -0.83), (0.34, -0.75), (0.61, -0.46), (0.69, -0.05), (0.6, 0.28), (0.38, 0.44), (0.1, 0.46), (-0.02, 0.28), (-0.2, 0.24), (-0.44, 0.12), (-0.64, 0.06), (-0.68, -0.1), (-0.61, -0.45), (-0.4, -0.72)]
    ),
    brain=smooth_curve(
        [(-0.08, -0.77), (0.32, -0.69), (0.56, -0.43), (0.63, -0.05), (0.55, 0.24), (0.38, 0.37), (0.2, 0.36), (0.06, 0.2), (-0.1, 0.13), (-0.3, 0.1), (-0.54, 0.0), (-0.62, -0.12), (-0.56, -0.43), (-0.37, -0.67)]
    ),
    back=(
        _area("fat", [(-0.72, 0.0), (-0.52, 0.1), (-0.5, 0.24), (-0.7, 0.22)]),
        _dot("air", (-0.62, 0.12), 0.085),
        _area("air", [(-0.24, 0.3), (-0.1, 0.3), (-0.08, 0.4), (-0.24, 0.42)]),
        _area("air", [(-0.6, 0.36), (-0.36, 0.36), (-0.34, 0.46), (-0.58, 0.48)]),
        _line("muscle", [(-0.66, 0.6), (-0.4, 0.54), (-0.2, 0.6), (-0.1, 0.8), (-0.08, 1.1)], 0.06),
        _area("muscle", [(-0.6, 0.74), (-0.3, 0.66), (-0.2, 0.9), (-0.5, 0.96)]),
        _line("bone", [(0.06, 0.44), (0.1, 0.7), (0.14, 1.1)], 0.1),
        _area("muscle", [(0.34, 0.56), (0.54, 0.5), (0.56, 1.2), (0.36, 1.2)]),
        _line("fluid", [(0.14, 0.3), (0.22, 0.56), (0.27, 1.1)], 0.13),
        _line("brain", [(0.08, 0.2), (0.2, 0.5), (0.26, 1.1)], 0.075),
    ),
    front=(
        _line("fluid", [(-0.32, -0.12), (-0.28, -0.26), (-0.02, -0.35), (0.24, -0.26), (0.32, -0.1)], 0.085),
        _line("fluid", [(0.32, -0.1), (0.26, -0.02), (0.2, 0.0)], 0.05),
        _line("brain", [(-0.36, -0.16), (-0.3, -0.32), (-0.02, -0.41), (0.28, -0.31), (0.36, -0.14)], 0.05),
        _area("brain", [(0.0, 0.02), (0.12, 0.04), (0.18, 0.2), (0.16, 0.34), (0.05, 0.32), (-0.01, 0.18)]),
        _area("fluid", [(0.19, 0.14), (0.3, 0.2), (0.2, 0.28)]),
        _line("dura", [(0.62, 0.06), (0.42, 0.03), (0.26, 0.06)], 0.016),
        _line("vessel", [(0.14, 0.0), (0.3, 0.02), (0.4, 0.03)], 0.014),
        _area("fluid", [(-0.24, 0.1), (-0.06, 0.06), (0.0, 0.16), (-0.05, 0.24), (-0.12, 0.16)]),
    ),
    convexity=(2.95, 6.6),
    middle=(0.0, -0.2),
    sella=(-0.14, 0.2),
    hemisphere=(-0.36, -0.52, 0.4, -0.16),
)
SLICES = (AXIAL_MIDDLE, AXIAL_HIGH, AXIAL_LOW, CORONAL, SAGITTAL)
