"""MIAD-MARK's Figures 2a to 2c and 3: accuracy and ROC before and after, on seen and unseen classifiers."""

from collections.abc import Callable, Mapping, Sequence

from miad.evaluation.protocols.cell import AttackCell, Cell
from miad.evaluation.protocols.drawing import Curve, bars, curves
from miad.evaluation.protocols.found import AttackFound, Findings
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import EFFORT, Protocol, deviation, gaps, lowest, mean, number
from miad.evaluation.protocols.words import accuracy_words
from miad.evaluation.report.document import Column, Figure, Table, Value
from miad.evaluation.transfer import SEEN, TransferRow, transfer_rows
from miad.measures import accuracy, auc_micro, roc_curves
from miad.tensors import Labels, Probabilities

_HEAD = (
    Column("search", "search"),
    Column("model", "model"),
    Column("images", "images", digits=0),
    Column("accuracy_before", "accuracy before"),
    Column("accuracy_after", "accuracy after"),
    Column("paper_accuracy_after", "accuracy after", paper=True, digits=4),
    Column("asr", "share fooled"),
    *EFFORT,
    Column("learning_queries", "queries to learn, once", digits=0),
)
_SUMMARY: Mapping[str, Callable[[Sequence[Value]], Value]] = {"mean": mean, "std": deviation, "min": lowest}
"""Lines over all classifiers, as the paper has them."""
_VALUES = [column.name for column in _HEAD[3:-1] if not column.paper]


def _single(plan: Plan, search: str) -> dict[str, AttackCell]:
    return {model: AttackCell(search, (model,)) for model in plan.models}


def _left_out(plan: Plan, search: str) -> dict[str, AttackCell]:
    """By the classifier that is left out."""
    return {
        model: AttackCell(search, tuple(sorted(other for other in plan.models if other != model)))
        for model in plan.models
    }


def _lines(plan: Plan, found: Findings, item: str, search: str, cells: dict[str, AttackCell]) -> list[list[Value]]:
    lines = []
    for model, cell in cells.items():
        row = _row(found.attack(cell), SEEN if cell.sources == (model,) else model)
        numbers: list[Value] = (
            [None] * len(_VALUES) if row is None else [number(getattr(row, name)) for name in _VALUES]
        )
        paper = plan.paper_value(item, "accuracy", model, search)
        images = None if row is None else row.images
        attack = found.attack(cell)
        learned = None if attack is None else float(attack.learning_queries)
        lines.append([search, model, images, *numbers[:2], paper, *numbers[2:], learned])
    columns = list(zip(*(line[3:] for line in lines), strict=True))
    for name, summary in _SUMMARY.items():
        total: list[Value] = [summary(column) for column in columns]
        total[2] = plan.paper_value(item, "accuracy", name, search, or_all=name == "mean")
        lines.append([search, name, "", *total])
    return lines


def _row(found: AttackFound | None, target: str) -> TransferRow | None:
    rows = [] if found is None else transfer_rows(found.judged)
    return next((row for row in rows if row.target == target), None)


def _charts(tables: Sequence[Table]) -> list[Figure]:
    (table,) = tables
    lines = [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows]
    lines = [line for line in lines if line["model"] not in _SUMMARY]
    models = list(dict.fromkeys(str(line["model"]) for line in lines))
    searches = list(dict.fromkeys(str(line["search"]) for line in lines))
    heights = {search: [line["accuracy_after"] for line in lines if line["search"] == search] for search in searches}
    original = {"original": [line["accuracy_before"] for line in lines[: len(models)]]}
    data = bars(models, original | heights, "accuracy")
    text = f"Bars of the accuracy in table {table.name}, one for each search and model."
    note = "Images that the sources read correctly; lower is better."
    return [Figure(f"{table.name}_chart", table.title, data, text, note)]


def _seen_cells(plan: Plan) -> list[Cell]:
    return [cell for search in plan.searches for cell in _single(plan, search).values()]


def _seen_tables(plan: Plan, found: Findings) -> list[Table]:
    rows = [line for search in plan.searches for line in _lines(plan, found, "fig2b", search, _single(plan, search))]
    title = "Accuracy on the classifier that was searched on"
    source = f"{plan.paper.title}, text to Figure 2b"
    return [gaps(Table("fig2b", title, _HEAD, tuple(map(tuple, rows)), plan.notes("fig2b"), source))]


def _unseen_tables(plan: Plan, found: Findings) -> list[Table]:
    rows = [line for search in plan.searches for line in _lines(plan, found, "fig2c", search, _left_out(plan, search))]
    title = "Accuracy on the classifier that was left out, searched on all others"
    source = f"{plan.paper.title}, text to Figure 2c"
    return [gaps(Table("fig2c", title, _HEAD, tuple(map(tuple, rows)), plan.notes("fig2c"), source))]


