"""MIAD-MARK's Figures 6a, 6b, 7 and 9 and MedLocker's Figure 4a: one parameter at a time, logos, heatmaps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import torch

from miad.evaluation.protocols.cell import AttackCell, Cell
from miad.evaluation.protocols.drawing import Panel, bars, panels
from miad.evaluation.protocols.found import AttackFound, Findings
from miad.evaluation.protocols.pictures import picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import EFFORT, Charts, Protocol, deviation, mean, number
from miad.evaluation.report.document import Column, Figure, Table, Value
from miad.evaluation.transfer import SEEN, transfer_rows
from miad.search import HE_SIT, BasinHoppingEvolution, HeuristicEvolution

_Point: TypeAlias = Callable[[Plan, float], AttackCell]
_Search = TypeVar("_Search", HeuristicEvolution, BasinHoppingEvolution)

_SMALL = replace(HE_SIT, population=5, position_rate=0.001)
"""Figure 6b's common settings, with scale 4."""
_SMALL_SCALE = 4.0


def _he_sit(name: str, whole: bool) -> _Point:
    """A point of Figure 6b: a parameter of the small search."""
    return lambda plan, value: plan.sweep("he_sit", _changed(_SMALL, name, value, whole=whole), scale=_SMALL_SCALE)


def _bhe(name: str, whole: bool) -> _Point:
    return lambda plan, value: plan.sweep("bhe", _changed(BasinHoppingEvolution(), name, value, whole=whole))


def _changed(search: _Search, name: str, value: float, *, whole: bool) -> _Search:
    options: dict[str, Any] = {name: int(value) if whole else value}
    return replace(search, **options)


_POINTS: Mapping[str, Mapping[str, _Point]] = {
    "fig6a": {
        "scale": lambda plan, value: plan.sweep("he_sit", scale=float(value)),
        "threshold": lambda plan, value: plan.sweep("he_sit", mask=plan.estimated, threshold=int(value)),
        "position_rate": lambda plan, value: plan.sweep("he_sit", replace(HE_SIT, position_rate=value)),
    },
    "fig6b": {
        "population": _he_sit("population", whole=True),
        "generations": _he_sit("generations", whole=True),
        "alpha_step": _he_sit("alpha_step", whole=True),
        "crossover": _he_sit("crossover", whole=False),
    },
    "fig4a": {
        "population": _bhe("population", whole=True),
        "hops": _bhe("hops", whole=True),
        "crossover": _bhe("crossover", whole=False),
        "step": _bhe("step", whole=False),
        "scale": lambda plan, value: plan.sweep("bhe", scale=float(value)),
    },
}
"""How to change each parameter, by figure."""
_TITLES = {
    "scale": "scale sl",
    "threshold": "threshold t (of 255)",
    "position_rate": "position rate r_p",
    "population": "population N_p",
    "generations": "generations N_g",
    "alpha_step": "alpha step s_a (levels)",
    "crossover": "crossover rate",
    "hops": "hops N_iter",
    "step": "step s (px)",
}
_COMMON: Mapping[str, Mapping[str, float]] = {
    "fig6a": {"threshold": 190, "position_rate": HE_SIT.position_rate},
    "fig6b": {"population": 5, "generations": 2, "alpha_step": 15, "crossover": 0.3},
    "fig4a": {"population": 50, "hops": 3, "crossover": 0.9, "step": 10},
}
"""What the other sweeps of a figure keep a parameter at."""
DEFAULT_SWEEPS: Mapping[str, tuple[float, ...]] = {
    "fig6a/scale": (1.5, 2, 3, 4),
    "fig6a/threshold": (110, 150, 190, 230),
    "fig6a/position_rate": (0.001, 0.0025, 0.005, 0.01),
    "fig6b/population": (1, 5, 10, 15),
    "fig6b/generations": (1, 2, 3, 4),
    "fig6b/alpha_step": (5, 15, 25, 35),
    "fig6b/crossover": (0.1, 0.3, 0.5, 0.7),
    "fig4a/population": (10, 30, 50, 70),
    "fig4a/hops": (1, 3, 5),
    "fig4a/crossover": (0.5, 0.7, 0.9),
    "fig4a/step": (5, 10, 20),
    "fig4a/scale": (2, 3, 4, 6),
}
"""The papers give their axes in pictures only; these go around their common settings."""

