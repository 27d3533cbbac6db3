"""MIAD-MARK's Figures 5a to 5c, 8a, 8b and 10 and its Table 1: what removers leave, with each delta and without."""

from collections.abc import Iterator, Sequence

from miad.evaluation.protocols.cell import AttackCell, Cell, RemovalCell
from miad.evaluation.protocols.drawing import bars
from miad.evaluation.protocols.found import Findings, Shown
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import Protocol, mean, number
from miad.evaluation.protocols.words import removal_words
from miad.evaluation.removal_study import EXACT, NOTHING
from miad.evaluation.report.document import Column, Figure, Table, Value
from miad.vaccine import VaccineName

_VACCINES: tuple[VaccineName, ...] = ("none", "noise", "delta_d", "delta_i")
_DELTA: dict[str, VaccineName] = {"without": "none", "with": "delta_d"}
"""The paper's two rows of Figure 5; its delta is delta_D."""
_QUALITY = {"psnr": ("PSNR", "dB", 2), "ssim": ("SSIM", "", 4), "rmse": ("RMSE", "levels", 2)}
_SAME_MARKS = (
    "The marks are those that HE-SIT found without delta, the same in every line, so that delta alone makes the "
    "difference; the paper searches anew over each delta. Only marks that succeeded count. Delta is made on the "
    "remover that takes the mark off."
)


def _cell(model: str, vaccine: VaccineName, remover: str, order: str = "before") -> RemovalCell:
    """The cell in which a remover takes marks off; noise and no delta are the same for all removers."""
    made_on = (remover,) if vaccine in ("delta_d", "delta_i") else ()
    return RemovalCell(AttackCell("he_sit", (model,)), vaccine, made_on, "after" if order == "after" else "before")


def _of_main(plan: Plan, vaccines: Sequence[VaccineName], order: str = "before") -> list[Cell]:
    cells = [_cell(plan.main, vaccine, remover, order) for vaccine in vaccines for remover in plan.removers]
    return list(dict.fromkeys(cells))


def _value(found: Findings, cell: RemovalCell, removed_by: str, measure: str) -> float | None:
    removal = found.removal(cell)
    return None if removal is None else number(removal.value(removed_by, measure))


def _no_removers(plan: Plan) -> str:
    return "" if plan.removers else "it needs removers, and the experiment names none"


def _quality_head(measures: Sequence[str]) -> tuple[Column, ...]:
    columns = [Column("vaccine", "delta"), Column("remover", "removed by")]
    for measure in measures:
        title, unit, digits = _QUALITY[measure]
        columns += [
            Column(measure, title, unit, digits),
            Column(f"paper_{measure}", title, unit, 4, paper=True),
            Column(f"{measure}_protected", f"{title} to original + delta", unit, digits),
        ]
    return tuple(columns)


def _quality_rows(
    plan: Plan, found: Findings, item: str, settings: dict[str, VaccineName], measures: Sequence[str]
) -> Iterator[tuple[Value, ...]]:
    for setting, vaccine in settings.items():
        for remover in plan.removers:
            for removed_by in (remover, *((NOTHING, EXACT) if remover == plan.removers[0] else ())):
                cell = _cell(plan.main, vaccine, remover)
                values: list[Value] = []
                for measure in measures:
                    paper = plan.paper_value(item, measure, remover, setting) if removed_by == remover else None
                    values += [
                        _value(found, cell, removed_by, measure),
                        paper,
                        _value(found, cell, removed_by, f"{measure}_protected"),
                    ]
                yield (setting, removed_by, *values)


def _quality_table(
    plan: Plan, found: Findings, item: str, title: str, settings: dict[str, VaccineName], measures: Sequence[str]
) -> Table:
    rows = tuple(_quality_rows(plan, found, item, settings, measures))
    note = (
        "Against the original, as the paper has it, which counts delta itself as damage, and against the original with "
        f"delta.  '{NOTHING}' is the marked image as it is, '{EXACT}' the image whose mark was taken off exactly: what "
        f"remains is delta. {plan.notes(item)}"
    ).strip()
    where = "Table 1" if item == "table1" else f"Figure {item[3:]}"
    return Table(item, title, _quality_head(measures), rows, note, f"{plan.paper.title}, {where}")


