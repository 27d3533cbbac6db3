"""Tables fit the terminal that they are shown on, and are plain lines elsewhere."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from miad.commands import show
from miad.commands.show import aligned_lines, listed_lines, show_table

HEADER = ("target", "accuracy before", "accuracy after", "asr")
ROWS = [("resnet18", "1.000", "0.500", "0.250"), ("all [of] them", "0.900", "0.400", "0.125")]
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)


@pytest.fixture
def shown(monkeypatch, capsys):
    """A function that shows the table on a terminal of some width, or in a pipe, and returns its lines."""

    def run(width, *, terminal=True):
        make = lambda: Console(width=width, force_terminal=terminal, color_system=None)  # noqa: E731
        monkeypatch.setattr(show, "Console", make)
        show_table("runs/a [b] title that is longer than a narrow terminal", HEADER, ROWS)
        title, *lines = capsys.readouterr().out.splitlines()
        assert title == "runs/a [b] title that is longer than a narrow terminal"
        return lines

    return run


def test_a_wide_terminal_shows_a_frame_with_every_cell_whole(shown):
    lines = shown(80)
    assert lines[0].startswith("┏")
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines[3:5]] == [list(row) for row in ROWS]
    assert [cell.strip() for cell in lines[1].strip("┃").split("┃")] == list(HEADER)


def test_headers_fold_between_words_before_a_frame_is_given_up(shown):
    lines = shown(48)
    assert lines[0].startswith("┏")
    assert max(map(len, lines)) <= 48
    header = [line.strip("┃").split("┃") for line in lines if line.startswith("┃")]
    assert [" ".join(" ".join(part).split()) for part in zip(*header, strict=True)] == list(HEADER)


@pytest.mark.parametrize("width", [20, 30, 40])
def test_a_narrow_terminal_shows_a_line_a_cell(shown, width):
    assert shown(width) == [
        "resnet18",
        "  accuracy before  1.000",
        "  accuracy after   0.500",
        "  asr              0.250",
        "all [of] them",
        "  accuracy before  0.900",
        "  accuracy after   0.400",
        "  asr              0.125",
    ]


@pytest.mark.parametrize("width", [20, 80])
def test_a_pipe_gets_a_line_a_row_whatever_the_width(shown, width):
    assert shown(width, terminal=False) == [
        "target         accuracy before  accuracy after    asr",
        "resnet18                 1.000           0.500  0.250",
        "all [of] them            0.900           0.400  0.125",
    ]


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=4)))
@example([["\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}"]])  # no wider than nothing
def test_columns_stand_below_each_other(rows):
    lines = aligned_lines(rows)
    assert len(lines) == len(rows)
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for line, row in zip(lines, rows, strict=True):
        assert "".join(line.split()) == "".join(row)
        assert row[-1] == "" or len(row) == 1 or cell_len(line) == sum(widths) + 2 * (len(widths) - 1)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=4))
def test_a_list_has_every_cell_beside_its_column_s_name(rows):
    lines = listed_lines(("a", "b", "long name"), rows)
    assert [line[13:] if index % 3 else line for index, line in enumerate(lines)] == [
        cell for row in rows for cell in row
    ]
    assert {line[:13].strip() for line in lines[1::3]} <= {"b"}
    assert {line[:13].strip() for line in lines[2::3]} <= {"long name"}
