"""The dashboard as W&B has it: a workspace that compares runs, and a report with the same panels.

Built by wandb-workspaces (the extra ``miad[dashboard]``), which needs no network until they are saved.
"""

import io
import json
from contextlib import redirect_stderr
from importlib import import_module
from typing import Any

import wandb

from miad.errors import InputError, RunError
from miad.tracking.sections import COLUMNS, SECTIONS, Panel, Section, overview
from miad.tracking.server import check_server, server_address, within

_NAME = "miad: marks, transfer, removal"
_COLUMNS, _WIDTH, _HEIGHT = 3, 8, 6
"""Panels a line of a report, and the size of each in its grid of 24 columns."""
_ANSWER, _PATIENCE = 2.0, 5.0
"""Seconds in which a server must answer at all, and then say whose the key is."""
_CHARTS = {
    "confusion": ("wandb/confusion_matrix/v1", {name: name for name in ("Actual", "Predicted", "nPredictions")}),
    "roc": ("wandb/area-under-curve/v0", {"x": "false positive rate", "y": "true positive rate", "class": "class"}),
    "precision_recall": ("wandb/area-under-curve/v0", {"x": "recall", "y": "precision", "class": "class"}),
}
"""W&B's charts and their columns, by a part of the names of ours."""


def build_workspace(entity: str, project: str) -> Any:  # noqa: ANN401  (of an extra that may not be there)
    """The workspace: one section for each of `SECTIONS`.

    Args:
        entity: user or team in W&B.
        project: W&B project.

    Raises:
        InputError: the extra is not installed.
    """
    spaces = _extra("workspaces")
    return spaces.Workspace(
        entity=entity,
        project=project,
        name=_NAME,
        sections=[_section(section) for section in SECTIONS],
        runset_settings=spaces.RunsetSettings(pinned_columns=[f"summary:{name}" for name in COLUMNS]),
    )


def build_report(entity: str, project: str) -> Any:  # noqa: ANN401
    """The report: for each of `SECTIONS` a heading, what to look for, and its panels over the runs it is about.

    Args:
        entity: user or team in W&B.
        project: W&B project.

    Raises:
        InputError: the extra is not installed.
    """
    reports = _extra("reports.v2")
    blocks = [reports.TableOfContents()]
    for section in SECTIONS:
        # Of the report's own project; a named one would be looked up in the network.
        runs = reports.Runset(name=section.title, filters=_filter(section))
        grid = reports.PanelGrid(runsets=[runs], panels=_placed(section))
        blocks += [reports.H1(text=section.title), reports.P(text=section.words), grid]
    return reports.Report(
        entity=entity, project=project, title=_NAME, description="Built by 'miad dashboard'.", blocks=blocks
    )


def model_of(entity: str, project: str) -> str:
    """Workspace and report as wandb-workspaces would send them, as JSON.

    Raises:
        InputError: the extra is not installed.
    """
    models = {
        "workspace": build_workspace(entity, project)._to_model(),
        "report": build_report(entity, project)._to_model(),
    }
    plain = {name: model.model_dump(mode="json", by_alias=True, exclude_none=True) for name, model in models.items()}
    return json.dumps(plain, indent=1) + "\n"


def describe(entity: str, project: str) -> str:
    """What would be made, as text.

    Raises:
        InputError: the extra is not installed, or refuses the dashboard.
    """
    build_workspace(entity, project)._to_model()
    build_report(entity, project)._to_model()
    place = f"{entity or 'ENTITY'}/{project}"
    return f"A workspace and a report {_NAME!r} in {place}, with these sections:\n\n{overview()}"


def save_dashboard(entity: str, project: str) -> tuple[str, str]:
    """Make the workspace and the report in W&B; their addresses.

    Raises:
        InputError: the extra is not installed.
        RunError: W&B can not be reached, does not know the key, or refuses them.
    """
    made = build_workspace(entity, project), build_report(entity, project)
    try:
        with redirect_stderr(io.StringIO()):  # W&B asks a terminal for a key, and waits
            check_server(_ANSWER)
            _check_key()
            return tuple(one.save().url for one in made)
    except Exception as error:  # wandb-workspaces raises bare ones
        reason = " ".join(str(error).split())
        raise RunError(
            f"expected a W&B server and a key ('wandb login'), found none that works ({reason}); "
            "what would be made is printed"
        ) from error


def _check_key() -> None:
    """The server knows the key.

    Raises:
        OSError: it says nothing.
        wandb.Error: it does not, or there is no key.
    """
    try:
        within(_PATIENCE, lambda: wandb.Api(timeout=round(_PATIENCE)))
    except TimeoutError as error:
        raise OSError(f"{server_address()} said nothing within {_PATIENCE:g} seconds") from error


def _extra(module: str) -> Any:  # noqa: ANN401
    try:
        return import_module(f"wandb_workspaces.{module}")
    except ImportError as error:
        raise InputError(
            f"expected wandb-workspaces for a dashboard, found none ({error}); pip install 'miad[dashboard]'"
        ) from error


def _section(section: Section) -> Any:  # noqa: ANN401
    panels = [_panel(panel) for panel in section.panels]
    return _extra("workspaces").Section(name=section.title, panels=panels, is_open=True)


def _placed(section: Section) -> list[Any]:
    """The panels of a section in lines, so that none covers another."""
    layout, panels = _extra("reports.v2").Layout, [_panel(panel) for panel in section.panels]
    for index, panel in enumerate(panels):
        line, column = divmod(index, _COLUMNS)
        panel.layout = layout(x=column * _WIDTH, y=line * _HEIGHT, w=_WIDTH, h=_HEIGHT)
    return panels


def _panel(panel: Panel) -> Any:  # noqa: ANN401
    reports = _extra("reports.v2")
    names = list(panel.names)
    if panel.kind == "lines":
        return reports.LinePlot(title=panel.title, x=panel.over, y=names)
    if panel.kind == "bars":
        return reports.BarPlot(title=panel.title, metrics=names)
    if panel.kind == "points":
        x, y = (reports.SummaryMetric(name) for name in names)
        return reports.ScatterPlot(title=panel.title, x=x, y=y)
    if panel.kind == "chart":
        return _chart(panel)
    return (
        reports.MediaBrowser(title=panel.title, media_keys=names) if names else reports.RunComparer(diff_only="split")
    )


def _chart(panel: Panel) -> Any:  # noqa: ANN401
    """One of W&B's own charts over the table that a run logged for it."""
    (name,) = panel.names
    chart, fields = next(found for part, found in _CHARTS.items() if part in name.split("/"))
    return _extra("reports.v2").CustomChart(
        query={"summaryTable": {"tableKey": f"{name}_table"}},
        chart_name=chart,
        chart_fields=fields,
        chart_strings={"title": panel.title},
    )


def _filter(section: Section) -> str:
    """The runs of a section's commands."""
    return f"JobType in [{', '.join(repr(job) for job in section.jobs)}]"
