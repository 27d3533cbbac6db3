"""What the mark must not cover, and the corners that keep it off."""

from miad.lesions.boxes import Box, fill_boxes, find_boxes, merge_boxes
from miad.lesions.corners import Place, allowed_corners, cropped_corners
from miad.lesions.gradcam import GradCam, Heatmaps
from miad.lesions.regions import Regions
from miad.lesions.segment import segment
from miad.lesions.sources import (
    Estimate,
    GivenMasks,
    GradCamMasks,
    LesionFinder,
    MaskSource,
    SegmenterMasks,
    Shades,
)

__all__ = [
    "Box",
    "Estimate",
    "GivenMasks",
    "GradCam",
    "GradCamMasks",
    "Heatmaps",
    "LesionFinder",
    "MaskSource",
    "Place",
    "Regions",
    "SegmenterMasks",
    "Shades",
    "allowed_corners",
    "cropped_corners",
    "fill_boxes",
    "find_boxes",
    "merge_boxes",
    "segment",
]
