"""MIAD-MARK's Figures 5a to 5c, 8a, 8b and 10 and its Table 1: what removers leave, with each delta and without."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from miad.evaluation.protocols.cell import AttackCell, Cell, Order, RemovalCell
from miad.evaluation.protocols.drawing import bars
from miad.evaluation.protocols.found import Findings, Shown
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import Protocol, gaps, mean, number
from miad.evaluation.protocols.words import removal_words
from miad.evaluation.removal_study import EXACT, NOTHING, OWN
from miad.evaluation.report.document import Column, Figure, Table, Value
from miad.vaccine import VaccineName

_VACCINES: tuple[VaccineName, ...] = ("none", "noise", "delta_d", "delta_i")
_ANEW, _SAME = "searched anew", "as without"
"""How the marks of a line were found."""
_ROWS = "anew: the marks were searched over delta; the others' were searched without."


class _Setting(NamedTuple):
    """A delta, and how the marks on it were found."""

    name: str
    """As the paper's numbers call it."""
    vaccine: VaccineName
    anew: bool = False
    order: Order = "before"

    @property
    def marks(self) -> str:
        """How they were found, for tables."""
        return "" if self.vaccine == "none" else _ANEW if self.anew else _SAME

    @property
    def from_paper(self) -> bool:
        """Whether the paper does it in this way."""
        return self.anew or self.vaccine == "none" or self.order == "after"

    def cell(self, model: str, remover: str) -> RemovalCell:
        """The cell in which a remover takes marks off; noise and no delta are the same for all removers."""
        made_on = (remover,) if self.vaccine in ("delta_d", "delta_i") else ()
        if self.anew:
            return RemovalCell(AttackCell("he_sit", (model,), vaccine=self.vaccine, made_on=made_on), OWN)
        return RemovalCell(AttackCell("he_sit", (model,)), self.vaccine, made_on, self.order)


_FIGURE_5 = (_Setting("without", "none"), _Setting("with", "delta_d"), _Setting("with", "delta_d", anew=True))
"""The paper's rows of Figure 5, whose delta is delta_D."""
_NONE = _Setting("none", "none")
_BEFORE = (_NONE, *(_Setting(name, name, anew) for name in _VACCINES[1:] for anew in (False, True)))
_AFTER = (_NONE, *(_Setting(name, name, order="after") for name in _VACCINES[1:]))
"""Every delta before the mark, and over it."""
_QUALITY = {"psnr": ("PSNR", "dB", 2), "ssim": ("SSIM", "", 4), "rmse": ("RMSE", "levels", 2)}
_WORDS = (
    f"'{_SAME}': the marks are those that HE-SIT found without delta, so that delta alone makes the difference. "
    f"'{_ANEW}': HE-SIT searched over each delta, as the paper does; a search that sees delta may find other marks. "
    "Only marks that succeeded count. Delta is made on the remover that takes the mark off."
)


def _of_main(plan: Plan, settings: Sequence[_Setting]) -> list[Cell]:
    return list(dict.fromkeys(one.cell(plan.main, remover) for one in settings for remover in plan.removers))


def _value(found: Findings, cell: RemovalCell, removed_by: str, measure: str) -> float | None:
    removal = found.removal(cell)
    return None if removal is None else number(removal.value(removed_by, measure))


def _no_removers(plan: Plan) -> str:
    return "" if plan.removers else "it needs removers, and the experiment names none"


def _quality_head(measures: Sequence[str]) -> tuple[Column, ...]:
    columns = [Column("vaccine", "delta"), Column("marks", "marks"), Column("remover", "removed by")]
    for measure in measures:
        title, unit, digits = _QUALITY[measure]
        columns += [
            Column(measure, title, unit, digits),
            Column(f"paper_{measure}", title, unit, 4, paper=True),
            Column(f"{measure}_protected", f"{title} to original + delta", unit, digits),
        ]
    return tuple(columns)


def _quality_rows(
    plan: Plan, found: Findings, item: str, settings: Sequence[_Setting], measures: Sequence[str]
) -> Iterator[tuple[Value, ...]]:
    for setting in settings:
        for remover in plan.removers:
            for removed_by in (remover, *((NOTHING, EXACT) if remover == plan.removers[0] else ())):
                cell, values = setting.cell(plan.main, remover), list[Value]()
                for measure in measures:
                    known = setting.from_paper and removed_by == remover
                    paper = plan.paper_value(item, measure, remover, setting.name) if known else None
                    values += [
                        _value(found, cell, removed_by, measure),
                        paper,
                        _value(found, cell, removed_by, f"{measure}_protected"),
                    ]
                yield (setting.name, setting.marks, removed_by, *values)


