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

__all__ = [
    "SCORES",
    "ClassificationScores",
    "Curve",
    "accuracy",
    "auc_macro",
    "auc_micro",
    "balanced_accuracy",
    "calibration_error",
    "confusion_matrix",
    "psnr",
    "rmse",
    "roc_curves",
    "ssim",
]
