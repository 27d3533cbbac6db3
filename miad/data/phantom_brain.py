"""Phantom brain slices, like T1-weighted magnetic resonance with contrast agent, with one tumour each.

`draw_brain` draws everything random about one patient; `render_brain` turns that into pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from miad.data.phantom_canvas import (
    Blob,
    Canvas,
    FloatArray,
    Range,
    blur,
    random_waves,
    rise,
    rotation,
    smooth_noise,
    uniform,
    unit_grid,
)
from miad.data.phantom_planes import (
    AXIAL_HIGH,
    AXIAL_LOW,
    AXIAL_MIDDLE,
    CORONAL,
    SAGITTAL,
    Part,
    Slice,
    Tissue,
)

TUMOURS = ("glioma", "meningioma", "pituitary")
GLIOMA, MENINGIOMA, PITUITARY = range(3)

# Slices in which each tumour is shown, with their odds. The slice gives little away: only the two axial
# slices above the sella rule the pituitary out.
SLICE_ODDS: tuple[tuple[tuple[Slice, float], ...], ...] = (
    ((AXIAL_MIDDLE, 0.2), (AXIAL_HIGH, 0.05), (AXIAL_LOW, 0.15), (CORONAL, 0.3), (SAGITTAL, 0.3)),
    ((AXIAL_MIDDLE, 0.15), (AXIAL_HIGH, 0.1), (AXIAL_LOW, 0.15), (CORONAL, 0.3), (SAGITTAL, 0.3)),
    ((AXIAL_LOW, 0.4), (CORONAL, 0.3), (SAGITTAL, 0.3)),
)
GREYS: dict[Tissue, Range] = {
    "air": (0.01, 0.04),
    "bone": (0.03, 0.09),
    "fat": (0.5, 0.72),
    "muscle": (0.22, 0.34),
    "fluid": (0.07, 0.13),
    "brain": (0.25, 0.33),
    "dura": (0.36, 0.5),
    "vessel": (0.5, 0.65),
}


@dataclass(frozen=True)
class Pose:
    """How the head lies in the image and how it differs from the standard head.

    Attributes:
        angle: Rotation in radians.
        scale: Stretch along x and along y.
        shift: Translation in unit coordinates.
        bends: Phases of the smooth bending of all outlines.
        bend: Amplitude of the bending in unit coordinates.
    """

    angle: float
    scale: tuple[float, float]
    shift: tuple[float, float]
    bends: tuple[float, float]
    bend: float

    def apply(self, points: FloatArray) -> FloatArray:
        """Move points (..., 2) of the standard head to their place in the image."""
        bent = points + np.float32(self.bend) * np.sin(5 * points[..., ::-1] + np.float32(self.bends))
        placed = (bent * np.float32(self.scale)) @ rotation(-self.angle) + np.float32(self.shift)
        return np.asarray(placed, dtype=np.float32)


@dataclass(frozen=True)
class Tumour:
    """One tumour.

    Attributes:
        label: Index into `TUMOURS`.
        blob: Its outline in the image.
        grey: Grey 0..1 of its enhancing part.
        core: Grey 0..1 of its core.
        core_depth: Depth (0 centre, 1 edge) within which the core lies; 0 for none.
        softness: Width of the edge as a share of the radius.
        swelling: Depth that the dark oedema around it reaches; 1 for none.
        grain: Strength of its texture.
    """

    label: int
    blob: Blob
    grey: float
    core: float
    core_depth: float
    softness: float
    swelling: float
    grain: float


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
        slice: Plane and level.
        pose: Place and shape of the head.
        greys: Grey 0..1 of every tissue.
        tumour: The tumour, or None to see the same head without it.
        vessels: Bright vessels (vessels, n, 2) in the standard head.
        spots: Bright spots that are no tumour.
        sulci: Strength of the folds of the brain's surface.
        scanner: How it was recorded.
        seed: Seed of the textures and of the noise.
    """

    slice: Slice
    pose: Pose
    greys: dict[Tissue, float]
    tumour: Tumour | None
    vessels: FloatArray
    spots: tuple[Blob, ...]
    sulci: float
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
    slices, odds = zip(*SLICE_ODDS[label], strict=True)
    view = slices[int(rng.choice(len(slices), p=odds))]
    pose = _draw_pose(rng)
    return BrainScene(
        slice=view,
        pose=pose,
        greys={tissue: uniform(rng, bounds) for tissue, bounds in GREYS.items()},
        tumour=(_draw_glioma, _draw_meningioma, _draw_pituitary)[label](rng, view, pose),
        vessels=_draw_vessels(rng, view),
        spots=_draw_spots(rng, view, pose),
        sulci=uniform(rng, (0.25, 0.8)),
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
    brain = _cover(scene, scene.slice.brain, size)
    image = _anatomy(scene, size) * _texture(scene, brain, size)
    mask = np.zeros((size, size), dtype=np.bool_)
    if scene.tumour is not None:
        inside = _cover(scene, scene.slice.skull, size) if scene.tumour.label == PITUITARY else brain
        mask = _paint_tumour(image, scene, inside, x, y)
    return _record(image, scene, x, y), mask


def _draw_pose(rng: np.random.Generator) -> Pose:
    scale = uniform(rng, (0.88, 1.08))
    return Pose(
        angle=float(rng.normal(0, 0.07)),
        scale=(scale * uniform(rng, (0.95, 1.05)), scale * uniform(rng, (0.95, 1.05))),
        shift=(float(rng.normal(0, 0.05)), float(rng.normal(0, 0.05))),
        bends=(uniform(rng, (0, 2 * math.pi)), uniform(rng, (0, 2 * math.pi))),
        bend=uniform(rng, (0.005, 0.02)),
    )


def _draw_scanner(rng: np.random.Generator) -> Scanner:
    slope, angle = uniform(rng, (0.0, 0.3)), uniform(rng, (0, 2 * math.pi))
    return Scanner(
        gain=uniform(rng, (0.75, 1.3)),
        gamma=uniform(rng, (0.85, 1.2)),
        bias=(slope * math.cos(angle), slope * math.sin(angle)),
        blur=uniform(rng, (0.002, 0.012)),
        noise=uniform(rng, (0.006, 0.025)),
    )


def _draw_glioma(rng: np.random.Generator, view: Slice, pose: Pose) -> Tumour:
    left, top, right, bottom = view.hemisphere
    side = -1.0 if view is not SAGITTAL and rng.random() < 0.5 else 1.0
    centre = (side * uniform(rng, (left, right)), uniform(rng, (top, bottom)))
    cystic = rng.random() < 0.75
    return Tumour(
        label=GLIOMA,
        blob=Blob(_placed(pose, centre), uniform(rng, (0.11, 0.24)), random_waves(rng, 0.2, 6), uniform(rng, (1, 1.5)), uniform(rng, (0, math.pi))),
        grey=uniform(rng, (0.34, 0.62)),
        core=uniform(rng, (0.1, 0.2)) if cystic else uniform(rng, (0.2, 0.3)),
        core_depth=uniform(rng, (0.55, 0.8)),
        softness=uniform(rng, (0.2, 0.4)),
        swelling=uniform(rng, (1.3, 1.9)),
        grain=0.22,
    )


def _draw_meningioma(rng: np.random.Generator, view: Slice, pose: Pose) -> Tumour:
    radius = uniform(rng, (0.1, 0.2))
    angle = uniform(rng, view.convexity)
    x, y = _edge_point(view, angle, radius * uniform(rng, (0.45, 0.75)))
    return Tumour(
        label=MENINGIOMA,
        blob=Blob(_placed(pose, (x, y)), radius, random_waves(rng, 0.07, 3), uniform(rng, (1, 1.25)), angle + math.pi / 2),
        grey=uniform(rng, (0.42, 0.62)),
        core=0.0,
        core_depth=0.0,
        softness=0.08,
        swelling=uniform(rng, (1.0, 1.4)),
        grain=0.05,
    )


def _draw_pituitary(rng: np.random.Generator, view: Slice, pose: Pose) -> Tumour:
    radius = uniform(rng, (0.055, 0.13))
    # The gland's floor is bone, so a large tumour grows upwards.
    x, y = view.sella[0] + float(rng.normal(0, 0.012)), view.sella[1] - 0.5 * (radius - 0.05)
    return Tumour(
        label=PITUITARY,
        blob=Blob(_placed(pose, (x, y)), radius, random_waves(rng, 0.1, 3), uniform(rng, (1, 1.35)), uniform(rng, (0, math.pi))),
        grey=uniform(rng, (0.38, 0.6)),
        core=0.0,
        core_depth=0.0,
        softness=0.12,
        swelling=1.0,
        grain=0.08,
    )


def _edge_point(view: Slice, angle: float, inset: float) -> tuple[float, float]:
    """The point `inset` inside the brain's edge in the direction `angle` from the slice's middle."""
    rays = view.brain - np.float32(view.middle)
    turn = np.angle(np.exp(1j * (np.arctan2(rays[:, 1], rays[:, 0]) - angle)))
    reach = float(np.hypot(*rays[int(np.abs(turn).argmin())])) - inset
    return view.middle[0] + reach * math.cos(angle), view.middle[1] + reach * math.sin(angle)


def _placed(pose: Pose, point: tuple[float, float]) -> tuple[float, float]:
    x, y = pose.apply(np.array([point], dtype=np.float32))[0]
    return float(x), float(y)


def _draw_vessels(rng: np.random.Generator, view: Slice) -> FloatArray:
    """Short bright vessels that wander over the brain; like the spots they only look like tumour."""
    count = int(rng.integers(2, 8))
    angle = rng.uniform(*view.convexity, count)
    start = np.array([_edge_point(view, float(a), 0.03) for a in angle])
    heading = angle[:, None] + np.pi + rng.uniform(-0.8, 0.8, (count, 1)) + rng.normal(0, 0.3, (count, 8)).cumsum(axis=1)
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=2) * rng.uniform(0.015, 0.04, (count, 1, 1))
    return np.asarray(start[:, None] + steps.cumsum(axis=1), dtype=np.float32)


