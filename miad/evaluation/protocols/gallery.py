"""Whole ways of a few images: original, lesion, marked, after each remover, recovered."""

from miad.evaluation.protocols.cell import AttackCell, RemovalCell
from miad.evaluation.protocols.found import Findings, Shown
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.removal_study import NOTHING
from miad.evaluation.report.document import Figure

_SEARCHES = ("he_sit", "bhe")
"""MIAD-MARK's and MedLocker's."""


def gallery(plan: Plan, found: Findings) -> list[Figure]:
    """One picture; of the marks alone where no removal was computed, and none where no attack was."""
    attack = AttackCell("he_sit", (plan.main,))
    plain = found.removal(RemovalCell(attack))
    if plain is None:
        return _marks(plan, found)
    rows = [(label, _way(plan, found, attack, own)) for label, own in by_image(plain.shown)]
    text = (
        f"Original, lesion mask, marked, after each remover, the same with delta_D, and recovered by the key; read by "
        f"{plan.main}."
    )
    title = f"The way of an image; {plan.main} reads it"
    return picture_figure("gallery", title, rows, text)


def _marks(plan: Plan, found: Findings) -> list[Figure]:
    """Of the first of both papers' searches that is there."""
    attacks = (found.attack(AttackCell(search, (plan.main,))) for search in _SEARCHES)
    attack = next((one for one in attacks if one is not None), None)
    rows = [] if attack is None else by_image(attack.shown)
    title = f"Images whose marks fooled {plan.main}"
    return picture_figure("gallery", title, rows, f"Original and marked, read by {plan.main}.")


def _way(plan: Plan, found: Findings, attack: AttackCell, plain: list[Shown]) -> list[Shown]:
    own = {shown.kind: shown for shown in plain}
    way = [own[kind] for kind in ("original", "lesion") if kind in own]
    way.append(own[NOTHING]._replace(kind="marked"))
    way += [own[remover]._replace(kind=f"{remover}: output") for remover in plan.removers if remover in own]
    for remover in plan.removers:
        removal = found.removal(RemovalCell(attack, "delta_d", (remover,)))
        with_delta = {
            shown.kind: shown for shown in (removal.shown if removal else ()) if shown.image == plain[0].image
        }
        if not with_delta:
            continue
        if remover == plan.removers[0]:
            way.append(with_delta[NOTHING]._replace(kind="with delta: marked"))
        way.append(with_delta[remover]._replace(kind=f"with delta: {remover}"))
    return [*way, *([own["recovered"]] if "recovered" in own else [])]