_MEASURES = (
    Column("images", "images", digits=0),
    Column("accuracy", "accuracy after"),
    Column("asr", "share fooled"),
    *EFFORT,
)


def _measures(found: AttackFound | None) -> tuple[Value, ...]:
    if found is None:
        return (None,) * len(_MEASURES)
    row = next(row for row in transfer_rows(found.judged) if row.target == SEEN)
    values = (row.accuracy_after, row.asr, row.queries_mean, row.queries_median, row.ssim, row.psnr)
    return (row.images, *map(number, values))


def _grid(plan: Plan, item: str) -> Iterator[tuple[str, float, AttackCell]]:
    for parameter, point in _POINTS[item].items():
        for value in plan.sweeps.get(f"{item}/{parameter}", ()):
            yield parameter, value, point(plan, value)


def _cells(item: str) -> Callable[[Plan], list[Cell]]:
    return lambda plan: [cell for _, _, cell in _grid(plan, item)]


def _tables(item: str) -> Callable[[Plan, Findings], list[Table]]:
    def tables(plan: Plan, found: Findings) -> list[Table]:
        points = [(parameter, value, _measures(found.attack(cell))) for parameter, value, cell in _grid(plan, item)]
        rows = tuple((parameter, f"{value:g}", *values) for parameter, value, values in points)
        head = (Column("parameter", "parameter"), Column("value", "value"), *_MEASURES)
        title = f"One parameter at a time, on {plan.main}"
        source = f"{plan.paper.title}, Figure {item[3:]}"
        whole = Table(item, title, head, rows, plan.notes(item), source)
        return [whole, _ranges(plan, item, points, source)]

    return tables


def _ranges(plan: Plan, item: str, points: Sequence[tuple[str, float, tuple[Value, ...]]], source: str) -> Table:
    """How far accuracy moves by each parameter."""
    rows: list[tuple[Value, ...]] = []
    for parameter in dict.fromkeys(parameter for parameter, _, _ in points):
        own = [values[1] for name, _, values in points if name == parameter]
        known = [value for value in own if isinstance(value, float)]
        ours = max(known) - min(known) if known and len(known) == len(own) else None
        rows.append((parameter, ours, plan.paper_value(item, "range", parameter, or_all=True)))
    columns = (Column("parameter", "parameter"), Column("range", "range"), Column("paper_range", "range", paper=True))
    return Table(f"{item}_range", "Highest minus lowest accuracy, by parameter", columns, tuple(rows), "", source)


def _charts(item: str, measure: str) -> Charts:
    def charts_of(tables: Sequence[Table]) -> list[Figure]:
        table = tables[0]
        column = [one.name for one in table.columns].index(measure)
        charts = []
        for parameter in dict.fromkeys(str(row[0]) for row in table.rows):
            own = [row for row in table.rows if row[0] == parameter]
            charts.append(Panel(_TITLES[parameter], [float(str(row[1])) for row in own], [row[column] for row in own]))
        if not charts:
            return []
        chosen = {_TITLES[name]: value for name, value in _COMMON[item].items()}
        data = panels(charts, table.columns[column].title, chosen)
        text = f"Lines of table {item}, a chart a parameter."
        return [Figure(f"{item}_chart", table.title, data, text, "Dotted: the value that the other charts keep.")]

    return charts_of


def _logo_cells(plan: Plan) -> list[Cell]:
    return [plan.sweep("he_sit", logo=logo) for logo in plan.logos]


def _logo_tables(plan: Plan, found: Findings) -> list[Table]:
    attacks = {logo: found.attack(plan.sweep("he_sit", logo=logo)) for logo in plan.logos}
    rows = [(logo, *_measures(attack)) for logo, attack in attacks.items()]
    head = (Column("logo", "logo"), *_MEASURES)
    source = f"{plan.paper.title}, Figure 7a and its text"
    logos = Table("fig7a", f"Logos, on {plan.main}", head, tuple(rows), plan.notes("fig7a"), source)
    accuracies, queries = [row[2] for row in rows], [_mean_queries(attack) for attack in attacks.values()]
    ours = {
        "accuracy": mean(accuracies),
        "accuracy_std": deviation(accuracies),
        "queries": mean(queries),
        "queries_std": deviation(queries),
    }
    titles = ("accuracy, mean", "accuracy, standard deviation", "queries, mean", "queries, standard deviation")
    total = tuple(
        (title, value, plan.paper_value("fig7a", name, "mean"))
        for title, (name, value) in zip(titles, ours.items(), strict=True)
    )
    columns = (Column("measure", "over all logos"), Column("value", "ours"), Column("paper_value", "paper", paper=True))
    return [logos, Table("fig7a_summary", "Over all logos", columns, total, "", source)]


