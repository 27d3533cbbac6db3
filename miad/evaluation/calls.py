"""The calls that made a run: when each began, how long it took, and on what; ``logs/machine.json`` in its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from miad.errors import RunError
from miad.imaging import atomic_path

CALLS = "logs/machine.json"
"""Where a run's calls are kept, below its folder."""
_AT_THE_START = ("lock", "config.yaml")
"""Files that the next call has written already when it asks how long the last one took."""


@dataclass(frozen=True)
class Call:
    """One start of a command on a run's folder.

    Args:
        start: when it took the folder, UTC, as ISO 8601.
        seconds: until it left the folder; None while it has not.
        facts: versions, hardware and precision, by name.
    """

    start: str
    seconds: float | None
    facts: Mapping[str, str]

    @property
    def moment(self) -> datetime:
        """The start."""
        return datetime.fromisoformat(self.start)


def begin_call(folder: Path, earlier: Sequence[Call], facts: Mapping[str, str]) -> None:
    """Note that a call takes a run's folder.

    Args:
        folder: of the run.
        earlier: its calls before, as of `read_calls`.
        facts: versions, hardware and precision, by name.

    Raises:
        RunError: the folder can not be written.
    """
    start = datetime.now(UTC).isoformat(timespec="seconds")
    _write(folder, [*earlier, Call(start, None, facts)])


def note_facts(folder: Path, facts: Mapping[str, str]) -> None:
    """Note what else is known of the last call.

    Raises:
        RunError: none has begun, what is noted there is damaged, or the folder can not be written.
    """
    earlier, last = _last(folder)
    _write(folder, [*earlier, replace(last, facts={**last.facts, **facts})])


def end_call(folder: Path, seconds: float) -> None:
    """Note how long the last call took.

    Raises:
        RunError: none has begun, what is noted there is damaged, or the folder can not be written.
    """
    earlier, last = _last(folder)
    _write(folder, [*earlier, replace(last, seconds=seconds)])


def withdraw_call(folder: Path) -> None:
    """The last call did no work.

    Raises:
        RunError: none has begun, what is noted there is damaged, or the folder can not be written.
    """
    _write(folder, _last(folder)[0])


def read_calls(folder: Path) -> tuple[Call, ...]:
    """The calls of a run, in order; none where they were not noted.

    A call that was killed, or still works, counts up to the last file that it wrote.

    Raises:
        RunError: what is noted there is damaged.
    """
    path = folder / CALLS
    if not path.exists():
        return ()
    return tuple(call if call.seconds is not None else _until_last_file(folder, call) for call in _read(path))


def _until_last_file(folder: Path, call: Call) -> Call:
    written = (path for path in folder.rglob("*") if path.is_file() and path.name not in _AT_THE_START)
    last = max((path.stat().st_mtime for path in written), default=0.0)
    return replace(call, seconds=max(0.0, last - call.moment.timestamp()))


def _last(folder: Path) -> tuple[list[Call], Call]:
    """The calls before the last one, and the last one, which has not ended."""
    calls = _read(folder / CALLS)
    if not calls or calls[-1].seconds is not None:
        raise RunError(f"{CALLS}: expected a call that has not ended, found none")
    return calls[:-1], calls[-1]


def _read(path: Path) -> list[Call]:
    try:
        return [_call(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(f"{CALLS}: expected the calls of a run, found another file") from error


def _call(entry: Mapping[str, Any]) -> Call:
    seconds = None if entry["seconds"] is None else float(entry["seconds"])
    call = Call(entry["start"], seconds, {str(name): str(value) for name, value in entry["facts"].items()})
    call.moment.timestamp()  # refuses what is no time
    return call


def _write(folder: Path, calls: Sequence[Call]) -> None:
    with atomic_path(folder / CALLS) as draft:
        draft.write_text(json.dumps([asdict(call) for call in calls], indent=1) + "\n", encoding="utf-8")