def _quality_table(
    plan: Plan, found: Findings, item: str, title: str, settings: Sequence[_Setting], measures: Sequence[str]
) -> Table:
    rows = tuple(_quality_rows(plan, found, item, settings, measures))
    note = (
        "Against the original, as the paper has it, which counts delta itself as damage, and against the original with "
        f"delta. '{NOTHING}' is the marked image as it is, '{EXACT}' the image whose mark was taken off exactly: what "
        f"remains is delta. {plan.notes(item)}"
    ).strip()
    where = "Table 1" if item == "table1" else f"Figure {item[3:]}"
    return Table(item, title, _quality_head(measures), rows, note, f"{plan.paper.title}, {where}")


def _quality_tables(plan: Plan, found: Findings) -> list[Table]:
    title = f"Quality of what removers leave, marks searched on {plan.main}"
    return [_quality_table(plan, found, "fig5b", title, _FIGURE_5, ("ssim", "psnr", "rmse"))]


def _vaccine_tables(plan: Plan, found: Findings) -> list[Table]:
    title = "Quality of what removers leave, by delta"
    return [_quality_table(plan, found, "table1", title, _BEFORE, ("psnr", "ssim", "rmse"))]


def _accuracy_cells(plan: Plan) -> list[Cell]:
    cells = (one.cell(model, remover) for model in plan.models for one in _FIGURE_5 for remover in plan.removers)
    return list(dict.fromkeys(cells))


def _column(setting: _Setting) -> str:
    return f"accuracy_{setting.name}" + ("_anew" if setting.anew else "")


def _heading(setting: _Setting) -> str:
    words = {"": "", _SAME: ", same marks", _ANEW: ", searched over it"}
    return f"{setting.name} delta{words[setting.marks]}"


