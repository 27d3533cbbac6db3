"""A report's sections out of protocols and what their cells came to."""

from collections.abc import Iterator, Sequence

from miad.commands.experiment import Experiment
from miad.commands.outcomes import Outcome, lack
from miad.evaluation.machine import machine_facts
from miad.evaluation.protocols import Missing, Plan, Protocol, gallery, over_seeds
from miad.evaluation.report.document import Column, Figure, Report, Section, Table


def make_report(experiment: Experiment, protocols: Sequence[Protocol], outcomes: Sequence[Outcome]) -> Report:
    """The whole report.

    Args:
        experiment: what was computed.
        protocols: which figures and tables.
        outcomes: one a seed.
    """
    plan = experiment.plan
    tables = {protocol.name: _tables(plan, protocol, outcomes) for protocol in protocols}
    sections = [_section(plan, protocol, outcomes, tables[protocol.name]) for protocol in protocols]
    pictures = gallery(plan, outcomes[0].findings) if experiment.sizes.pictures else []
    words = "Images as they were, marked, and what became of them, with the class that is predicted."
    shown = [Section("Gallery", (words,), tuple(pictures))] if pictures else []
    told = [one.summary(tables[one.name]) for one in protocols if one.summary and tables[one.name]]
    summary = (*(line for line in told if line), _counts(outcomes))
    title = f"{plan.paper.title} on {experiment.dataset or type(experiment.data).__name__}"
    facts = experiment.settings() | machine_facts() | _times(outcomes)
    return Report(title, summary, (*shown, *sections, _cell_section(outcomes)), facts)


def _tables(plan: Plan, protocol: Protocol, outcomes: Sequence[Outcome]) -> list[Table]:
    if protocol.tables is None or lack(plan, protocol):
        return []
    own = [protocol.tables(plan, outcome.findings) for outcome in outcomes]
    return [over_seeds(group) for group in zip(*own, strict=True)]


def _section(plan: Plan, protocol: Protocol, outcomes: Sequence[Outcome], tables: Sequence[Table]) -> Section:
    if reason := lack(plan, protocol):
        return Section(protocol.title, (f"Left out: {reason}.",))
    figures: list[Figure] = []
    if protocol.charts is not None:
        figures += protocol.charts(tables)
    if protocol.pictures is not None:
        figures += protocol.pictures(plan, outcomes[0].findings)
    return Section(protocol.title, (protocol.words, *_missing(plan, protocol, outcomes)), (*tables, *figures))


def _missing(plan: Plan, protocol: Protocol, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One paragraph a reason, with the cells that it holds for."""
    cells: dict[str, list[str]] = {}
    for outcome in outcomes:
        for cell in protocol.cells(plan):
            if isinstance(found := outcome.findings.results.get(cell), Missing):
                cells.setdefault(found.reason, []).append(cell.title)
    for reason, titles in cells.items():
        yield f"Missing ({reason}): {'; '.join(dict.fromkeys(titles))}."


def _cell_section(outcomes: Sequence[Outcome]) -> Section:
    columns = (
        Column("cell", "cell"),
        Column("seed", "seed", digits=0),
        Column("state", "state"),
        Column("seconds", "time", "s", 1),
        Column("folder", "folder"),
    )
    rows = tuple(
        (
            state.title,
            state.seed,
            f"missing: {state.reason}" if state.reason else "re-used" if state.reused else "computed",
            state.seconds,
            state.folder,
        )
        for outcome in outcomes
        for state in outcome.states
    )
    note = "The time is that of the call that finished a cell; one that was interrupted took longer in all."
    return Section("Cells", (), (Table("cells", "What the tables are made of", columns, rows, note),))


def _counts(outcomes: Sequence[Outcome]) -> str:
    states = [state for outcome in outcomes for state in outcome.states]
    missing = sum(bool(state.reason) for state in states)
    return f"{len(states) - missing} of {len(states)} cells are computed" + (
        f"; the {missing} others are shown as missing." if missing else "."
    )


def _times(outcomes: Sequence[Outcome]) -> dict[str, str]:
    states = [state for outcome in outcomes for state in outcome.states if not state.reason]
    known = [state.seconds for state in states if state.seconds is not None]
    new = [state.seconds for state in states if state.seconds is not None and not state.reused]
    return {
        "time of all cells": f"{sum(known):.0f} s for {len(known)} cells of {len(states)}",
        "of this call": f"{sum(new):.0f} s for {len(new)} cells",
    }
