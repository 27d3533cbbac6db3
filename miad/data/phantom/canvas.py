"""Drawing pieces shared by the phantom images: canvas, curves, noise and soft edges.

Scenes are described in unit coordinates: x to the right and y downwards, both -1..1 over the image,
so that one description renders at any size.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Range = tuple[float, float]

FINEST_SIDE = 320  # thin strokes keep their true width when drawn this large, then averaged down
SUBPIXEL_BITS = 8  # fixed-point precision of the coordinates handed to the rasteriser


class Canvas:
    """One grey layer on which outlines are filled and lines stroked in unit coordinates.

    Args:
        size: Side of the finished layer in pixels.
        background: Value 0..1 the layer starts with.
    """

    def __init__(self, size: int, background: float = 0.0) -> None:
        self._size = size
        self._side = size * max(1, math.ceil(FINEST_SIDE / size))
        self._layer = np.full((self._side, self._side), round(background * 255), dtype=np.uint8)

    def fill(self, outlines: Sequence[FloatArray], value: float) -> None:
        """Fill closed outlines.

        Args:
            outlines: Arrays (n, 2) of x, y in unit coordinates.
            value: Value 0..1.
        """
        for outline in outlines:
            cv2.fillPoly(self._layer, [self._pixels(outline)], _grey(value), cv2.LINE_AA, SUBPIXEL_BITS)

    def stroke(self, lines: FloatArray, width: float, value: float) -> None:
        """Stroke open lines.

        Args:
            lines: Array (lines, n, 2) of x, y in unit coordinates.
            width: Line width in unit coordinates.
            value: Value 0..1.
        """
        thickness = max(1, round(width * self._side / 2))
        pixels = list(self._pixels(lines))
        cv2.polylines(self._layer, pixels, False, _grey(value), thickness, cv2.LINE_AA, SUBPIXEL_BITS)

    def average(self) -> FloatArray:
        """The finished layer: float32 (size, size) in 0..1, each pixel the mean of what it covers."""
        small = cv2.resize(self._layer, (self._size, self._size), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.float32) / np.float32(255)

    def _pixels(self, points: FloatArray) -> NDArray[np.int32]:
        centred = (points + 1) * (self._side / 2) - 0.5
        return np.asarray(np.round(centred * (1 << SUBPIXEL_BITS)), dtype=np.int32)


@dataclass(frozen=True)
class Blob:
    """A star-shaped outline: a circle whose radius varies smoothly with the angle.

    Attributes:
        centre: x, y in unit coordinates.
        radius: Mean radius in unit coordinates.
        waves: For the harmonics 2, 3, ... pairs of amplitude (share of the radius) and phase.
        aspect: Length over width; 1 is round.
        tilt: Angle of the long axis in radians.
    """

    centre: tuple[float, float]
    radius: float
    waves: tuple[tuple[float, float], ...] = ()
    aspect: float = 1.0
    tilt: float = 0.0

    def outline(self, points: int = 20) -> FloatArray:
        """The outline as an array (points, 2) of x, y in unit coordinates."""
        circle, angle = _circle(points)
        stretch = math.sqrt(self.aspect)
        reach = self.radius * self._waviness(angle)[:, None] * vector((stretch, 1 / stretch))
        turned = (circle * reach) @ rotation(-self.tilt)
        return np.asarray(turned + vector(self.centre), dtype=np.float32)

    def depth(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Distance from the centre over the distance of the edge: 0 at the centre, 1 on the outline.

        Args:
            x: Abscissae (h, w) in unit coordinates.
            y: Ordinates (h, w) in unit coordinates.

        Returns:
            Float32 (h, w), at least 0.
        """
        cos, sin, stretch = math.cos(self.tilt), math.sin(self.tilt), math.sqrt(self.aspect)
        dx, dy = x - self.centre[0], y - self.centre[1]
        along, across = (dx * cos + dy * sin) / stretch, (dy * cos - dx * sin) * stretch
        distance, angle = np.hypot(along, across), np.arctan2(across, along)
        return np.asarray(distance / (self.radius * self._waviness(angle)), dtype=np.float32)

    def _waviness(self, angle: FloatArray) -> FloatArray:
        total = np.ones_like(angle)
        for harmonic, (amplitude, phase) in enumerate(self.waves, start=2):
            total += np.float32(amplitude) * np.cos(harmonic * angle + np.float32(phase))
        return total


