"""The names of all numbers that runs log, in one place: what a dashboard shows is taken from here.

``val/`` and ``test/`` are measured on validation and test images, ``train/`` while training, ``progress/`` while an
attack runs (by the first of its processes). What an attack came to has no such word before it. A name that ends in * is
the beginning of several.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from miad.search import SEARCHES
from miad.vaccine import VaccineName

Best: TypeAlias = Literal["max", "min"]

_CLASSIFICATION: dict[str, Best] = {
    "loss": "min",
    "accuracy": "max",
    "balanced_accuracy": "max",
    "auc_micro": "max",
    "auc_macro": "max",
    "calibration_error": "min",
}
_SEGMENTATION: dict[str, Best] = {"dice": "max", "iou": "max", "average_precision": "max", "lesion_recall": "max"}
_REMOVAL: dict[str, Best] = {
    "psnr": "max",
    "ssim": "max",
    "rmse": "min",
    "psnr_inside": "max",
    "rmse_inside": "min",
    "rmse_outside": "min",
    "mask_iou": "max",
}
_TRAIN, _SPEED = ("train/loss", "train/images_per_second"), "test/images_per_second"
_CHANGES = ("accuracy_before", "accuracy_after", "auc_micro_before", "auc_micro_after", "asr")
"""What an attack does to a group of classifiers."""

LEFT = ("psnr_inside", "psnr_inside_protected", "rmse", "rmse_protected", "ssim", "mask_iou", "accuracy")
"""What a removal matrix measures; protected means against the original plus delta."""


def _staged(stage: str, measures: Mapping[str, Best]) -> tuple[str, ...]:
    return tuple(f"{stage}/{name}" for name in measures)


LOGGED: Mapping[str, tuple[str, ...]] = {
    "fit classifier": (*_TRAIN, *_staged("val", _CLASSIFICATION)),
    "fit segmenter": (*_TRAIN, *_staged("val", _SEGMENTATION), *(f"val/{name}/*" for name in _SEGMENTATION)),
    "fit remover": (*_TRAIN, "train/loss_*", *_staged("val", _REMOVAL)),
    "test classifier": (_SPEED, *_staged("test", _CLASSIFICATION)),
    "test segmenter": (_SPEED, *_staged("test", _SEGMENTATION), *(f"test/{name}/*" for name in _SEGMENTATION)),
    "test remover": (_SPEED, *_staged("test", _REMOVAL), "test/marked/*"),
    "attack": (
        *("images", "attacked", "success", "failed", "skipped", "infeasible", "success_rate"),
        *("queries_mean", "queries_median", "queries_p90", "queries_max", "learning_queries"),
        *("ssim", "psnr", "rmse", "delta"),
        *("without_mask", "lesions_covered", "lesion_pixels_covered", "lesion_caught", "gave_way"),
        *(f"{group}/{name}" for group in ("sources", "unseen") for name in _CHANGES),
        *("accuracy_before/*", "accuracy_after/*", "accuracy_before_all/*", "accuracy_after_all/*", "asr/*"),
        *("auc_micro_before/*", "auc_micro_after/*", "auc_micro_before_all/*", "auc_micro_after_all/*"),
        *("auc_macro_before/*", "auc_macro_after/*", "auc_macro_before_all/*", "auc_macro_after_all/*"),
        *("progress/images", "progress/success_rate", "progress/queries_mean"),
        *("progress/images_per_second", "progress/queries_per_second"),
    ),
    "evaluate transfer": (
        "transfer/left_out/accuracy_before",
        *(f"transfer/left_out/accuracy_after/{search}" for search in SEARCHES),
        *(f"transfer/searched_on/accuracy_after/{search}" for search in SEARCHES),
        *(f"transfer/matrix/asr/{search}" for search in SEARCHES),
        *("transfer/accuracy_after/*", "transfer/asr/*"),
    ),
    "evaluate removal": (
        *(f"removal/networks/{name}/{vaccine}" for name in LEFT for vaccine in get_args(VaccineName)),
        *(f"removal/{name}/*" for name in LEFT),
    ),
}
"""What each command logs. Of the searches and vaccines, those that it was asked for."""

CHARTS: Mapping[str, tuple[str, ...]] = {
    "test classifier": ("test/roc", "test/confusion"),
    "test segmenter": ("test/precision_recall",),
    "attack": ("roc", "confusion/original", "confusion/marked"),
}
"""W&B's own charts, by command."""

MEDIA: Mapping[str, tuple[str, ...]] = {
    "test classifier": ("figures/roc", "figures/confusion", "figures/calibration"),
    "test segmenter": ("figures/precision_recall",),
    "attack": ("marked/gallery", "marked/table", "figures/lesions"),
    "evaluate transfer": ("figures/leave_one_out", *(f"figures/matrix_{search}" for search in SEARCHES)),
    "evaluate removal": ("figures/removal",),
}
"""Pictures, by command; those of an attack show marked images, and are logged only where they are asked for."""

BEST: Mapping[str, Best] = {
    f"val/{name}": best for name, best in {**_CLASSIFICATION, **_SEGMENTATION, **_REMOVAL}.items()
}
"""Which value of a validation score is the best one of a training."""

STEPS: Mapping[str, str] = {
    "train/*": "trainer/global_step",
    "val/*": "trainer/global_step",
    "progress/*": "progress/images",
}
"""What numbers are drawn over."""