def _quality_tables(plan: Plan, found: Findings) -> list[Table]:
    title = f"Quality of what removers leave, marks searched on {plan.main}"
    return [_quality_table(plan, found, "fig5b", title, _DELTA, ("ssim", "psnr", "rmse"))]


def _vaccine_tables(plan: Plan, found: Findings) -> list[Table]:
    title = "Quality of what removers leave, by delta"
    settings: dict[str, VaccineName] = {vaccine: vaccine for vaccine in _VACCINES}
    return [_quality_table(plan, found, "table1", title, settings, ("psnr", "ssim", "rmse"))]


def _accuracy_cells(plan: Plan) -> list[Cell]:
    cells = [
        _cell(model, vaccine, remover)
        for model in plan.models
        for vaccine in _DELTA.values()
        for remover in plan.removers
    ]
    return list(dict.fromkeys(cells))


def _accuracy_tables(plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    for model in plan.models:
        for remover in plan.removers:
            values: list[Value] = []
            for setting, vaccine in _DELTA.items():
                cell, measure = _cell(model, vaccine, remover), f"accuracy/{model}"
                values += [
                    _value(found, cell, NOTHING, measure),
                    _value(found, cell, remover, measure),
                    plan.paper_value("fig5c", "accuracy", f"{model}/{remover}", setting),
                ]
            rows.append((model, remover, *values))
    ours = [mean([row[index] for row in rows]) for index in (2, 3, 5, 6)]
    paper = plan.paper_value("fig5c", "accuracy", "mean", "with", or_all=True)
    rows.append(("mean", "all", *ours[:2], None, *ours[2:], paper))
    head = [Column("model", "model"), Column("remover", "removed by")]
    for setting in _DELTA:
        head += [
            Column(f"accuracy_marked_{setting}", f"marked, {setting} delta"),
            Column(f"accuracy_{setting}", f"after removal, {setting} delta"),
            Column(f"paper_accuracy_{setting}", f"after removal, {setting} delta", paper=True, digits=4),
        ]
    title = "Accuracy on what removers leave, marks searched on the classifier that reads"
    note = f"Accuracy of the same images before they were marked is 1. {plan.notes('fig5c')}".strip()
    return [Table("fig5c", title, tuple(head), tuple(rows), note, f"{plan.paper.title}, Figure 5c")]


def _accuracy_charts(tables: Sequence[Table]) -> list[Figure]:
    lines = tables[0].rows[:-1]
    names = [column.name for column in tables[0].columns]
    heights = {
        f"after removal, {setting} delta": [row[names.index(f"accuracy_{setting}")] for row in lines]
        for setting in _DELTA
    }
    paper = {
        f"after removal, {setting} delta": [row[names.index(f"paper_accuracy_{setting}")] for row in lines]
        for setting in _DELTA
    }
    marked = {"marked": [row[names.index("accuracy_marked_without")] for row in lines]}
    data = bars([f"{row[0]}\n{row[1]}" for row in lines], marked | heights, "accuracy", paper=paper)
    text = "Bars of the accuracy in table fig5c: marked, after removal without delta, after removal with delta."
    return [Figure("fig5c_chart", "Accuracy on what removers leave", data, text)]


_ORDERS = {"fig8a": "before", "fig8b": "after"}


def _order_tables(item: str, plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    measure = f"accuracy/{plan.main}"
    for vaccine in _VACCINES:
        for remover in plan.removers:
            cell = _cell(plan.main, vaccine, remover, "before" if vaccine == "none" else _ORDERS[item])
            values = [_value(found, cell, name, measure) for name in (NOTHING, remover)]
            paper = [plan.paper_value(item, f"accuracy_{end}", remover, vaccine) for end in ("input", "output")]
            rows.append((vaccine, remover, values[0], paper[0], values[1], paper[1]))
    head = (
        Column("vaccine", "delta"),
        Column("remover", "removed by"),
        Column("accuracy_input", "input"),
        Column("paper_accuracy_input", "input", paper=True, digits=4),
        Column("accuracy_output", "output"),
        Column("paper_accuracy_output", "output", paper=True, digits=4),
    )
    title = f"Accuracy of {plan.main} on what removers get and leave, delta {_ORDERS[item]} the mark"
    return [Table(item, title, head, tuple(rows), plan.notes(item), f"{plan.paper.title}, Figure {item[3:]}")]


def _order_charts(tables: Sequence[Table]) -> list[Figure]:
    rows = tables[0].rows
    groups = [f"{row[0]}\n{row[1]}" for row in rows]
    data = bars(groups, {"input": [row[2] for row in rows], "output": [row[4] for row in rows]}, "accuracy")
    text = f"Bars of the accuracy in table {tables[0].name}, input and output of each remover with each delta."
    return [Figure(f"{tables[0].name}_chart", tables[0].title, data, text)]


def _after_cells(plan: Plan) -> list[Cell]:
    cells = [*_of_main(plan, ["none"]), *_of_main(plan, _VACCINES[1:], "after")]
    return list(dict.fromkeys(cells))


def _shown(plan: Plan, found: Findings, vaccines: Sequence[VaccineName]) -> list[tuple[str, list[Shown]]]:
    """The first image, a row a delta: input, output and mask of each remover."""
    rows: list[tuple[str, list[Shown]]] = []
    for vaccine in vaccines:
        row: dict[str, Shown] = {}
        for remover in plan.removers:
            removal = found.removal(_cell(plan.main, vaccine, remover))
            for _, pictures in by_image([] if removal is None else removal.shown)[:1]:
                own = {shown.kind: shown for shown in pictures}
                kinds = {NOTHING: f"{remover}: input", remover: f"{remover}: output"}
                kinds[f"{remover}: mask"] = f"{remover}: mask"
                row |= {name: own[kind]._replace(kind=name) for kind, name in kinds.items() if kind in own}
        if row:
            rows.append((vaccine, list(row.values())))
    return rows


def _delta_pictures(plan: Plan, found: Findings) -> list[Figure]:
    text = "Input, output and predicted mask of each remover, without delta and with delta_D, with predicted classes."
    rows = _shown(plan, found, list(_DELTA.values()))
    return picture_figure("fig5a", "What removers get, leave and take for the mark", rows, text)


def _vaccine_pictures(plan: Plan, found: Findings) -> list[Figure]:
    text = "Input, output and predicted mask of each remover, without delta, with noise, with delta_D and with delta_I."
    return picture_figure("fig10", "What removers leave, by delta", _shown(plan, found, _VACCINES), text)


FIGURE_5A = Protocol(
    "fig5a",
    "miad",
    "Figure 5a: pictures of removal",
    _SAME_MARKS,
    lambda plan: _of_main(plan, list(_DELTA.values())),
    pictures=_delta_pictures,
    lacks=_no_removers,
)
FIGURE_5B = Protocol(
    "fig5b",
    "miad",
    "Figure 5b: quality after removal",
    _SAME_MARKS,
    lambda plan: _of_main(plan, list(_DELTA.values())),
    _quality_tables,
    lacks=_no_removers,
)
FIGURE_5C = Protocol(
    "fig5c",
    "miad",
    "Figure 5c: accuracy after removal",
    _SAME_MARKS,
    _accuracy_cells,
    _accuracy_tables,
    _accuracy_charts,
    lacks=_no_removers,
    summary=removal_words,
)
FIGURE_8A = Protocol(
    "fig8a",
    "miad",
    "Figure 8a: delta before the mark",
    _SAME_MARKS,
    lambda plan: _of_main(plan, _VACCINES),
    lambda plan, found: _order_tables("fig8a", plan, found),
    _order_charts,
    lacks=_no_removers,
)
FIGURE_8B = Protocol(
    "fig8b",
    "miad",
    "Figure 8b: delta after the mark",
    "Delta is made for the marked image and added over the mark, where it undoes some of the marks' success.",
    _after_cells,
    lambda plan, found: _order_tables("fig8b", plan, found),
    _order_charts,
    lacks=_no_removers,
)
FIGURE_10 = Protocol(
    "fig10",
    "miad",
    "Figure 10: pictures of removal, by delta",
    _SAME_MARKS,
    lambda plan: _of_main(plan, _VACCINES),
    pictures=_vaccine_pictures,
    lacks=_no_removers,
)
TABLE_1 = Protocol(
    "table1",
    "miad",
    "Table 1: quality after removal, by delta",
    _SAME_MARKS,
    lambda plan: _of_main(plan, _VACCINES),
    _vaccine_tables,
    lacks=_no_removers,
)
