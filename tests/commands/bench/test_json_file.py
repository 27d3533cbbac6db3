"""Numbers as JSON: whole or not at all."""

import json
from dataclasses import dataclass

import pytest

from miad.commands.bench.json_file import write_json
from miad.errors import RunError


@dataclass(frozen=True)
class Row:
    rate: float | None


@dataclass(frozen=True)
class Table:
    name: str
    rows: list[Row]


def test_fields_have_their_names(tmp_path):
    write_json(tmp_path / "new" / "a.json", Table("a", [Row(1.5), Row(None)]))
    assert json.loads((tmp_path / "new" / "a.json").read_text()) == {
        "name": "a",
        "rows": [{"rate": 1.5}, {"rate": None}],
    }


def test_without_a_file_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json(None, Row(1))
    assert not list(tmp_path.iterdir())


def test_what_json_can_not_say_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", Row(float("nan")))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"a\.json: can not be written"):
        write_json(tmp_path / "file" / "a.json", Row(1))
