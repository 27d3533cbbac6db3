"""Phantom brain slices, like T1-weighted magnetic resonance with contrast agent, with one tumour each.

`draw_brain` draws everything random about one patient; `render_brain` turns that into pixels.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from miad.data.phantom.canvas import (
    Blob,
    Canvas,
    FloatArray,
    Range,
    blur,
    rise,
    rotation,
    smooth_noise,
    uniform,
    unit_grid,
    vector,
)
from miad.data.phantom.planes import Part, Slice, Tissue
from miad.data.phantom.tumours import PITUITARY, TUMOURS, Tumour, draw_slice, draw_tumour

__all__ = ["TUMOURS", "BrainScene", "Pose", "Scanner", "draw_brain", "render_brain"]

GREYS: dict[Tissue, Range] = {
    "air": (0.01, 0.04),
    "bone": (0.03, 0.09),
    "fat": (0.42, 0.66),
    "muscle": (0.18, 0.3),
    "fluid": (0.07, 0.14),
    "brain": (0.25, 0.32),
    "white matter": (0.3, 0.36),
    "dura": (0.34, 0.46),
    "vessel": (0.4, 0.58),
}


@dataclass(frozen=True)
class Pose:
    """How the head lies in the image and how it differs from the standard head.

    Attributes:
        angle: Rotation in radians.
        scale: Stretch along x and along y.
        shift: Translation in unit coordinates.
        bend: Amplitude of the smooth bending of all outlines in unit coordinates.
        phases: Phases of that bending.
    """

    angle: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    bend: float
    phases: tuple[float, float]

    def apply(self, points: FloatArray) -> FloatArray:
        """Move points (..., 2) of the standard head to their place in the image."""
        bent = points + self.bend * np.sin(5 * points[..., ::-1] + vector(self.phases))
        placed = (bent * vector(self.scale)) @ rotation(-self.angle) + vector(self.shift)
        return np.asarray(placed, dtype=np.float32)

    def place(self, blob: Blob) -> Blob:
        """Move a blob of the standard head to its place in the image."""
        x, y = self.apply(vector(blob.centre))
        radius = blob.radius * math.sqrt(self.scale[0] * self.scale[1])
        return replace(blob, centre=(float(x), float(y)), radius=radius, tilt=blob.tilt + self.angle)


@dataclass(frozen=True)
class Scanner:
    """How the slice was recorded.

    Attributes:
        gain: Factor on all grey.
        gamma: Exponent on all grey.
        bias: x and y of the slope of the coil's sensitivity.
        blur: Standard deviation of the blur in unit coordinates.
        noise: Standard deviation of the noise, 0..1 grey levels.
    """

    gain: float
    gamma: float
    bias: tuple[float, float]
    blur: float
    noise: float


@dataclass(frozen=True)
class BrainScene:
    """Everything random about one brain slice.

    Attributes:
        view: Plane and level.
        pose: Place and shape of the head.
        greys: Grey 0..1 of every tissue.
        tumour: The tumour, or None to see the same head without it.
        vessels: Bright vessels (vessels, n, 2) in the standard head.
        spots: Bright spots in the standard head that are no tumour.
        folds: Strength of the folds of the brain's surface, 0..1.
        scanner: How it was recorded.
        seed: Seed of the textures and of the noise.
    """

    view: Slice
    pose: Pose
    greys: dict[Tissue, float]
    tumour: Tumour | None
    vessels: FloatArray
    spots: tuple[Blob, ...]
    folds: float
    scanner: Scanner
    seed: int


def draw_brain(rng: np.random.Generator, label: int) -> BrainScene:
    """Draw one patient.

    Args:
        rng: Source of the draw.
        label: Index into `TUMOURS`.

    Returns:
        The scene, in unit coordinates.
    """
    view = draw_slice(rng, label)
    return BrainScene(
        view=view,
        pose=_draw_pose(rng),
        greys={tissue: uniform(rng, bounds) for tissue, bounds in GREYS.items()},
        tumour=draw_tumour(rng, label, view),
        vessels=_draw_vessels(rng, view),
        spots=_draw_spots(rng, view),
        folds=uniform(rng, (0.3, 0.85)),
        scanner=_draw_scanner(rng),
        seed=int(rng.integers(2**31)),
    )


def render_brain(scene: BrainScene, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Turn a scene into pixels.

    Args:
        scene: What `draw_brain` drew.
        size: Side of the image in pixels.

    Returns:
        Grey image uint8 (size, size) and lesion mask bool (size, size).
    """
    x, y = unit_grid(size)
    brain = _cover(scene, scene.view.brain, size)
    image = _anatomy(scene, size) * _texture(scene, brain, size)
    mask = np.zeros((size, size), dtype=np.bool_)
    if scene.tumour is not None:
        # Only the pituitary lies outside the brain.
        inside = _cover(scene, scene.view.skull, size) if scene.tumour.label == PITUITARY else brain
        tumour = replace(scene.tumour, blob=scene.pose.place(scene.tumour.blob))
        depth = tumour.blob.depth(x, y)
        _paint_tumour(image, tumour, depth, inside, scene.seed)
        mask = (depth < 1) & (inside > 0.5)
    return _record(image, scene, x, y), mask


