"""MedLocker's Tables 1 to 3 and Figure 4b: success on sources, on targets, and by place."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from miad.evaluation.protocols.cell import AttackCell, Cell
from miad.evaluation.protocols.drawing import bars, matrix
from miad.evaluation.protocols.found import AttackFound, Findings
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import EFFORT, Protocol, mean, number
from miad.evaluation.protocols.words import success_words
from miad.evaluation.report.document import Column, Figure, Table, Value
from miad.evaluation.transfer import SEEN, JudgedCell, matrix_rows, transfer_rows
from miad.lesions import Place
from miad.search import Status

ENSEMBLE = "Ensemble"
"""The paper's name of its ensemble, as a source and as a target."""
_SEARCHES = ("bhe", "bhe_random")
_PLACES: tuple[Place, ...] = ("anywhere", "inside", "outside")


def _sources(plan: Plan) -> dict[str, AttackCell]:
    """By the name that tables give them."""
    own = {model: AttackCell("bhe", (model,)) for model in plan.models}
    return own | ({ENSEMBLE: AttackCell("bhe", tuple(sorted(plan.ensemble)))} if plan.ensemble else {})


def with_ensemble(plan: Plan, judged: JudgedCell) -> JudgedCell:
    """The same, with the ensemble as one more target; not where it is what was searched on."""
    members = plan.ensemble
    if not members or plan.is_ensemble(judged.sources):
        return judged
    before, after = (torch.stack([part[name] for name in members]).mean(0) for part in (judged.before, judged.after))
    return replace(judged, before={**judged.before, ENSEMBLE: before}, after={**judged.after, ENSEMBLE: after})


def _matrix(plan: Plan, found: Findings) -> dict[tuple[str, str], tuple[int, float | None]]:
    """Images and success, by source and target."""
    cells = {}
    for source, cell in _sources(plan).items():
        attack = found.attack(cell)
        for row in matrix_rows(with_ensemble(plan, attack.judged)) if attack else ():
            cells[source, row.target] = row.images, number(row.asr)
    return cells


def _source_tables(plan: Plan, found: Findings) -> list[Table]:
    shares = _matrix(plan, found)
    rows: list[tuple[Value, ...]] = []
    for source, cell in _sources(plan).items():
        images, share = shares.get((source, SEEN), (None, None))
        attack = found.attack(cell)
        own = next((row for row in transfer_rows(attack.judged) if row.target == SEEN), None) if attack else None
        paper = plan.paper_value("table1", "asr", source)
        effort = [None] * 4 if own is None else map(number, (own.queries_mean, own.queries_median, own.ssim, own.psnr))
        rows.append((source, images, share, paper, *effort))
    head = (
        Column("source", "source"),
        Column("images", "images", digits=0),
        Column("asr", "share fooled"),
        Column("paper_asr", "share fooled", paper=True, digits=4),
        *EFFORT,
    )
    note = f"Images that every classifier of the table reads correctly. {plan.notes('table1')}".strip()
    return [Table("table1", "Success on what was searched on", head, tuple(rows), note, f"{plan.paper.title}, Table 1")]


def _source_charts(tables: Sequence[Table]) -> list[Figure]:
    rows = tables[0].rows
    paper = {"share fooled": [row[3] for row in rows]}
    data = bars([str(row[0]) for row in rows], {"share fooled": [row[2] for row in rows]}, "share fooled", paper=paper)
    return [Figure("table1_chart", tables[0].title, data, "Bars of table1, and lines for the paper's numbers.")]


def _targets(plan: Plan) -> list[str]:
    return [*plan.models, *([ENSEMBLE] if plan.ensemble else [])]


def _applies(plan: Plan, source: str, target: str) -> bool:
    """Whether a target is none of the sources."""
    return target != source and not (source == ENSEMBLE and target in plan.ensemble)


def _target_tables(plan: Plan, found: Findings) -> list[Table]:
    shares = _matrix(plan, found)
    rows: list[tuple[Value, ...]] = []
    for source in _sources(plan):
        for target in _targets(plan):
            if _applies(plan, source, target):
                images, share = shares.get((source, target), (None, None))
                rows.append((source, target, images, share, plan.paper_value("table2", "asr", source, target)))
    head = (
        Column("source", "source"),
        Column("target", "target"),
        Column("images", "images", digits=0),
        Column("asr", "share fooled"),
        Column("paper_asr", "share fooled", paper=True, digits=4),
    )
    note = "Only images that fool the source, and that every classifier of the table reads correctly at first."
    note = f"{note} {plan.notes('table2')}".strip()
    title, source = "Success on what was not searched on", f"{plan.paper.title}, Table 2"
    return [Table("table2", title, head, tuple(rows), note, source)]


def _target_charts(tables: Sequence[Table]) -> list[Figure]:
    shares = {(str(row[0]), str(row[1])): row[3] for row in tables[0].rows}
    lines = list(dict.fromkeys(source for source, _ in shares))
    columns = [*lines, *dict.fromkeys(target for _, target in shares if target not in lines)]
    values = [[shares.get((line, column)) for column in columns] for line in lines]
    data = matrix(lines, columns, values, "share fooled")
    text = "The shares of table2 as a matrix, sources down, targets across; empty where a target is its own source."
    return [Figure("table2_chart", "Success on what was not searched on", data, text)]