def random_waves(rng: np.random.Generator, amplitude: float, count: int) -> tuple[tuple[float, float], ...]:
    """Draw the waves of a `Blob`; higher harmonics are weaker, as in natural outlines.

    Args:
        rng: Source of the draw.
        amplitude: Largest share of the radius that the first wave takes.
        count: Number of harmonics.

    Returns:
        `count` pairs of amplitude and phase.
    """
    strength = amplitude * rng.uniform(0.4, 1.0, count) / np.sqrt(np.arange(1, count + 1))
    phase = rng.uniform(0, 2 * np.pi, count)
    return tuple((float(a), float(p)) for a, p in zip(strength, phase, strict=True))


def uniform(rng: np.random.Generator, bounds: Range) -> float:
    """Draw one plain float from `bounds` (low, high)."""
    return float(rng.uniform(*bounds))


def vector(values: Sequence[float]) -> FloatArray:
    """`values` as a float32 array, so that products with other arrays stay float32."""
    return np.array(values, dtype=np.float32)


def rotation(angle: float) -> FloatArray:
    """Matrix (2, 2) that turns row vectors (x, y) by `-angle` radians when multiplied from the right."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]], dtype=np.float32)


def unit_grid(size: int) -> tuple[FloatArray, FloatArray]:
    """Unit coordinates of the pixel centres.

    Args:
        size: Side of the image in pixels.

    Returns:
        x of shape (1, size) and y of shape (size, 1), both in -1..1.
    """
    centres = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - np.float32(1)
    return centres[None, :], centres[:, None]


def smooth_noise(seed: int, cells: int, size: int) -> FloatArray:
    """Smooth random field, the same at every size.

    Args:
        seed: Seed of the field.
        cells: Number of independent values along one side; more makes a finer grain.
        size: Side of the field in pixels.

    Returns:
        Float32 (size, size), roughly standard normal.
    """
    lattice = np.random.default_rng(seed).standard_normal((cells, cells), dtype=np.float32)
    # An image smaller than the lattice averages it; sampling would pick a different scene at each size.
    method = cv2.INTER_CUBIC if size >= cells else cv2.INTER_AREA
    return np.asarray(cv2.resize(lattice, (size, size), interpolation=method), dtype=np.float32)


def smooth_curve(points: Sequence[tuple[float, float]], closed: bool = True, steps: int = 6) -> FloatArray:
    """Curve through all points with continuous direction.

    Args:
        points: x, y pairs in unit coordinates, at least three.
        closed: Whether the last point joins the first.
        steps: Points drawn for every given one.

    Returns:
        Float32 (n, 2).
    """
    knots = np.array(points, dtype=np.float32)
    if not closed:
        knots = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    before, after, far = np.roll(knots, 1, axis=0), np.roll(knots, -1, axis=0), np.roll(knots, -2, axis=0)
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    tangent, next_tangent = (after - before)[:, None] / 2, (far - knots)[:, None] / 2
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * knots[:, None]
        + (t**3 - 2 * t**2 + t) * tangent
        + (3 * t**2 - 2 * t**3) * after[:, None]
        + (t**3 - t**2) * next_tangent
    )
    pieces = curve if closed else curve[1:-2]
    dense = pieces.reshape(-1, 2)
    return np.asarray(dense if closed else np.concatenate([dense, knots[-2:-1]]), dtype=np.float32)


def rise(values: FloatArray, start: float, end: float) -> FloatArray:
    """Smooth step from 0 at `start` to 1 at `end`; a `start` above `end` makes it fall.

    Args:
        values: Any shape.
        start: Value that gives 0.
        end: Value that gives 1.

    Returns:
        Float32 of the same shape in 0..1.
    """
    t = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def blur(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur.

    Args:
        image: (h, w) or (h, w, channels).
        sigma: Standard deviation in unit coordinates.

    Returns:
        Float32 of the same shape.
    """
    pixels = sigma * image.shape[0] / 2
    if pixels < 0.2:  # narrower than the pixel itself
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), pixels), dtype=np.float32)


@functools.cache
def _circle(points: int) -> tuple[FloatArray, FloatArray]:
    """Unit circle: points (n, 2) and their angles (n,)."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False, dtype=np.float32)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1), angle


def _grey(value: float) -> tuple[float, float, float, float]:
    return (round(min(max(value, 0.0), 1.0) * 255), 0, 0, 0)
