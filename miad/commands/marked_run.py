"""A finished attack as a source of marks."""

import csv
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from miad.data import DrawnMark, ImageDataset, MarkRanges, RandomMarker, stored_of
from miad.errors import InputError
from miad.evaluation import Host, Subject
from miad.imaging import Stored, pixel_digest, read_stored, to_tensor
from miad.keys import Passphrase, Record, open_key, unblend
from miad.search import Status
from miad.watermark import NAMES, NO_TEXTURE, AlphaMode, KeyedTexture, Rendering, TextureOptions, load_logo


class Marked(NamedTuple):
    """How an image was marked."""

    record: Record
    rendering: Rendering
    """Of the logo, without the mark's own texture."""
    shared: Rendering | None
    """The delta that the record shares with others."""

    @property
    def mark(self) -> DrawnMark:
        """The mark that it got."""
        record = self.record
        return DrawnMark(record.drawn(self.rendering), record.x, record.y, record.alpha)

    def host(self, folder: Path, original: Stored) -> Host:
        """What the mark was put on.

        Args:
            folder: of the attack.
            original: the image.

        Raises:
            InputError: the marked file is missing, or not the one that was written.
        """
        if not self.record.delta:
            return Host(to_tensor(original.view), self.record)
        path = folder / "marked" / self.record.file
        written = read_stored(path).pixels
        if pixel_digest(written) != self.record.marked:
            raise InputError(f"{path}: expected the file that the attack wrote, found another; attack again")
        pixels = unblend(written, self.record, self.rendering, self.shared)
        return Host(to_tensor(original.window.view(pixels)), self.record)


@dataclass(frozen=True)
class MarkedRun:
    """The folder of a finished 'miad attack'.

    Args:
        folder: the folder.
        digest: sha256 (hex) of its key's records.
        marks: of the images that it marked, by id.
        status: what became of each image, by id.
        marker: puts marks such as its own on other images.
        texture: of its marks.
    """

    folder: Path
    digest: str
    marks: dict[str, Marked]
    status: dict[str, Status]
    marker: RandomMarker
    texture: TextureOptions

    @property
    def has_deltas(self) -> bool:
        """Whether images got a delta before they were marked."""
        return any(one.record.delta for one in self.marks.values())

    def subjects(self, dataset: ImageDataset, chosen: Collection[Status]) -> list[int]:
        """Indices of the images that were marked and have one of these statuses.

        Raises:
            InputError: there is none.
        """
        wanted = [i for i, id_ in enumerate(dataset.ids) if id_ in self.marks and self.status.get(id_) in chosen]
        if not wanted:
            raise InputError(
                f"expected images that {self.folder} marked, found none of its {len(self.marks)} among the "
                f"{len(dataset)} of this split; give the same --data and --split, or another --status"
            )
        return wanted

    def read(self, dataset: ImageDataset, indices: Sequence[int], *, hosts: bool) -> Iterator[Subject]:
        """Images with their marks.

        Args:
            dataset: the images.
            indices: which of them.
            hosts: read what the marks were put on as well, from the marked files.

        Raises:
            InputError: an image is not the one that was marked, or its marked file is missing where that is read.
        """
        for index in indices:
            item = dataset[index]
            marked, original = self.marks[item.id], stored_of(item)
            if pixel_digest(original.pixels) != marked.record.original:
                raise InputError(
                    f"{item.id}: expected the pixels that {self.folder} marked, found others; give the same --data, "
                    "its size included"
                )
            yield Subject(item, marked.mark, marked.host(self.folder, original) if hosts else None)


def open_marked_run(
    folder: Path,
    logo: str | None = None,
    identity: Path | None = None,
    grant: Path | None = None,
    passphrase: Passphrase | None = None,
) -> MarkedRun:
    """Read the folder of a finished attack.

    Args:
        folder: the folder.
        logo: of the marks, where the configuration does not name it or names a file that has moved.
        identity: of its key, where it does not lie beside it; with a grant, the user's private key.
        grant: of its key.
        passphrase: opens the grant or the identity, where one is on it.

    Raises:
        InputError: it is none, its key does not open, or the logo is another.
    """
    keys = sorted(folder.glob("*.miadkey"))
    if len(keys) != 1 or not (folder / "attack.csv").is_file():
        raise InputError(f"{folder}: expected the folder of a finished 'miad attack', found no key and no attack.csv")
    with open_key(keys[0], identity, grant, passphrase) as key:
        records = sorted(key.records.values(), key=lambda record: record.marked)
        marks = {record.image: Marked(record, key.rendering(record), key.shared(record)) for record in records}
    config = _read_config(folder)
    known = load_logo(logo or config.get("logo", NAMES[0]))
    if known.digest != config["inputs"].get("logo"):
        raise InputError(f"{folder}: expected the logo of its marks, found another, {known.name}; give it as --logo")
    digest = hashlib.sha256(b"".join(record.to_bytes() for record in records)).hexdigest()
    with (folder / "attack.csv").open(newline="", encoding="utf-8") as file:
        status = {row["image"]: Status(row["status"]) for row in csv.DictReader(file)}
    renderings = {one.record.rendering: one.rendering for one in marks.values()}.values()
    soft = any(((part.coverage > 0) & (part.coverage < 255)).any() for part in renderings)
    ranges = _ranges(config, "soft" if soft else "binary")
    return MarkedRun(folder, digest, marks, status, RandomMarker([known], ranges), _texture(records))


def _texture(records: Sequence[Record]) -> TextureOptions:
    """That of all marks of a run, without what each was drawn from."""
    textures = [KeyedTexture.parse(record.texture) for record in records if record.texture]
    return TextureOptions(textures[0].colour, textures[0].alpha, textures[0].grain) if textures else NO_TEXTURE


def _ranges(config: dict[str, Any], mode: AlphaMode) -> MarkRanges:
    """Those of the attack, or of a table's cell; the attack's defaults where the command line did not call it."""
    if "mark" in config:  # a cell says it in short
        scale, lowest, highest = config["mark"][:3]
        return MarkRanges(scale, scale, lowest, highest, mode)
    defaults = {"scale": 2.0, "alpha_min": 100, "alpha_max": 220}
    scale, lowest, highest = (config.get(name, default) for name, default in defaults.items())
    return MarkRanges(scale, scale, lowest, highest, mode)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.yaml"
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: expected the configuration of 'miad attack' ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("inputs"), dict):
        raise InputError(f"{path}: expected the configuration of 'miad attack', found another file")
    return config