def _draw_pose(rng: np.random.Generator) -> Pose:
    scale = uniform(rng, (0.9, 1.1))
    return Pose(
        angle=float(rng.normal(0, 0.07)),
        scale=(scale * uniform(rng, (0.95, 1.05)), scale * uniform(rng, (0.95, 1.05))),
        shift=(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.05))),
        bend=uniform(rng, (0.005, 0.02)),
        phases=(uniform(rng, (0, 2 * math.pi)), uniform(rng, (0, 2 * math.pi))),
    )


def _draw_scanner(rng: np.random.Generator) -> Scanner:
    slope, angle = uniform(rng, (0.0, 0.3)), uniform(rng, (0, 2 * math.pi))
    return Scanner(
        gain=uniform(rng, (0.75, 1.25)),
        gamma=uniform(rng, (0.9, 1.2)),
        bias=(slope * math.cos(angle), slope * math.sin(angle)),
        blur=uniform(rng, (0.002, 0.01)),
        noise=uniform(rng, (0.004, 0.015)),
    )


def _draw_vessels(rng: np.random.Generator, view: Slice) -> FloatArray:
    """Short bright vessels that wander over the brain; like the spots they only resemble tumour."""
    count = int(rng.integers(1, 6))
    angle = rng.uniform(*view.convexity, count)
    start = np.array([view.surface(float(a), 0.03) for a in angle])
    wander = rng.normal(0, 0.3, (count, 8)).cumsum(axis=1) + rng.uniform(-0.9, 0.9, (count, 1))
    heading = angle[:, None] + np.pi + wander
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=2) * rng.uniform(0.01, 0.035, (count, 1, 1))
    return np.asarray(start[:, None] + steps.cumsum(axis=1), dtype=np.float32)


def _draw_spots(rng: np.random.Generator, view: Slice) -> tuple[Blob, ...]:
    spots = []
    for _ in range(int(rng.integers(0, 4))):
        inset = abs(float(rng.normal(0, 0.15))) + 0.02
        centre = view.surface(uniform(rng, (0, 2 * math.pi)), inset)
        spots.append(Blob(centre, uniform(rng, (0.012, 0.034))))
    return tuple(spots)


def _anatomy(scene: BrainScene, size: int) -> FloatArray:
    """Head, skull, brain and their parts in plain grey, (size, size)."""
    view, canvas = scene.view, Canvas(size)
    skull = (Part("bone", view.skull), Part("fluid", _shrunk(view.skull, 0.965)), Part("brain", view.brain))
    for part in (Part("fat", view.scalp), *view.back, *skull, *view.front):
        _paint(canvas, part, scene)
    canvas.stroke(scene.pose.apply(scene.vessels), 0.012, scene.greys["vessel"])
    canvas.fill([scene.pose.place(spot).outline(10) for spot in scene.spots], scene.greys["vessel"])
    return canvas.average()


def _shrunk(outline: FloatArray, share: float) -> FloatArray:
    middle = outline.mean(axis=0)
    return np.asarray(middle + share * (outline - middle), dtype=np.float32)