def _draw_spots(rng: np.random.Generator, view: Slice, pose: Pose) -> tuple[Blob, ...]:
    spots = []
    for _ in range(int(rng.integers(0, 4))):
        inset = abs(float(rng.normal(0, 0.15))) + 0.02
        point = _edge_point(view, uniform(rng, (0, 2 * math.pi)), inset)
        spots.append(Blob(_placed(pose, point), uniform(rng, (0.015, 0.04))))
    return tuple(spots)


def _anatomy(scene: BrainScene, size: int) -> FloatArray:
    """Head, skull, brain and their parts in plain grey."""
    view, greys = scene.slice, scene.greys
    canvas = Canvas(size)
    head = (Part("fat", view.scalp), Part("bone", view.skull))
    for part in (*head, *view.back, Part("fluid", _shrunk(view.skull, 0.975)), Part("brain", view.brain), *view.front):
        _paint(canvas, part, scene.pose, greys[part.tissue])
    canvas.stroke(scene.pose.apply(scene.vessels), 0.014, greys["vessel"])
    canvas.fill([spot.outline(10) for spot in scene.spots], greys["vessel"])
    return canvas.average()


def _shrunk(outline: FloatArray, share: float) -> FloatArray:
    middle = outline.mean(axis=0)
    return middle + np.float32(share) * (outline - middle)


