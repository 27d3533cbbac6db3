"""``miad bench recover``: how fast originals come back, against just reading and writing the same files."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from typing import NamedTuple

import torch

from miad.commands.bench.json_file import write_json
from miad.commands.bench.memory import memory_kind, most_memory, show_memory
from miad.commands.bench.timing import Work, seconds, take_turns
from miad.commands.passphrase import passphrase_of
from miad.commands.show import show_table
from miad.errors import InputError, KeyMismatchError, RunError, check_at_least
from miad.imaging import pixel_digest, read_stored, write_failure, write_stored
from miad.keys import Key, open_key, recover_folder, restored


@dataclass(frozen=True)
class RecoverSpeed:
    """Images a second, medians; ratios are medians of the turns' own."""

    images: int
    key_seconds: float
    """To read the key, once."""
    copied: float
    """Every file read and written again."""
    recovered: float
    """Every file recovered."""
    recovered_of_copied: float
    read: float
    """Images a second of this part alone: the file read and decoded."""
    restored: float
    """Of this part alone: its record found by its pixels, the mark taken off, the result checked."""
    written: float
    """Of this part alone: the original encoded and written to the disk."""
    read_share: float
    """Of the three parts' time, 0..1."""
    restored_share: float
    written_share: float
    memory: float | None
    """Most memory while the folder was recovered, in MiB."""
    memory_of: str
    """What of: see `memory_kind`."""


def recover(
    key: Path,
    marked: Path,
    grant: Path | None = None,
    identity: Path | None = None,
    passphrase_file: Path | None = None,
    scratch: Path | None = None,
    repeats: int = 3,
    json: Path | None = None,
) -> None:
    """Measure how fast originals are recovered.

    Recovers a whole folder, and reads and writes the same files without a change, by turns, into folders that are
    thrown away; prints images a second and their ratio, and where the time of the recovery goes. Ratios hold for this
    machine and disk.

    Args:
        key: the key file that 'miad attack' wrote.
        marked: folder of marked images; the key, or the grant, must open them all.
        grant: the grant that you were given, where the key is not your own.
        identity: your private key, or, without --grant, the key's own identity; by default the identity beside the key.
        passphrase_file: file whose first line opens the grant or the identity; by default it is asked for, once.
        scratch: folder on the disk to write to; by default where the system keeps its temporary files.
        repeats: turns.
        json: file to write the numbers to as well.

    Raises:
        InputError: the key can not be read, or there is no image.
        KeyMismatchError: the key and the folder do not fit.
        RunError: nothing can be written there.
    """
    check_at_least(1, repeats=repeats)
    passphrase = cache(passphrase_of(passphrase_file))
    with open_key(key, identity, grant, passphrase) as opened, _scratch(scratch) as folder:
        key_seconds = seconds(lambda: open_key(key, identity, grant, passphrase).close())
        bench = _Bench.of(opened, marked, Path(folder))
        speed = _speed(bench, key_seconds, repeats)
    _show(speed, f"{speed.images} images, key read in {key_seconds:.3f} s; medians of {repeats}")
    write_json(json, speed)


def _scratch(parent: Path | None) -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="miad-bench-", dir=parent)
    except OSError as error:
        raise RunError(write_failure(Path(parent or "temporary folder"), error)) from error


@dataclass(frozen=True)
class _Bench:
    """A folder to recover, and where to."""

    key: Key
    marked: Path
    files: Sequence[str]
    """Below the folder."""
    scratch: Path

    @classmethod
    def of(cls, key: Key, marked: Path, scratch: Path) -> "_Bench":
        results = list(recover_folder(key, marked, scratch / "recovered"))
        problems = [result for result in results if result.problem]
        if problems:
            raise KeyMismatchError(
                f"expected a key and images that fit, found {len(problems)} of {len(results)} images that do not "
                f"({problems[0].file}: {problems[0].problem}); take the key and the folder of one run"
            )
        if not results:
            raise InputError(f"{marked}: expected marked images, found none; give the folder of a run")
        return cls(key, marked, [result.file for result in results], scratch)

    def recover(self) -> None:
        fresh = mkdtemp(dir=self.scratch)  # what is there already would not be recovered again
        for _ in recover_folder(self.key, self.marked, Path(fresh)):
            pass

    def copy(self) -> None:
        for file in self.files:
            write_stored(self.scratch / "copied" / file, read_stored(self.marked / file))

    def parts(self) -> "_Parts":
        """Recover the folder once more, with a clock on each part."""
        read = undone = written = 0.0
        for file in self.files:
            start = time.perf_counter()
            image = read_stored(self.marked / file)
            has_read = time.perf_counter()
            record = self.key.records[pixel_digest(image.pixels)]
            original = restored(image, record, self.key.rendering(record), self.key.shared(record))
            has_restored = time.perf_counter()
            write_stored(self.scratch / "parts" / file, original)
            read += has_read - start
            undone += has_restored - has_read
            written += time.perf_counter() - has_restored
        return _Parts(read, undone, written)


class _Parts(NamedTuple):
    """Seconds that the parts of a recovery take."""

    read: float
    restored: float
    written: float


def _speed(bench: _Bench, key_seconds: float, repeats: int) -> RecoverSpeed:
    count, device = len(bench.files), torch.device("cpu")
    memory = most_memory(bench.recover, device)
    works = {"copied": Work(count, bench.copy), "recovered": Work(count, bench.recover)}
    rates = take_turns(works, repeats, warm=("recovered",))
    parts = _Parts(*map(median, zip(*(bench.parts() for _ in range(repeats)), strict=True)))
    return RecoverSpeed(
        images=count,
        key_seconds=key_seconds,
        copied=rates.rate("copied"),
        recovered=rates.rate("recovered"),
        recovered_of_copied=rates.ratio("recovered", "copied"),
        read=count / parts.read,
        restored=count / parts.restored,
        written=count / parts.written,
        read_share=parts.read / sum(parts),
        restored_share=parts.restored / sum(parts),
        written_share=parts.written / sum(parts),
        memory=memory,
        memory_of=memory_kind(device),
    )


def _show(speed: RecoverSpeed, title: str) -> None:
    rows = [
        ("read and written again", f"{speed.copied:.1f}", "1.00", ""),
        ("recovered", f"{speed.recovered:.1f}", f"{speed.recovered_of_copied:.2f}", "100.0%"),
        ("  read and decoded", f"{speed.read:.1f}", "", f"{speed.read_share:.1%}"),
        ("  restored", f"{speed.restored:.1f}", "", f"{speed.restored_share:.1%}"),
        ("  written", f"{speed.written:.1f}", "", f"{speed.written_share:.1%}"),
    ]
    title += f"; {show_memory(speed.memory)} MiB ({speed.memory_of})"
    show_table(title, ("", "images/s", "of copying", "share of time"), rows)
