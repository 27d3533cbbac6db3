"""A finished attack as a source of marks."""

import csv
import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from miad.data import DrawnMark, ImageDataset, MarkRanges, RandomMarker, stored_of
from miad.errors import InputError
from miad.evaluation import Subject
from miad.imaging import pixel_digest
from miad.keys import Passphrase, Record, open_key
from miad.search import Status
from miad.watermark import NAMES, NO_TEXTURE, AlphaMode, KeyedTexture, TextureOptions, load_logo


@dataclass(frozen=True)
class MarkedRun:
    """The folder of a finished 'miad attack'.

    Args:
        folder: the folder.
        digest: sha256 (hex) of its key's records.
        marks: those of the images that it marked, by id.
        originals: digests of those images' pixels, as of `pixel_digest`, by id.
        status: what became of each image, by id.
        marker: puts marks such as its own on other images.
        texture: of its marks.
    """

    folder: Path
    digest: str
    marks: dict[str, DrawnMark]
    originals: dict[str, str]
    status: dict[str, Status]
    marker: RandomMarker
    texture: TextureOptions

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

    def read(self, dataset: ImageDataset, indices: Sequence[int]) -> Iterator[Subject]:
        """Images with their marks.

        Raises:
            InputError: an image is not the one that was marked.
        """
        for index in indices:
            item = dataset[index]
            if pixel_digest(stored_of(item).pixels) != self.originals[item.id]:
                raise InputError(
                    f"{item.id}: expected the pixels that {self.folder} marked, found others; give the same --data, "
                    "its size included"
                )
            yield Subject(item, self.marks[item.id])


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
        InputError: it is none, its key does not open, its images have a delta already, or the logo is another.
    """
    keys = sorted(folder.glob("*.miadkey"))
    if len(keys) != 1 or not (folder / "attack.csv").is_file():
        raise InputError(f"{folder}: expected the folder of a finished 'miad attack', found no key and no attack.csv")
    with open_key(keys[0], identity, grant, passphrase) as key:
        records = sorted(key.records.values(), key=lambda record: record.marked)
        renderings = {name: key.rendering(one) for name, one in {one.rendering: one for one in records}.items()}
    if any(record.delta for record in records):
        raise InputError(f"{folder}: expected marks without delta, found some with; attack without --vaccine")
    config = _read_config(folder)
    known = load_logo(logo or config.get("logo", NAMES[0]))
    if known.digest != config["inputs"].get("logo"):
        raise InputError(f"{folder}: expected the logo of its marks, found another, {known.name}; give it as --logo")
    digest = hashlib.sha256(b"".join(record.to_bytes() for record in records)).hexdigest()
    with (folder / "attack.csv").open(newline="", encoding="utf-8") as file:
        status = {row["image"]: Status(row["status"]) for row in csv.DictReader(file)}
    soft = any(((part.coverage > 0) & (part.coverage < 255)).any() for part in renderings.values())
    ranges = _ranges(config, "soft" if soft else "binary")
    marks = {
        record.image: DrawnMark(record.drawn(renderings[record.rendering]), record.x, record.y, record.alpha)
        for record in records
    }
    originals = {record.image: record.original for record in records}
    return MarkedRun(folder, digest, marks, originals, status, RandomMarker([known], ranges), _texture(records))


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
