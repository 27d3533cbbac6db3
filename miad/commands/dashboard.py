"""``miad dashboard``: W&B pages that compare runs."""

import sys
from pathlib import Path

from miad.errors import InputError, RunError
from miad.imaging import atomic_path
from miad.tracking import describe, model_of, save_dashboard


def dashboard(entity: str = "", project: str = "miad", dry_run: bool = False, json: Path | None = None) -> None:
    """Make a W&B workspace and a report that compare runs.

    Sections: classifiers, segmenters and removers, attacks, transfer, removal, throughput, and what differs between
    runs. With --dry_run, or without an entity, nothing is sent: what would be made is printed; likewise where no server
    or no key is found, which is an error. Needs the extra miad[dashboard].

    Args:
        entity: user or team in W&B to make them for.
        project: W&B project that the runs are in.
        dry_run: make nothing, print what would be made.
        json: file to write it to, as W&B's own model.
    """
    if not project or "/" in entity + project:
        raise InputError(f"expected plain names of a W&B entity and project, found {entity!r} and {project!r}")
    text = describe(entity, project)
    if json is not None:
        with atomic_path(json) as draft:
            draft.write_text(model_of(entity, project), encoding="utf-8")
    if dry_run or not entity:
        sys.stdout.write(text)
        return
    try:
        addresses = save_dashboard(entity, project)
    except RunError:
        sys.stdout.write(text)
        raise
    for address in addresses:
        sys.stdout.write(f"{address}\n")
