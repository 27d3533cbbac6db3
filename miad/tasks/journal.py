"""What an attack has done so far, image by image, so that a killed run goes on where it stopped.

Each process writes an SQLite file of its own; a batch is one transaction, so an entry is there whole or not at all.
Records are sealed before they come here.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from miad.errors import RunError
from miad.imaging import atomic_path, write_failure, write_png
from miad.keys import SealedRecord
from miad.search import Status
from miad.tasks.view import LesionView
from miad.watermark import Rendering

_SCHEMA = "CREATE TABLE IF NOT EXISTS entry (image TEXT PRIMARY KEY, fields TEXT, marked TEXT, record BLOB)"


@dataclass(frozen=True)
class Entry:
    """One finished image.

    Args:
        image: its id.
        file: path of the marked image below ``marked/``; empty when nothing was written.
        label: index of its class.
        status: what became of it, judged on the written pixels.
        queries: images scored by the source until the search ended, the clean one included.
        x: column of the logo's left edge, -1 when nothing was written; likewise y, alpha, variant.
        y: row of the logo's top edge.
        alpha: opacity, 1..255.
        variant: number of the logo's variant, 0 for the plain logo.
        scale: of the logo, larger than asked for where there was no room otherwise.
        raised: by how much thresholds of estimated lesion masks were raised, for the same reason.
        trusted: false where a source of the lesion mask misreads the image itself.
        lesion: pixels of the given lesion mask, -1 where there is none.
        covered: how many of them the mark changed in the written image.
        caught: how many of them the mask in use held.
        before: each target's probabilities on the original, sources first: k lists of c.
        after: the same on the marked pixels, re-read; those of the original when nothing was written.
        ssim: of marked against original.
        psnr: in dB.
        rmse: in grey levels.
        delta: root mean square of the delta in it, in grey levels; 0 without one.
    """

    image: str
    file: str
    label: int
    status: Status
    queries: int
    x: int
    y: int
    alpha: int
    variant: int
    scale: float
    raised: int
    trusted: bool
    lesion: int
    covered: int
    caught: int
    before: list[list[float]]
    after: list[list[float]]
    ssim: float
    psnr: float
    rmse: float
    delta: float


class Journal:
    """The journal of one run.

    Args:
        folder: where the files of all processes are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, rank: int, batch: Iterable[tuple[Entry, SealedRecord | None]]) -> None:
        """Append a batch, in one transaction, to one process's file.

        Args:
            rank: the process.
            batch: images with their keys' records; None where nothing was written.

        Raises:
            RunError: the file can not be written.
        """
        path = self.folder / f"{rank}.sqlite"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path)) as database, database:
                database.execute(_SCHEMA)
                database.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", map(_to_row, batch))
        except (OSError, sqlite3.OperationalError) as error:
            raise RunError(write_failure(path, error)) from error

    def keep(self, digest: str, rendering: Rendering) -> None:
        """Remember a rendering that records refer to; the same one may come again."""
        path = self.folder / f"{digest}.png"
        if not path.exists():
            write_png(path, rendering.rgba)

    def renderings(self) -> dict[str, Rendering]:
        """All renderings, by digest."""
        return {path.stem: _rendering(path) for path in self.folder.glob("*.png")}

    def keep_view(self, view: LesionView) -> None:
        """Remember what is shown of an image; the same one may come again."""
        name = hashlib.sha256(view.caption.encode()).hexdigest()[:16]
        with atomic_path(self.folder / f"{name}.npz") as draft, draft.open("wb") as file:
            np.savez_compressed(file, **vars(view))

    def views(self) -> list[LesionView]:
        """All views, by caption."""
        views = []
        for path in self.folder.glob("*.npz"):
            with np.load(path) as parts:
                caption = str(parts["caption"])
                views.append(LesionView(caption, **{name: parts[name] for name in parts.files if name != "caption"}))
        return sorted(views, key=lambda view: view.caption)

    def images(self) -> frozenset[str]:
        """Ids of the finished images."""
        return frozenset(image for (image,) in self._select("image"))

    def entries(self) -> list[Entry]:
        """All entries, in no particular order."""
        return [_from_row(fields) for (fields,) in self._select("fields")]

    def records(self) -> Iterator[SealedRecord]:
        """The records of what was written, in no particular order, read as they are needed."""
        return (SealedRecord(*row) for row in self._select("marked, record") if row[0] is not None)

    def remove(self) -> None:
        """Delete the journal of a finished run."""
        for file in self.folder.glob("*"):
            file.unlink()
        if self.folder.exists():
            self.folder.rmdir()

    def _select(self, columns: str) -> Iterator[tuple[Any, ...]]:
        for file in sorted(self.folder.glob("*.sqlite")):
            with closing(sqlite3.connect(file)) as database:
                tables = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone()
                yield from database.execute(f"SELECT {columns} FROM entry") if tables else ()


def _to_row(done: tuple[Entry, SealedRecord | None]) -> tuple[str, str, str | None, bytes | None]:
    entry, record = done
    sealed = (None, None) if record is None else (record.marked, record.blob)
    return entry.image, json.dumps(asdict(entry)), *sealed


def _from_row(fields: str) -> Entry:
    values = json.loads(fields)
    return Entry(**(values | {"status": Status(values["status"])}))


def _rendering(path: Path) -> Rendering:
    with Image.open(path) as file:
        return Rendering.from_rgba(np.array(file))
