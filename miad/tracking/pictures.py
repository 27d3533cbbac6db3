"""Marked images in W&B: a gallery that dashboards compare between runs, and a table of the same pictures.

The table is HTML with its pictures inside. A `wandb.Table` would keep them outside of the run's folder, below the
user's home, and write that path into the run.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import Logger, WandbLogger
from PIL import Image

from miad.imaging import read_image
from miad.tasks import Entry
from miad.tensors import LesionMask, Pixels

_COLUMNS = ("image", "label", "status", "queries", "alpha", "ssim")
_LESION = {1: "lesion"}


def log_pictures(
    loggers: Sequence[Logger],
    folder: Path,
    entries: Sequence[Entry],
    classes: Sequence[str],
    lesions: Mapping[str, LesionMask | None],
) -> None:
    """Log marked images, as they are published, with their lesions as masks; originals never leave the run's folder.

    Args:
        loggers: those that are not W&B's are left alone.
        folder: the run's folder.
        entries: which images.
        classes: names of the classes.
        lesions: the given mask of each image by its id; None where none is given.
    """
    # Files of other than 8 bits are shown as they are seen; browsers would show them otherwise, or not at all.
    pictures = [read_image(folder / "marked" / entry.file) for entry in entries]
    masks = [lesions[entry.image] for entry in entries]
    rows = [_row(entry, classes) for entry in entries]
    for logger in loggers:
        if isinstance(logger, WandbLogger) and entries:
            gallery = [_picture(*parts) for parts in zip(pictures, masks, rows, strict=True)]
            table = wandb.Html(_html(rows, pictures, masks), inject=False)
            logger.experiment.log({"marked/gallery": gallery, "marked/table": table})


def log_figures(loggers: Sequence[Logger], figures: Sequence[Path]) -> None:
    """Log drawn figures by their names: curves and counts, and, where marked images were asked for, what they show.

    Args:
        loggers: those that are not W&B's are left alone.
        figures: PNG files; without originals.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.log({f"figures/{path.stem}": wandb.Image(str(path)) for path in figures})


def _picture(pixels: Pixels, lesion: LesionMask | None, row: Sequence[str]) -> Any:  # noqa: ANN401  (wandb is untyped here)
    masks = None if lesion is None else {"lesion": {"mask_data": lesion.astype("uint8"), "class_labels": _LESION}}
    return wandb.Image(Image.fromarray(pixels), caption=", ".join(row), masks=masks)


def _row(entry: Entry, classes: Sequence[str]) -> tuple[str, ...]:
    numbers = (str(entry.queries), str(entry.alpha), f"{entry.ssim:.4f}")
    return (entry.image, classes[entry.label], entry.status.value, *numbers)


def _html(rows: Sequence[Sequence[str]], pictures: Sequence[Pixels], masks: Sequence[LesionMask | None]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("marked", "lesion", *_COLUMNS))
    body = "".join(
        f"<tr><td>{_inlined(pixels)}</td><td>{'' if mask is None else _inlined(mask)}</td>"
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
        for pixels, mask, row in zip(pictures, masks, rows, strict=True)
    )
    return f"<!doctype html><meta charset=utf-8><table border=1 cellpadding=4>\n<tr>{head}</tr>\n{body}</table>\n"


def _inlined(pixels: Pixels | LesionMask) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return f'<img height=160 src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
