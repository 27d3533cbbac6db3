"""The calls that made a run, as its folder keeps them."""

import json
import os
from datetime import UTC, datetime

import pytest

from miad.errors import RunError
from miad.evaluation.calls import CALLS, begin_call, end_call, note_facts, read_calls, withdraw_call


def note(folder, calls):
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / CALLS).write_text(json.dumps(calls))


def touch(path, moment):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (moment.timestamp(),) * 2)


def test_a_call_is_noted_when_it_begins_and_when_it_ends(tmp_path):
    before = datetime.now(UTC).replace(microsecond=0)
    begin_call(tmp_path, read_calls(tmp_path), {"torch": "1"})
    note_facts(tmp_path, {"precision": "bf16-mixed"})
    end_call(tmp_path, 12.5)
    (call,) = read_calls(tmp_path)
    assert before <= call.moment <= datetime.now(UTC)
    assert (call.seconds, call.facts) == (12.5, {"torch": "1", "precision": "bf16-mixed"})


def test_a_further_call_leaves_the_earlier_ones_as_they_are(tmp_path):
    for seconds, version in ((10.0, "1"), (20.0, "2")):
        begin_call(tmp_path, read_calls(tmp_path), {"torch": version})
        end_call(tmp_path, seconds)
    assert [(call.seconds, call.facts["torch"]) for call in read_calls(tmp_path)] == [(10.0, "1"), (20.0, "2")]


def test_a_call_that_did_nothing_is_withdrawn(tmp_path):
    begin_call(tmp_path, read_calls(tmp_path), {"torch": "1"})
    end_call(tmp_path, 10.0)
    begin_call(tmp_path, read_calls(tmp_path), {"torch": "2"})
    withdraw_call(tmp_path)
    assert [call.facts["torch"] for call in read_calls(tmp_path)] == ["1"]


def test_a_call_that_was_cut_off_counts_to_the_last_file_that_it_wrote(tmp_path):
    note(tmp_path, [{"start": "2026-01-01T00:00:00+00:00", "seconds": None, "facts": {}}])
    old = datetime(2025, 1, 1, tzinfo=UTC)
    os.utime(tmp_path / CALLS, (old.timestamp(),) * 2)
    touch(tmp_path / "marked" / "1.png", datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC))
    touch(tmp_path / "marked" / "0.png", datetime(2026, 1, 1, 0, 1, tzinfo=UTC))
    for name in ("lock", "config.yaml"):  # written by whoever goes on
        touch(tmp_path / name, datetime(2026, 2, 1, tzinfo=UTC))
    assert [call.seconds for call in read_calls(tmp_path)] == [90.0]
    begin_call(tmp_path, read_calls(tmp_path), {})
    end_call(tmp_path, 5.0)
    assert [call.seconds for call in read_calls(tmp_path)] == [90.0, 5.0]


def test_a_call_that_wrote_nothing_took_no_time(tmp_path):
    note(tmp_path, [{"start": "2999-01-01T00:00:00+00:00", "seconds": None, "facts": {}}])
    assert [call.seconds for call in read_calls(tmp_path)] == [0.0]


def test_what_is_noted_before_a_call_begins_is_refused(tmp_path):
    begin_call(tmp_path, read_calls(tmp_path), {})
    end_call(tmp_path, 5.0)
    for work in (lambda: end_call(tmp_path, 7.0), lambda: withdraw_call(tmp_path), lambda: note_facts(tmp_path, {})):
        with pytest.raises(RunError, match="a call that has not ended, found none"):
            work()
    assert [call.seconds for call in read_calls(tmp_path)] == [5.0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[{",
        "7",
        "{}x",
        "[7]",
        "[{}]",
        '[{"start": "yesterday", "seconds": 1, "facts": {}}]',
        '[{"start": 5, "seconds": 1, "facts": {}}]',
        '[{"start": "2026-01-01T00:00:00+00:00", "seconds": "x", "facts": {}}]',
        '[{"start": "2026-01-01T00:00:00+00:00", "seconds": 1, "facts": []}]',
        "\x00\x01",
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "logs").mkdir()
    (tmp_path / CALLS).write_text(text)
    with pytest.raises(RunError, match=r"\Alogs/machine.json: expected the calls of a run, found another file\Z"):
        read_calls(tmp_path)


def test_a_folder_without_notes_tells_of_no_call(tmp_path):
    assert read_calls(tmp_path) == ()
