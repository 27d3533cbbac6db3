"""Curves that runs keep: scores over epochs, ROC curves."""

from pathlib import Path

from miad.evaluation.report.run_folder import RunFolder, read_number, read_rows

Curve = tuple[list[float], list[float]]
"""x and y."""


def score_curves(run: RunFolder) -> dict[str, Curve]:
    """Every validation score of a training run over its epochs, from all of its starts; the first epoch is 1.

    The closing validation of the best weights is no epoch and is left out. Nothing where the run keeps none.

    Raises:
        RunError: a log is damaged.
    """
    scores: dict[str, dict[int, float]] = {}
    for path in sorted(run.folder.glob("logs/version_*/metrics.csv"), key=_start):
        for name, values in _read_log(path).items():
            scores.setdefault(name, {}).update(values)
    return {
        name: ([float(epoch + 1) for epoch in sorted(values)], [values[epoch] for epoch in sorted(values)])
        for name, values in scores.items()
        if values
    }


def _start(path: Path) -> int:
    number = path.parent.name.removeprefix("version_")
    return int(number) if number.isdecimal() else -1


def _read_log(path: Path) -> dict[str, dict[int, float]]:
    """Validation scores by epoch of one start of a run."""
    rows = read_rows(path, ("step",))
    if "epoch" not in (rows[0] if rows else {}):
        return {}
    names = [name for name in rows[0] if name.startswith("val/")]
    ended = bool(rows) and not rows[-1]["epoch"]  # the closing row of every ended run
    scored = [row for row in rows if row["epoch"] and any(row[name] for name in names)]
    if ended:
        scored = scored[:-1]
    return {
        name: {int(read_number(path, row["epoch"])): read_number(path, row[name]) for row in scored if row[name]}
        for name in names
    }


def roc_curves_of(run: RunFolder) -> dict[str, Curve]:
    """The ROC curves of a classifier's test, by class; nothing where the run keeps none.

    Raises:
        RunError: the file is damaged.
    """
    path = run.folder / "roc.csv"
    if not path.exists():
        return {}
    x, y = "false_positive_rate", "true_positive_rate"
    curves: dict[str, Curve] = {}
    for row in read_rows(path, ("class", x, y)):
        curve = curves.setdefault(row["class"], ([], []))
        curve[0].append(read_number(path, row[x]))
        curve[1].append(read_number(path, row[y]))
    return curves