def _average_tables(plan: Plan, found: Findings) -> list[Table]:
    rows = _target_tables(plan, found)[0].rows
    averages: list[tuple[Value, ...]] = []
    for name in _targets(plan):
        as_source = mean([row[3] for row in rows if row[0] == name])
        fooled = mean([row[3] for row in rows if row[1] == name])
        averages.append(
            (
                name,
                as_source,
                plan.paper_value("fig4b", "asr", name, "source"),
                None if fooled is None else 1 - fooled,
                plan.paper_value("fig4b", "accuracy", name, "target"),
            )
        )
    head = (
        Column("model", "model"),
        Column("asr_source", "as a source: share of targets' readings fooled"),
        Column("paper_asr_source", "as a source", paper=True, digits=4),
        Column("accuracy_target", "as a target: accuracy"),
        Column("paper_accuracy_target", "as a target: accuracy", paper=True, digits=4),
    )
    title, source = "Means of Table 2", f"{plan.paper.title}, Figure 4b and Section 3"
    return [Table("fig4b", title, head, tuple(averages), plan.notes("fig4b"), source)]


def _average_charts(tables: Sequence[Table]) -> list[Figure]:
    rows = tables[0].rows
    names = {"as a source: share fooled": 1, "as a target: accuracy": 3}
    heights = {name: [row[index] for row in rows] for name, index in names.items()}
    paper = {name: [row[index + 1] for row in rows] for name, index in names.items()}
    data = bars([str(row[0]) for row in rows], heights, "share", paper=paper)
    return [Figure("fig4b_chart", "Means of Table 2", data, "Bars of fig4b, and lines for the paper's numbers.")]


def _place_cell(plan: Plan, search: str, place: Place) -> AttackCell:
    return plan.main_attack(search, place=place)


def _place_cells(plan: Plan) -> list[Cell]:
    return [_place_cell(plan, search, place) for search in _SEARCHES for place in _PLACES]


def _place_tables(plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    for search in _SEARCHES:
        for place in _PLACES:
            attack = found.attack(_place_cell(plan, search, place))
            for group in ("DR", "No DR") if place == "anywhere" else ("DR",):
                paper = plan.paper_value("table3", "asr", f"{place}/{group}", search)
                rows.append((search, place, group, *_by_label(plan, attack, group), paper))
    head = (
        Column("search", "search"),
        Column("place", "place"),
        Column("group", "images"),
        Column("images", "attacked", digits=0),
        Column("infeasible", "without room", digits=0),
        Column("queries_mean", "queries, mean", digits=1),
        Column("asr", "share fooled"),
        Column("paper_asr", "share fooled", paper=True, digits=4),
    )
    note = (
        "anywhere is the paper's WAP, inside its WSM-in, outside its WSM-out; 'without room' counts images whose boxes "
        f"leave no place for the mark. {plan.notes('table3')}"
    ).strip()
    title = f"Success by place, on {plan.main}"
    return [Table("table3", title, head, tuple(rows), note, f"{plan.paper.title}, Table 3")]


def _by_label(plan: Plan, found: AttackFound | None, group: str) -> tuple[Value, ...]:
    """Attacked images, those without room, mean queries, and success, of images with lesions or without."""
    if found is None:
        return (None,) * 4
    judged = found.judged
    healthy = torch.tensor([found.classes[label] == plan.healthy for label in judged.labels.tolist()])
    own = healthy if group == "No DR" else ~healthy
    attacked = own & judged.attacked()
    crowded = torch.tensor([status is Status.INFEASIBLE for status in judged.status])
    queries = torch.tensor(judged.queries, dtype=torch.float64)[attacked]
    shares = (queries.mean(), judged.fooled()[attacked].double().mean())
    return (int(attacked.sum()), int((own & crowded).sum()), *(number(float(share)) for share in shares))


def _lacks_healthy(plan: Plan) -> str:
    return (
        ""
        if plan.healthy
        else "it tells images with lesions from those without, and the experiment names no healthy class"
    )


def _lacks_targets(plan: Plan) -> str:
    return "" if len(plan.models) > 1 else "it tests on other classifiers, and there is only one"


_TABLE = "Basin-hopping evolution (MedLocker's search) on every classifier alone and on the ensemble."
TABLE_1 = Protocol(
    "table1",
    "medlocker",
    "Table 1: success on source models",
    _TABLE,
    lambda plan: list(_sources(plan).values()),
    _source_tables,
    _source_charts,
    summary=success_words,
)
TABLE_2 = Protocol(
    "table2",
    "medlocker",
    "Table 2: success on target models",
    _TABLE,
    lambda plan: list(_sources(plan).values()),
    _target_tables,
    _target_charts,
    lacks=_lacks_targets,
)
FIGURE_4B = Protocol(
    "fig4b",
    "medlocker",
    "Figure 4b: averages by source and by target",
    "The rows and columns of Table 2.",
    lambda plan: list(_sources(plan).values()),
    _average_tables,
    _average_charts,
    lacks=_lacks_targets,
)
TABLE_3 = Protocol(
    "table3",
    "medlocker",
    "Table 3: success by place",
    "Marks anywhere, only on the lesions' boxes, and only off them, by basin hopping and by random mutation.",
    _place_cells,
    _place_tables,
    lacks=_lacks_healthy,
)