def _mean_queries(found: AttackFound | None) -> float | None:
    if found is None or not found.judged.attacked().any():
        return None
    return float(torch.tensor(found.judged.queries, dtype=torch.float64)[found.judged.attacked()].mean())


def _logo_charts(tables: Sequence[Table]) -> list[Figure]:
    rows = tables[0].rows
    text = "Bars of the accuracy in table fig7a, one for each logo."
    chart = bars([str(row[0]) for row in rows], {"accuracy": [row[2] for row in rows]}, "accuracy after")
    return [Figure("fig7a_chart", tables[0].title, chart, text)]


def _logo_pictures(plan: Plan, found: Findings) -> list[Figure]:
    pictures = []
    for logo in plan.logos:
        attack = found.attack(plan.sweep("he_sit", logo=logo))
        shown = [one for one in attack.shown if one.kind == "marked"] if attack else []
        pictures += [one._replace(kind=logo) for one in shown[:1]]
    own = [("marked", pictures)] if pictures else []
    text = "An image marked with each logo, with the class that the classifier gives it."
    return picture_figure("fig7c", "Marked with each logo", own, text)


def _heat_cell(plan: Plan) -> AttackCell:
    return plan.main_attack("random", mask=plan.estimated)


def _heat_pictures(plan: Plan, found: Findings) -> list[Figure]:
    attack = found.attack(_heat_cell(plan))
    if attack is None or not attack.lesions:
        return []
    text = "Heatmap, mask, what is blocked, corners that are left, and the marked image, a row an image."
    looks = plan.estimated.partition(":")[2].rstrip("/").rpartition("/")[2]
    title = f"Where {looks or plan.main} looks, and what the mark keeps off"
    return [Figure("fig9", title, attack.lesions, text)]


def _ablation_logo_tables(plan: Plan, found: Findings) -> list[Table]:
    rows = tuple((logo, *_measures(found.attack(plan.sweep("bhe", logo=logo)))) for logo in plan.logos)
    head, source = (Column("logo", "logo"), *_MEASURES), f"{plan.paper.title}, Figure 4a"
    logos = Table("fig4a_logos", f"Logos, on {plan.main}", head, rows, "", source)
    return [*_tables("fig4a")(plan, found), logos]


def _no_gradcam(plan: Plan) -> str:
    return "" if plan.estimated else "it needs Grad-CAM, for which the experiment names no classifier"


FIGURE_6A = Protocol(
    "fig6a",
    "miad",
    "Figure 6a: scale, threshold, position rate",
    "HE-SIT with the paper's common settings, one parameter at a time. The threshold is that of a Grad-CAM mask; the "
    "other two keep the experiment's mask.",
    _cells("fig6a"),
    _tables("fig6a"),
    _charts("fig6a", "accuracy"),
)
FIGURE_6B = Protocol(
    "fig6b",
    "miad",
    "Figure 6b: population, generations, alpha step, crossover",
    "HE-SIT with a smaller logo (sl 4), a coarser grid (r_p 0.001) and a population of 5, as the paper has it.",
    _cells("fig6b"),
    _tables("fig6b"),
    _charts("fig6b", "accuracy"),
)
FIGURE_7 = Protocol(
    "fig7",
    "miad",
    "Figure 7: logos",
    "The paper's seven logos are trademarks; ours are those that the experiment names.",
    _logo_cells,
    _logo_tables,
    _logo_charts,
    _logo_pictures,
)
FIGURE_9 = Protocol(
    "fig9",
    "miad",
    "Figure 9: heatmaps",
    "Grad-CAM of the classifier that the masks are made with, over the marked images.",
    lambda plan: [_heat_cell(plan)],
    pictures=_heat_pictures,
    lacks=_no_gradcam,
)
FIGURE_4A = Protocol(
    "fig4a",
    "medlocker",
    "Figure 4a: parameters of the search and of the mark",
    "The paper averages two data sets; here is one. Its curves stand in a picture only.",
    lambda plan: [*_cells("fig4a")(plan), *(plan.sweep("bhe", logo=logo) for logo in plan.logos)],
    _ablation_logo_tables,
    _charts("fig4a", "asr"),
)
