"""MIAD-MARK's Figures 4b and 4c: what the key gives back."""

from math import inf

from miad.evaluation.protocols.cell import Cell, RecoveryCell
from miad.evaluation.protocols.found import Findings
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import Protocol, number
from miad.evaluation.protocols.words import recovery_words
from miad.evaluation.report.document import Column, Figure, Table, Value

_KINDS = ("original", "marked", "mark taken off", "recovered")
_HEAD = (
    Column("kind", "image"),
    Column("images", "images", digits=0),
    Column("accuracy", "accuracy"),
    Column("paper_accuracy", "accuracy", paper=True, digits=4),
    Column("ssim", "SSIM", digits=4),
    Column("paper_ssim", "SSIM", paper=True, digits=4),
    Column("psnr", "PSNR", "dB", 2),
    Column("rmse", "RMSE", "levels", 3),
    Column("equal", "equal bit for bit"),
)


def _cell(plan: Plan) -> RecoveryCell:
    """Of marks over delta_D, where there is a remover to make it on."""
    if not plan.removers:
        return RecoveryCell(plan.main_attack())
    return RecoveryCell(plan.main_attack(vaccine="delta_d", made_on=plan.removers[:1]))


def _tables(plan: Plan, found: Findings) -> list[Table]:
    recovery = found.recovery(_cell(plan))
    own = {} if recovery is None else {str(row["kind"]): row for row in recovery.rows}
    rows: list[tuple[Value, ...]] = []
    for kind in _KINDS:
        row = own.get(kind)
        paper = [plan.paper_value("fig4b", measure, "", kind) for measure in ("accuracy", "ssim")]
        if row is None:
            rows.append((kind, None, None, paper[0], None, paper[1], None, None, None))
            continue
        accuracy, ssim, psnr, rmse, equal = (float(row[name]) for name in ("accuracy", "ssim", "psnr", "rmse", "equal"))
        shown: Value = "infinite" if psnr == inf else number(psnr)
        values = (number(accuracy), paper[0], number(ssim), paper[1], shown, number(rmse), number(equal))
        rows.append((kind, int(row["images"]), *values))
    note = (
        "'mark taken off' is the paper's inverse alpha blending alone, rounded to 8 bits: delta remains, and what "
        f"rounding lost. 'recovered' is what the key gives. {plan.notes('fig4b')}"
    ).strip()
    title = f"Originals, marked and recovered images, read by {plan.main}"
    return [Table("fig4b", title, _HEAD, tuple(rows), note, f"{plan.paper.title}, Figure 4b")]


def _pictures(plan: Plan, found: Findings) -> list[Figure]:
    recovery = found.recovery(_cell(plan))
    rows = by_image([] if recovery is None else recovery.shown)
    text = "Original, marked image, delta around grey and ten times as strong, mark taken off, and recovered image."
    return picture_figure("fig4c", "From the marked image back to the original", rows, text)


def _cells(plan: Plan) -> list[Cell]:
    return [_cell(plan)]


FIGURE_4B = Protocol(
    "fig4b",
    "miad",
    "Figure 4b: quality of recovered images",
    "Images that the classifier read correctly are marked by HE-SIT over delta_D, and undone with the key.",
    _cells,
    _tables,
    summary=recovery_words,
)
FIGURE_4C = Protocol("fig4c", "miad", "Figure 4c: pictures of recovery", "The same.", _cells, pictures=_pictures)
