"""What a dashboard shows, in plain words; every name is one that runs log (`miad.tracking.names`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from miad.search import SEARCHES
from miad.tracking.names import CHARTS, LOGGED, MEDIA, STEPS
from miad.vaccine import VaccineName

Kind: TypeAlias = Literal["lines", "bars", "points", "chart", "media", "comparer"]


@dataclass(frozen=True)
class Panel:
    """One picture of a dashboard.

    Args:
        title: what it shows.
        kind: lines over steps; bars, one a run and number; points, one a run, of two numbers; one of W&B's own charts;
            pictures that were logged; or the table of all that differs between runs.
        names: of what is logged.
        over: what lines are drawn over.
    """

    title: str
    kind: Kind
    names: tuple[str, ...] = ()
    over: str = ""


@dataclass(frozen=True)
class Section:
    """Panels that belong together.

    Args:
        title: its heading.
        words: what to look for.
        jobs: commands whose runs it shows.
        panels: at least one.
    """

    title: str
    words: str
    jobs: tuple[str, ...]
    panels: tuple[Panel, ...]


def _bars(title: str, *names: str) -> Panel:
    return Panel(title, "bars", names)


def _lines(title: str, *names: str) -> Panel:
    """Lines over what their names count as steps."""
    (over,) = {step for start, step in STEPS.items() for name in names if name.startswith(start.removesuffix("*"))}
    return Panel(title, "lines", names, over)


def _searches(start: str) -> tuple[str, ...]:
    return tuple(f"{start}/{search}" for search in SEARCHES)


def _vaccines(measure: str) -> tuple[str, ...]:
    return tuple(f"removal/networks/{measure}/{vaccine}" for vaccine in get_args(VaccineName))


SECTIONS: tuple[Section, ...] = (
    Section(
        "Classifiers",
        "How well classifiers learn, and read test images. Bars are runs of 'miad test classifier'.",
        ("fit classifier", "test classifier"),
        (
            _lines("training loss", "train/loss"),
            _lines("validation accuracy", "val/accuracy"),
            _lines("validation AUC (micro)", "val/auc_micro"),
            _bars("test accuracy", "test/accuracy", "test/balanced_accuracy"),
            _bars("test AUC", "test/auc_micro", "test/auc_macro"),
            _bars("calibration error", "test/calibration_error"),
            Panel("ROC curves", "chart", ("test/roc",)),
            Panel("confusion matrix", "chart", ("test/confusion",)),
        ),
    ),
    Section(
        "Segmenters and removers",
        "How well lesions are found, and how well watermark removers clean marked images.",
        ("fit segmenter", "test segmenter", "fit remover", "test remover"),
        (
            _lines("validation Dice", "val/dice"),
            _bars("lesions", "test/dice", "test/iou", "test/average_precision", "test/lesion_recall"),
            Panel("precision over recall", "chart", ("test/precision_recall",)),
            _lines("validation PSNR inside the marks (dB)", "val/psnr_inside"),
            _bars("PSNR after removal (dB)", "test/psnr", "test/psnr_inside"),
            _bars("overlap of the masks found (IoU)", "test/mask_iou"),
        ),
    ),
    Section(
        "Attacks",
        "What marks do to the classifiers that were searched on (sources) and to others (unseen), at which cost. "
        "The lower the accuracy after the attack and the higher SSIM and PSNR, the better.",
        ("attack",),
        (
            _bars("attack success rate", "success_rate", "sources/asr", "unseen/asr"),
            _bars("accuracy of the sources", "sources/accuracy_before", "sources/accuracy_after"),
            _bars("accuracy of unseen classifiers", "unseen/accuracy_before", "unseen/accuracy_after"),
            _bars("queries an image", "queries_mean", "queries_median", "queries_p90"),
            _bars("SSIM", "ssim"),
            _bars("PSNR (dB)", "psnr"),
            _bars("RMSE (grey levels)", "rmse"),
            Panel("success against image quality", "points", ("ssim", "success_rate")),
            Panel("success against queries", "points", ("queries_mean", "success_rate")),
            _bars("images whose lesion is covered", "lesions_covered"),
            _lines("success rate so far", "progress/success_rate"),
            Panel("ROC curves before and after", "chart", ("roc",)),
            Panel("confusion before", "chart", ("confusion/original",)),
            Panel("confusion after", "chart", ("confusion/marked",)),
        ),
    ),
    Section(
        "Transfer",
        "Does a mark fool a classifier that the search did not see? Means over the models left out, and over the "
        "matrix of sources and targets.",
        ("evaluate transfer",),
        (
            _bars("models left out, original images", "transfer/left_out/accuracy_before"),
            _bars("models left out, marked images", *_searches("transfer/left_out/accuracy_after")),
            _bars("models searched on, marked images", *_searches("transfer/searched_on/accuracy_after")),
            _bars("share misread by other models", *_searches("transfer/matrix/asr")),
            Panel("accuracy by the model left out", "media", ("figures/leave_one_out",)),
            Panel("matrix of sources and targets", "media", tuple(f"figures/matrix_{name}" for name in SEARCHES)),
        ),
    ),
    Section(
        "Removal",
        "What removers leave, with every delta and without. The lower the PSNR and the accuracy, the better a delta.",
        ("evaluate removal",),
        (
            _bars("PSNR inside the mark (dB)", *_vaccines("psnr_inside")),
            _bars("the same, to the original plus delta (dB)", *_vaccines("psnr_inside_protected")),
            _bars("SSIM", *_vaccines("ssim")),
            _bars("RMSE (grey levels)", *_vaccines("rmse")),
            _bars("accuracy of the classifiers", *_vaccines("accuracy")),
            Panel("all removers", "media", ("figures/removal",)),
        ),
    ),
    Section(
        "Throughput",
        "Images and queries a second; compare runs of one machine only.",
        ("fit classifier", "fit segmenter", "fit remover", "test classifier", "attack"),
        (
            _bars("training (images a second)", "train/images_per_second"),
            _bars("tests (images a second)", "test/images_per_second"),
            _bars("attack (images a second)", "progress/images_per_second"),
            _bars("attack (queries a second)", "progress/queries_per_second"),
            _lines("attack as it goes on (images a second)", "progress/images_per_second"),
        ),
    ),
    Section(
        "Runs and pictures",
        "What differs between runs. Marked images are there only for attacks that were told to log them (--pictures).",
        tuple(LOGGED),
        (
            Panel("what differs", "comparer"),
            Panel("marked images", "media", ("marked/gallery",)),
            Panel("marked images with their numbers", "media", ("marked/table",)),
            Panel("lesions", "media", ("figures/lesions",)),
        ),
    ),
)
"""In the order in which they stand."""

COLUMNS = ("test/accuracy", "success_rate", "unseen/asr", "queries_mean", "ssim", "psnr")
"""Of the table of runs."""


def names_of(section: Section) -> Iterator[str]:
    """Everything that a section shows by name."""
    for panel in section.panels:
        yield from panel.names


def logged_by(job: str) -> Sequence[str]:
    """All that a command logs by name."""
    return [*LOGGED[job], *CHARTS.get(job, ()), *MEDIA.get(job, ())]


def overview(sections: Sequence[Section] = SECTIONS) -> str:
    """A dashboard as text."""
    return "\n".join(line for section in sections for line in _lines_of(section))


def _lines_of(section: Section) -> Iterator[str]:
    yield f"{section.title} (runs of {', '.join(section.jobs)})"
    yield f"  {section.words}"
    for panel in section.panels:
        over = f", over {panel.over}" if panel.over else ""
        yield f"  - {panel.title} [{panel.kind}]: {', '.join(panel.names) or 'all'}{over}"
    yield ""
