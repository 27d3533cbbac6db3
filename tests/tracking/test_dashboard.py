"""The dashboard is what wandb-workspaces takes, shows what runs log, and fails in one line."""

import json
import sys

import pytest
import wandb

from miad.cli import main
from miad.tracking.dashboard import build_report, build_workspace
from miad.tracking.sections import SECTIONS, names_of

spaces = pytest.importorskip("wandb_workspaces.workspaces")
reports = pytest.importorskip("wandb_workspaces.reports.v2")
internal = pytest.importorskip("wandb_workspaces.workspaces.internal")
report_internal = pytest.importorskip("wandb_workspaces.reports.v2.internal")

KEY = "0123456789abcdef0123456789abcdef01234567"
CLOSED, SILENT = "http://127.0.0.1:9", "a server that never says a word"


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def call(*words):
    with pytest.raises(SystemExit) as stop:
        main(["dashboard", *words])
    return stop.value.code


def strings(tree):
    """Every word in a tree of plain values."""
    if isinstance(tree, str):
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from strings(part)


def without_comments(tree):
    """The same without the empty lists of comments that reading puts beside every word."""
    if isinstance(tree, list):
        return [without_comments(part) for part in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: without_comments(part) for name, part in tree.items() if (name, part) != ("inlineComments", [])}


@pytest.fixture
def offline(monkeypatch):
    """Whatever asks the network is found out."""

    def refuse(*_, **__):
        raise AssertionError("asked the network")

    monkeypatch.setattr(wandb, "Api", refuse)


@pytest.fixture
def written(tmp_path, offline, capsys):
    """The model as the command writes it."""
    assert call("--entity", "clinic", "--dry_run", "--json", str(tmp_path / "model.json")) == 0
    return json.loads((tmp_path / "model.json").read_text())


def test_the_workspace_survives_its_own_schema_and_back(offline):
    model = build_workspace("clinic", "miad")._to_model()
    again = internal.WorkspaceViewspec.model_validate_json(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    assert plain(again) == plain(model.spec)
    back = spaces.Workspace._from_model(model)
    assert plain(back._to_model()) == plain(model)
    assert (back.entity, back.project) == ("clinic", "miad")


def test_the_report_survives_its_own_schema_and_back(offline):
    model = build_report("clinic", "miad")._to_model()
    again = report_internal.Spec.model_validate_json(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    assert without_comments(plain(again)) == plain(model.spec)
    back = reports.Report._from_model(model)
    assert [type(block) for block in back.blocks] == [type(block) for block in build_report("clinic", "miad").blocks]
    assert plain(back._to_model())["spec"]["blocks"] == plain(model)["spec"]["blocks"]


def test_the_file_has_every_section_with_every_panel(written):
    sections = written["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == [section.title for section in SECTIONS]
    for section, wanted in zip(sections, SECTIONS, strict=True):
        assert len(section["panels"]) == len(wanted.panels) > 0
        found = " ".join(strings(section["panels"]))
        assert all(name in found for name in names_of(wanted))


def test_the_report_has_a_grid_for_every_section_over_the_runs_of_its_commands():
    grids = [block for block in build_report("clinic", "miad").blocks if isinstance(block, reports.PanelGrid)]
    assert len(grids) == len(SECTIONS)
    for grid, section in zip(grids, SECTIONS, strict=True):
        (runs,) = grid.runsets
        assert (runs.entity, runs.project) == ("", "")  # the report's own, which is not looked up
        filters = json.dumps(plain(runs._to_model()))
        assert "jobType" in filters
        assert all(json.dumps(job) in filters for job in section.jobs)


def test_no_panel_of_the_report_covers_another():
    for block in build_report("clinic", "miad").blocks:
        if isinstance(block, reports.PanelGrid):
            taken = [
                (x, y)
                for layout in (panel.layout for panel in block.panels)
                for x in range(layout.x, layout.x + layout.w)
                for y in range(layout.y, layout.y + layout.h)
            ]
            assert len(taken) == len(set(taken))
            assert max(x for x, _ in taken) < 24


def test_lines_are_drawn_over_what_they_count_as_steps(written):
    panels = [
        panel
        for section in written["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
        for panel in section["panels"]
        if panel["viewType"] == "Run History Line Plot"
    ]
    assert panels
    for panel in panels:
        progress = panel["config"]["metrics"][0].startswith("progress/")
        assert panel["config"]["xAxis"] == ("progress/images" if progress else "trainer/global_step")


@pytest.mark.parametrize("words", [["--dry_run", "--entity", "clinic"], []], ids=["dry_run", "no entity"])
def test_what_would_be_made_is_printed_and_nothing_is_sent(words, offline, capsys):
    assert call(*words) == 0
    out = capsys.readouterr().out
    assert ("clinic/miad" if words else "ENTITY/miad") in out
    assert all(section.title in out for section in SECTIONS)


@pytest.mark.parametrize("module", ["wandb_workspaces", "wandb_workspaces.workspaces"])
def test_a_missing_extra_is_one_line(module, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "wandb_workspaces.reports.v2")
    assert call("--json", str(tmp_path / "model.json")) == 2
    err = capsys.readouterr().err
    assert "pip install 'miad[dashboard]'" in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def unknown_place(tmp_path, monkeypatch):
    """Nothing of W&B's own is there."""
    monkeypatch.setattr("miad.tracking.dashboard._PATIENCE", 1.0)
    wandb.teardown()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield
    wandb.teardown()


@pytest.mark.parametrize(
    ("server", "key", "reason"),
    [
        (CLOSED, KEY, "no answer from 127.0.0.1"),
        ("http://nowhere.invalid", KEY, "no answer from nowhere.invalid"),
        (SILENT, "", "API key"),
        (SILENT, "short", "API key"),
        (SILENT, KEY, ""),
    ],
)
def test_no_key_and_no_server_are_one_line_beside_what_would_be_made(
    server, key, reason, unknown_place, silent_server, monkeypatch, capsys
):
    monkeypatch.setenv("WANDB_BASE_URL", silent_server if server == SILENT else server)
    monkeypatch.setenv("WANDB_API_KEY", key)
    assert call("--entity", "clinic") == 2
    out, err = capsys.readouterr()
    assert err.startswith("miad: error: expected a W&B server and a key ('wandb login'), found none that works (")
    assert reason in err
    assert err.count("\n") == 1
    assert "clinic/miad" in out
    assert all(section.title in out for section in SECTIONS)


@pytest.mark.parametrize("words", [["--project", ""], ["--entity", "a/b"], ["--project", "a/b"]])
def test_names_that_are_none_are_refused(words, capsys):
    assert call(*words) == 2
    assert "expected plain names of a W&B entity and project" in capsys.readouterr().err
