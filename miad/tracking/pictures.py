"""Marked images in W&B: a gallery that dashboards compare between runs, and a table of the same pictures.

The table is HTML with its pictures inside. A `wandb.Table` would keep them outside of the run's folder, below the
user's home, and write that path into the run.
"""

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import wandb
from lightning.pytorch.loggers import Logger, WandbLogger
from PIL import Image

from miad.imaging import read_stored
from miad.tasks import Entry

_COLUMNS = ("image", "label", "status", "queries", "alpha", "ssim")


def log_pictures(loggers: Sequence[Logger], folder: Path, entries: Sequence[Entry], classes: Sequence[str]) -> None:
    """Log marked images, as they are published; originals never leave the run's folder.

    Args:
        loggers: those that are not W&B's are left alone.
        folder: the run's folder.
        entries: which images.
        classes: names of the classes.
    """
    pictures = [folder / "marked" / entry.file for entry in entries]
    rows = [_row(entry, classes) for entry in entries]
    for logger in loggers:
        if isinstance(logger, WandbLogger) and entries:
            gallery = [
                wandb.Image(_shown(path), caption=", ".join(row)) for path, row in zip(pictures, rows, strict=True)
            ]
            table = wandb.Html(_html(rows, pictures), inject=False)
            logger.experiment.log({"marked/gallery": gallery, "marked/table": table})


def log_figures(loggers: Sequence[Logger], figures: Sequence[Path]) -> None:
    """Log drawn figures by their names: curves, counts, and lesions outlined on marked images; no originals.

    Args:
        loggers: those that are not W&B's are left alone.
        figures: PNG files.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.log({f"figures/{path.stem}": wandb.Image(str(path)) for path in figures})


def _row(entry: Entry, classes: Sequence[str]) -> tuple[str, ...]:
    numbers = (str(entry.queries), str(entry.alpha), f"{entry.ssim:.4f}")
    return (entry.image, classes[entry.label], entry.status.value, *numbers)


def _html(rows: Sequence[Sequence[str]], pictures: Sequence[Path]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("marked", *_COLUMNS))
    body = "".join(
        f"<tr><td>{_inlined(path)}</td>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n"
        for path, row in zip(pictures, rows, strict=True)
    )
    return f"<!doctype html><meta charset=utf-8><table border=1 cellpadding=4>\n<tr>{head}</tr>\n{body}</table>\n"


def _shown(path: Path) -> "str | Image.Image":
    """What W&B makes a picture of: the file, or, where it is none that browsers show as it is meant, its view."""
    image = read_stored(path)
    return str(path) if image.plain else Image.fromarray(image.view)


def _inlined(path: Path) -> str:
    shown = _shown(path)
    buffer = BytesIO()
    if isinstance(shown, Image.Image):
        shown.save(buffer, format="png")
    data = path.read_bytes() if isinstance(shown, str) else buffer.getvalue()
    return f'<img height=160 src="data:image/png;base64,{base64.b64encode(data).decode()}">'