def _accuracy_tables(plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    for model in plan.models:
        for remover in plan.removers:
            values: list[Value] = []
            for setting in _FIGURE_5:
                cell, measure = setting.cell(model, remover), f"accuracy/{model}"
                values += [_value(found, cell, name, measure) for name in (NOTHING, remover)]
                if setting.from_paper:
                    values.append(plan.paper_value("fig5c", "accuracy", f"{model}/{remover}", setting.name))
            rows.append((model, remover, *values))
    head = _accuracy_head()
    known = {
        f"paper_{_column(one)}": plan.paper_value("fig5c", "accuracy", "mean", one.name, or_all=True)
        for one in _FIGURE_5
    }
    ours = [mean(values) for values in list(zip(*rows, strict=True))[2:]]
    rows.append(("mean", "all", *(known.get(column.name, own) for column, own in zip(head[2:], ours, strict=True))))
    title = "Accuracy on what removers leave, marks searched on the classifier that reads"
    note = f"Accuracy of the same images before they were marked is 1. {plan.notes('fig5c')}".strip()
    return [gaps(Table("fig5c", title, head, tuple(rows), note, f"{plan.paper.title}, Figure 5c"))]


def _accuracy_head() -> tuple[Column, ...]:
    head = [Column("model", "model"), Column("remover", "removed by")]
    for setting in _FIGURE_5:
        name, words = _column(setting), _heading(setting)
        head += [
            Column(name.replace("accuracy", "accuracy_marked"), f"marked, {words}"),
            Column(name, f"after removal, {words}"),
        ]
        if setting.from_paper:
            head.append(Column(f"paper_{name}", f"after removal, {words}", paper=True, digits=4))
    return tuple(head)


def _accuracy_charts(tables: Sequence[Table]) -> list[Figure]:
    lines = tables[0].rows[:-1]
    names = [column.name for column in tables[0].columns]
    shown = {f"after removal, {_heading(setting)}": _column(setting) for setting in _FIGURE_5}
    heights = {title: [row[names.index(name)] for row in lines] for title, name in shown.items()}
    paper = {
        title: [row[names.index(f"paper_{name}")] for row in lines]
        for title, name in shown.items()
        if f"paper_{name}" in names
    }
    marked = {"marked": [row[names.index("accuracy_marked_without")] for row in lines]}
    data = bars([f"{row[0]}\n{row[1]}" for row in lines], marked | heights, "accuracy", paper=paper)
    text = (
        "Bars of the accuracy in table fig5c: marked, and after removal without delta, with delta under the same "
        "marks, and with delta under marks that were searched over it."
    )
    return [Figure("fig5c_chart", "Accuracy on what removers leave", data, text)]


_ORDERS = {"fig8a": _BEFORE, "fig8b": _AFTER}


def _order_tables(item: str, plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    measure = f"accuracy/{plan.main}"
    for setting in _ORDERS[item]:
        for remover in plan.removers:
            line: list[Value] = [setting.name, setting.marks, remover]
            for name, end in ((NOTHING, "input"), (remover, "output")):
                paper = plan.paper_value(item, f"accuracy_{end}", remover, setting.name) if setting.from_paper else None
                line += [_value(found, setting.cell(plan.main, remover), name, measure), paper]
            rows.append(tuple(line))
    head = (
        Column("vaccine", "delta"),
        Column("marks", "marks"),
        Column("remover", "removed by"),
        Column("accuracy_input", "input"),
        Column("paper_accuracy_input", "input", paper=True, digits=4),
        Column("accuracy_output", "output"),
        Column("paper_accuracy_output", "output", paper=True, digits=4),
    )
    order = _ORDERS[item][-1].order
    title = f"Accuracy of {plan.main} on what removers get and leave, delta {order} the mark"
    return [Table(item, title, head, tuple(rows), plan.notes(item), f"{plan.paper.title}, Figure {item[3:]}")]


def _order_charts(tables: Sequence[Table]) -> list[Figure]:
    rows = tables[0].rows
    groups = [f"{row[0]}{', anew' if row[1] == _ANEW else ''}\n{row[2]}" for row in rows]
    ends = {"input": 3, "output": 5}
    heights = {end: [row[index] for row in rows] for end, index in ends.items()}
    paper = {end: [row[index + 1] for row in rows] for end, index in ends.items()}
    data = bars(groups, heights, "accuracy", paper=paper)
    text = f"Bars of the accuracy in table {tables[0].name}, input and output of each remover with each delta."
    return [Figure(f"{tables[0].name}_chart", tables[0].title, data, text)]


def _shown(plan: Plan, found: Findings, settings: Sequence[_Setting]) -> list[tuple[str, list[Shown]]]:
    """The first image, a row a delta: input, output and mask of each remover."""
    rows: list[tuple[str, list[Shown]]] = []
    for setting in settings:
        row: dict[str, Shown] = {}
        for remover in plan.removers:
            removal = found.removal(setting.cell(plan.main, remover))
            for _, pictures in by_image([] if removal is None else removal.shown)[:1]:
                own = {shown.kind: shown for shown in pictures}
                kinds = {NOTHING: f"{remover}: input", remover: f"{remover}: output"}
                kinds[f"{remover}: mask"] = f"{remover}: mask"
                row |= {name: own[kind]._replace(kind=name) for kind, name in kinds.items() if kind in own}
        if row:
            rows.append((f"{setting.vaccine}\nanew" if setting.anew else setting.vaccine, list(row.values())))
    return rows


def _delta_pictures(plan: Plan, found: Findings) -> list[Figure]:
    text = "Input, output and predicted mask of each remover, without delta and with delta_D, with predicted classes."
    rows = _shown(plan, found, _FIGURE_5)
    return picture_figure("fig5a", "What removers get, leave and take for the mark", rows, text, _ROWS)


def _vaccine_pictures(plan: Plan, found: Findings) -> list[Figure]:
    text = "Input, output and predicted mask of each remover, without delta, with noise, with delta_D and with delta_I."
    return picture_figure("fig10", "What removers leave, by delta", _shown(plan, found, _BEFORE), text, _ROWS)


FIGURE_5A = Protocol(
    "fig5a",
    "miad",
    "Figure 5a: pictures of removal",
    _WORDS,
    lambda plan: _of_main(plan, _FIGURE_5),
    pictures=_delta_pictures,
    lacks=_no_removers,
)
FIGURE_5B = Protocol(
    "fig5b",
    "miad",
    "Figure 5b: quality after removal",
    _WORDS,
    lambda plan: _of_main(plan, _FIGURE_5),
    _quality_tables,
    lacks=_no_removers,
)
FIGURE_5C = Protocol(
    "fig5c",
    "miad",
    "Figure 5c: accuracy after removal",
    _WORDS,
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
    _WORDS,
    lambda plan: _of_main(plan, _BEFORE),
    lambda plan, found: _order_tables("fig8a", plan, found),
    _order_charts,
    lacks=_no_removers,
)
FIGURE_8B = Protocol(
    "fig8b",
    "miad",
    "Figure 8b: delta after the mark",
    "Delta is made for the marked image and added over the mark, where it undoes some of the marks' success.",
    lambda plan: _of_main(plan, _AFTER),
    lambda plan, found: _order_tables("fig8b", plan, found),
    _order_charts,
    lacks=_no_removers,
)
FIGURE_10 = Protocol(
    "fig10",
    "miad",
    "Figure 10: pictures of removal, by delta",
    _WORDS,
    lambda plan: _of_main(plan, _BEFORE),
    pictures=_vaccine_pictures,
    lacks=_no_removers,
)
TABLE_1 = Protocol(
    "table1",
    "miad",
    "Table 1: quality after removal, by delta",
    _WORDS,
    lambda plan: _of_main(plan, _BEFORE),
    _vaccine_tables,
    lacks=_no_removers,
)