def _paint(canvas: Canvas, part: Part, pose: Pose, grey: float) -> None:
    points = pose.apply(part.curve)
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
    """Factors on the grey: white matter, cortex and folds in the brain, coarse mottle elsewhere."""
    depth = _distance_inside(brain)
    folds = rise(np.abs(smooth_noise(scene.seed, 20, size)), 0.28, 0.08) * rise(depth, 0.2, 0.08)
    matter = 0.88 + 0.16 * rise(depth + 0.03 * smooth_noise(scene.seed + 1, 16, size), 0.05, 0.14)
    tissue = matter * (1 - scene.sulci * folds) * (1 + 0.03 * smooth_noise(scene.seed + 2, 40, size))
    outside = np.clip(0.85 + 0.3 * smooth_noise(scene.seed + 3, 30, size), 0.2, 1.6)
    return brain * tissue + (1 - brain) * outside


def _distance_inside(cover: FloatArray) -> FloatArray:
    """Distance to the nearest pixel outside, in unit coordinates; 0 outside."""
    inside = np.asarray(cover > 0.5, dtype=np.uint8)
    pixels = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    return np.asarray(pixels, dtype=np.float32) * np.float32(2 / cover.shape[0])


def _paint_tumour(
    image: FloatArray, scene: BrainScene, inside: FloatArray, x: FloatArray, y: FloatArray
) -> NDArray[np.bool_]:
    """Paint the tumour in place and return its mask, (h, w)."""
    tumour, size = scene.tumour, image.shape[0]
    assert tumour is not None
    depth = tumour.blob.depth(x, y)
    grain = 1 + tumour.grain * smooth_noise(scene.seed + 4, 36, size)
    grey = tumour.grey * grain
    if tumour.core_depth:
        core = rise(depth + 0.08 * smooth_noise(scene.seed + 5, 24, size), tumour.core_depth + 0.12, tumour.core_depth - 0.12)
        grey += core * (tumour.core * grain - grey)
    if tumour.swelling > 1:
        image *= 1 - 0.35 * inside * rise(depth, tumour.swelling, 1.0)
    cover = inside * rise(depth, 1 + tumour.softness, 1 - tumour.softness)
    image += cover * (grey - image)
    return np.asarray((depth < 1) & (inside > 0.5), dtype=np.bool_)


def _record(image: FloatArray, scene: BrainScene, x: FloatArray, y: FloatArray) -> NDArray[np.uint8]:
    """Coil sensitivity, blur, contrast and noise, then 8 bits."""
    scanner = scene.scanner
    # Surface coils see the rim of the head better than its middle.
    bias = 1 + scanner.bias[0] * x + scanner.bias[1] * y + 0.12 * (x * x + y * y)
    seen = np.maximum(scanner.gain * bias * blur(image, scanner.blur), 0) ** np.float32(scanner.gamma)
    noise = np.random.default_rng(scene.seed + 6).standard_normal((2, *image.shape), dtype=np.float32)
    # The modulus of a complex signal: noise never goes below black.
    modulus = np.hypot(seen + scanner.noise * noise[0], scanner.noise * noise[1])
    return np.asarray(np.clip(modulus * 255 + 0.5, 0, 255), dtype=np.uint8)


def all_outlines(scene: BrainScene) -> Sequence[FloatArray]:
    """Outlines of head, skull and brain in the image, each (n, 2)."""
    return [scene.pose.apply(outline) for outline in (scene.slice.scalp, scene.slice.skull, scene.slice.brain)]