def _unseen_cells(plan: Plan) -> list[Cell]:
    return [cell for search in plan.searches for cell in _left_out(plan, search).values()]


def _few_models(plan: Plan) -> str:
    return "" if len(plan.models) > 1 else "it leaves one model out, and there is only one"


def _shown_cell(plan: Plan) -> AttackCell:
    return _left_out(plan, "he_sit")[plan.main]


def _shown_pictures(plan: Plan, found: Findings) -> list[Figure]:
    attack = found.attack(_shown_cell(plan))
    rows = [] if attack is None else by_image(attack.shown)
    text = "Originals and marked images with the class that the classifier left out gives them, and its probability."
    return picture_figure("fig2a", f"Marks searched on all but {plan.main}, read by it", rows, text)


def _roc_tables(plan: Plan, found: Findings) -> list[Table]:
    rows: list[tuple[Value, ...]] = []
    for model, cell in _single(plan, "he_sit").items():
        attack = found.attack(cell)
        values: list[float | None] = [None] * 3
        if attack is not None:
            judged = attack.judged
            both = [judged.before[model], judged.after[model]]
            values = [number(auc_micro(part, judged.labels)) for part in both]
            values.append(number(accuracy(judged.after[model], judged.labels)))
        rows.append((model, None if attack is None else len(attack.judged.labels), *values[:2], None, values[2]))
    totals = [mean([row[index] for row in rows]) for index in (2, 3, 5)]
    paper = plan.paper_value("fig3", "auc_micro", "mean", "after")
    rows.append(("mean", rows[0][1], *totals[:2], paper, totals[2]))
    head = (
        Column("model", "model"),
        Column("images", "images", digits=0),
        Column("auc_micro_before", "AUC before"),
        Column("auc_micro_after", "AUC after"),
        Column("paper_auc_micro_after", "AUC after", paper=True, digits=4),
        Column("accuracy_after", "accuracy after"),
    )
    note = f"Over all images, those misread from the start included. {plan.notes('fig3')}".strip()
    title = "Micro-average one-vs-rest AUC"
    return [Table("fig3", title, head, tuple(rows), note, f"{plan.paper.title}, Figure 3 and its text")]


def _roc_charts(plan: Plan, found: Findings) -> list[Figure]:
    charts = {}
    for model, cell in _single(plan, "he_sit").items():
        if attack := found.attack(cell):
            lines = {"original": attack.judged.before[model], "marked": attack.judged.after[model]}
            charts[model] = {
                f"{name}, AUC {auc_micro(part, attack.judged.labels):.3f}": _curve(part, attack.judged.labels)
                for name, part in lines.items()
            }
    text = (
        "ROC curves of the originals and of the marked images, micro-averaged over the classes, a chart a classifier."
    )
    return [Figure("fig3_chart", "ROC before and after, micro-average", curves(charts), text)] if charts else []


def _curve(probabilities: Probabilities, labels: Labels) -> Curve:
    curve = roc_curves(probabilities, labels)[None]
    return curve.false_positive_rate.double().numpy(), curve.true_positive_rate.double().numpy()


FIGURE_2A = Protocol(
    "fig2a",
    "miad",
    "Figure 2a: marked images and an unseen classifier",
    "Marks of HE-SIT, searched on all classifiers but one, as that one reads them.",
    lambda plan: [_shown_cell(plan)],
    pictures=_shown_pictures,
    lacks=_few_models,
)
FIGURE_2B = Protocol(
    "fig2b",
    "miad",
    "Figure 2b: accuracy on seen classifiers",
    "Every classifier is searched on alone. Accuracy counts the images that it reads correctly at first, so that it is "
    "1 before by construction; random is one random mark, learned our own search, which the paper does not have.",
    _seen_cells,
    _seen_tables,
    _charts,
    summary=accuracy_words,
)
FIGURE_2C = Protocol(
    "fig2c",
    "miad",
    "Figure 2c: accuracy on an unseen classifier",
    "Each classifier is left out in turn, and the search sees the mean of all others. Images count that all of these "
    "read correctly; the one left out may misread some of them at first, which accuracy before tells.",
    _unseen_cells,
    _unseen_tables,
    _charts,
    lacks=_few_models,
    summary=accuracy_words,
)
FIGURE_3 = Protocol(
    "fig3",
    "miad",
    "Figure 3: ROC curves",
    "Of the marks that HE-SIT found on each classifier alone (Figure 2b).",
    lambda plan: list(_single(plan, "he_sit").values()),
    _roc_tables,
    pictures=_roc_charts,
)
