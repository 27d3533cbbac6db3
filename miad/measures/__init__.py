"""Measures as functions of tensors: how well classes are told apart, how far two images differ."""

from miad.measures.classification import (
    SCORES,
    ClassificationScores,
    Curve,
    accuracy,
    auc_macro,
    auc_micro,
    balanced_accuracy,
    calibration_error,
    confusion_matrix,
    roc_curves,
)
from miad.measures.quality import psnr, rmse, ssim
from miad.measures.removal import RemovalQuality, mask_iou, removal_quality
from miad.measures.segmentation import (
    THRESHOLD,
    Overlap,
    SegmentationScores,
    average_precision,
    overlap,
    precision_recall,
)

__all__ = [
    "SCORES",
    "THRESHOLD",
    "ClassificationScores",
    "Curve",
    "Overlap",
    "RemovalQuality",
    "SegmentationScores",
    "accuracy",
    "auc_macro",
    "auc_micro",
    "average_precision",
    "balanced_accuracy",
    "calibration_error",
    "confusion_matrix",
    "mask_iou",
    "overlap",
    "precision_recall",
    "psnr",
    "removal_quality",
    "rmse",
    "roc_curves",
    "ssim",
]
