"""How measures of runs are called, in what unit they are, and which way is better."""

import re
from typing import Literal, NamedTuple, TypeAlias

Better: TypeAlias = Literal["higher", "lower", ""]
"""Which way is better for whom the command serves; empty where neither is."""

_TITLES = {
    "auc_micro": "AUC (micro)",
    "auc_macro": "AUC (macro)",
    "asr": "attack success rate",
    "success": "succeeded",
    "success_rate": "share succeeded",
    "ssim": "SSIM",
    "psnr": "PSNR",
    "rmse": "RMSE",
    "iou": "IoU",
    "mask_iou": "IoU of the masks",
    "dice": "Dice",
    "delta": "RMS of delta",
    "gave_way": "smaller logo or higher threshold",
    "without_mask": "images without a mask",
    "lesions_covered": "lesions covered",
    "lesion_caught": "share of the lesion caught by the mask",
    "queries_p90": "queries, 90th percentile",
    "queries_max": "queries, most",
    "queries_mean": "queries, mean",
    "queries_median": "queries, median",
    "learning_queries": "queries of learning, once",
}
_COUNTS = {"images", "attacked", "success", "failed", "skipped", "infeasible", "without_mask", "lesions_covered"}
_COUNTS |= {"lesion_pixels_covered", "gave_way", "queries_max", "learning_queries"}
_HIGHER = r"accuracy|balanced_accuracy|auc_\w+|dice|iou|average_precision|lesion_recall|psnr.*|ssim.*|mask_iou"
_LOWER = r"loss.*|calibration_error|rmse.*"
_BETTER: dict[str, tuple[str, str]] = {
    "attack": (
        r"asr|success_rate|ssim|psnr|lesion_caught",
        r"(accuracy|auc_micro|auc_macro)_after(_all)?|queries_.*|rmse|lesions?_.*covered",
    ),
    "evaluate transfer": ("asr", "accuracy_after"),
    # For whom the marks protect: a mark that withstands removal leaves an image far from the original.
    "evaluate removal": (r"rmse.*", r"accuracy|psnr.*|ssim|mask_iou"),
}
"""For commands that attack: patterns of what they want higher and lower. Trained networks want the common ones."""


class MeasureWords(NamedTuple):
    """A measure for readers."""

    title: str
    of: str
    """What it is of: a classifier, a delta and a remover; empty for the run as a whole."""
    unit: str
    digits: int
    better: Better

    @property
    def heading(self) -> str:
        """The title with its unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def measure_words(name: str, command: str) -> MeasureWords:
    """How to show a measure.

    Args:
        name: as in ``metrics.csv``: ``val/accuracy``, ``accuracy_after/resnet18``.
        command: whose run it is of.
    """
    parts = name.split("/")
    if parts[0] in ("val", "test", "train") and len(parts) > 1:
        parts = parts[1:]
    marked = parts[0] == "marked" and len(parts) > 1  # what a remover was given
    base, of = (parts[1], "the marked images") if marked else (parts[0], ", ".join(parts[1:]))
    return MeasureWords(_title(base), of, _unit(base), _digits(base), "" if marked else _better(base, parts, command))


def _title(base: str) -> str:
    if base in _TITLES:
        return _TITLES[base]
    stem, _, end = base.partition("_")
    if base.startswith("auc_"):
        stem, end = base[:9], base[10:]
    words = [_TITLES.get(stem, stem), *end.split("_")]
    text = " ".join(word for word in words if word)
    return text.removesuffix(" all") + ", all images" if text.endswith(" all") else text


def _unit(base: str) -> str:
    if base.startswith("psnr"):
        return "dB"
    return "levels" if base.startswith("rmse") or base == "delta" else ""


def _digits(base: str) -> int:
    if base in _COUNTS:
        return 0
    if base.startswith("queries"):
        return 1
    return 2 if _unit(base) else 3


def _better(base: str, parts: list[str], command: str) -> Better:
    if command == "evaluate removal" and parts[-1] in ("nothing", "exact"):
        return ""  # nobody's removal
    higher, lower = _BETTER.get(command, (_HIGHER, _LOWER))
    if re.fullmatch(higher, base):
        return "higher"
    return "lower" if re.fullmatch(lower, base) else ""