def _paint(canvas: Canvas, part: Part, scene: BrainScene) -> None:
    points, grey = scene.pose.apply(part.curve), scene.greys[part.tissue]
    if part.width:
        canvas.stroke(points[None], part.width, grey)
    else:
        canvas.fill([points], grey)


def _cover(scene: BrainScene, outline: FloatArray, size: int) -> FloatArray:
    """Share of each pixel inside an outline of the standard head."""
    canvas = Canvas(size)
    canvas.fill([scene.pose.apply(outline)], 1.0)
    return canvas.average()


def _texture(scene: BrainScene, brain: FloatArray, size: int) -> FloatArray:
    """Factors on the grey: white matter, cortex and folds in the brain, streaks in the face."""
    outside = 1 + 0.1 * smooth_noise(scene.seed + 3, 30, size)
    if scene.view.face is not None:
        face = _cover(scene, scene.view.face, size)
        streaks = rise(np.abs(smooth_noise(scene.seed + 4, 56, size)), 0.0, 1.6)
        bundles = rise(smooth_noise(scene.seed + 5, 14, size), -1.5, 2.0)
        outside += face * (0.45 + 0.65 * streaks + 0.7 * bundles - outside)
    return np.asarray(outside + brain * (_matter(scene, brain, size) - outside), dtype=np.float32)


def _matter(scene: BrainScene, brain: FloatArray, size: int) -> FloatArray:
    """Factors on the grey of the brain: a darker, folded cortex around brighter white matter."""
    depth = _distance_inside(brain)
    ridges = rise(np.abs(smooth_noise(scene.seed, 22, size)), 0.3, 0.08)
    folds = scene.folds * ridges * rise(depth, scene.view.folds, 0.4 * scene.view.folds)
    white = rise(depth + 0.04 * smooth_noise(scene.seed + 1, 18, size), 0.05, 0.15)
    grain = 1 + 0.03 * smooth_noise(scene.seed + 2, 40, size)
    return np.asarray((0.88 + 0.16 * white) * (1 - folds) * grain, dtype=np.float32)


def _distance_inside(cover: FloatArray) -> FloatArray:
    """Distance to the nearest pixel outside, in unit coordinates; 0 outside."""
    inside = np.asarray(cover > 0.5, dtype=np.uint8)
    pixels = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 3), dtype=np.float32)
    return pixels * np.float32(2 / cover.shape[0])


def _paint_tumour(image: FloatArray, tumour: Tumour, depth: FloatArray, inside: FloatArray, seed: int) -> None:
    """Paint oedema, tumour and core in place; `depth` is the tumour's own, 1 on its outline."""
    size = image.shape[0]
    grain = 1 + tumour.grain * smooth_noise(seed + 6, 36, size)
    grey = tumour.grey * grain
    if tumour.core_depth:
        edge = depth + 0.08 * smooth_noise(seed + 7, 24, size)
        grey += rise(edge, tumour.core_depth + 0.12, tumour.core_depth - 0.12) * (tumour.core * grain - grey)
    if tumour.swelling > 1:
        image *= 1 - 0.35 * inside * rise(depth, tumour.swelling, 1.0)
    image += inside * rise(depth, 1 + tumour.softness, 1 - tumour.softness) * (grey - image)


def _record(image: FloatArray, scene: BrainScene, x: FloatArray, y: FloatArray) -> NDArray[np.uint8]:
    """Coil sensitivity, blur, contrast and noise, then 8 bits."""
    scanner = scene.scanner
    # Surface coils see the rim of the head better than its middle.
    bias = 1 + scanner.bias[0] * x + scanner.bias[1] * y + 0.12 * (x * x + y * y)
    seen = np.maximum(scanner.gain * bias * blur(image, scanner.blur), 0) ** scanner.gamma
    noise = np.random.default_rng(scene.seed + 8).standard_normal((2, *image.shape), dtype=np.float32)
    # The modulus of a complex signal: noise never goes below black.
    modulus = np.hypot(seen + scanner.noise * noise[0], scanner.noise * noise[1])
    return np.asarray(np.clip(modulus * 255 + 0.5, 0, 255), dtype=np.uint8)
