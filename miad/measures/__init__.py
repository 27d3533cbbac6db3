"""Measures as functions of tensors: how well classes are told apart, how far two images differ."""

from miad.measures.classification import ClassificationScores, accuracy, auc_macro, auc_micro
from miad.measures.quality import psnr, rmse, ssim

__all__ = ["ClassificationScores", "accuracy", "auc_macro", "auc_micro", "psnr", "rmse", "ssim"]
