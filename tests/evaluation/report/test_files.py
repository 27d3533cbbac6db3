"""Tables and figures on their own: CSV that reads back equal, LaTeX that compiles."""

import csv
import shutil
import string
import subprocess
from dataclasses import replace
from io import StringIO
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import InputError, RunError
from miad.evaluation.report import Column, Figure, Report, Section, Table, write_report
from miad.evaluation.report.latex import escape_latex, to_latex
from miad.evaluation.report.tabular import to_csv

from .conftest import png


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def of(table):
    return Report("R", (), (Section("S", (), (table,)),))


def test_everything_is_written_where_it_is_promised(report, tmp_path):
    page = write_report(report, tmp_path / "deep" / "report")
    assert page == tmp_path / "deep" / "report" / "report.html"
    names = {f"tables/{name}.{kind}" for name in ("accuracy", "by_row") for kind in ("csv", "tex")}
    names |= {"figures/bars.svg", "figures/lines.svg", "figures/photo.png", "report.html"}
    found = files(page.parent)
    assert found.keys() == names
    assert found["figures/photo.png"] == png()


def test_the_same_report_gives_the_same_bytes(report, tmp_path):
    write_report(report, tmp_path / "a")
    write_report(report, tmp_path / "b")
    write_report(report, tmp_path / "b")  # once more over the first
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_a_csv_reads_back_equal(report, tmp_path):
    write_report(report, tmp_path)
    for table in report.tables:
        with (tmp_path / "tables" / f"{table.name}.csv").open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == [column.name for column in table.columns]
        assert_equal(rows, table.rows)


def assert_equal(read, rows):
    assert len(read) == len(rows)
    for texts, values in zip(read, rows, strict=True):
        for text, value in zip(texts, values, strict=True):
            if value is None or (isinstance(value, float) and isnan(value)):
                assert text == ""
            else:
                assert (float(text) == value) if isinstance(value, float) else (text == str(value))


VALUES = st.none() | st.floats() | st.integers() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5))
def test_any_table_reads_back_equal(rows):
    table = Table("t", "T", (Column("a", "a"), Column("b", "b")), tuple(rows))
    header, *read = csv.reader(StringIO(to_csv(table), newline=""))
    assert header == ["a", "b"]
    assert_equal(read, rows)


def test_latex_has_rules_alignment_and_escapes(report):
    text = to_latex(report.tables[0])
    lines = text.splitlines()
    assert r"\begin{tabular}{lrrrrl}" in lines
    assert [lines.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{tabular}")] == [1] * 4
    assert r"classifier & accuracy after & \textit{accuracy after} & PSNR (dB) & images & kept \\" in lines
    assert r"resnet\_50 100\% & -- & -- & \ensuremath{\infty} & -- & no \\" in lines
    assert (
        r"vgg16 \$x\textasciicircum{}2\$ \{a\}\textasciitilde{}b\textbackslash{}c \#1 & -- & 0.25 & "
        r"\ensuremath{-}21.3 & 0 & -- \\"
    ) in lines
    assert r"\textless{}script\textgreater{}" in text
    assert r"\& co" in text
    assert r"queries & 12.3 & \textbf{9.0} \\" in to_latex(report.tables[1]).splitlines()


def test_a_comment_can_not_break_out():
    table = Table("t", "one\ntwo", (Column("a", "a"),), (("x",),), "note\n\\input{/etc/passwd}")
    comments = [line for line in to_latex(table).splitlines() if line.startswith("%")]
    assert comments == ["% one two", r"% note \input{/etc/passwd}"]


def test_what_looks_like_an_argument_or_a_dash_is_text():
    table = Table("t", "T", (Column("a", "[a]"),), (("[x]",), ("*",), ("a--b---c",)))
    lines = to_latex(table).splitlines()
    assert r"{}[a] \\" in lines
    assert r"{}[x] \\" in lines
    assert r"{}* \\" in lines
    assert r"a-{}-b-{}-{}-c \\" in lines


@given(st.text(string.printable))
def test_no_special_character_stays_bare(text):
    bare = escape_latex(text)
    for word in ("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"):
        bare = bare.replace(f"\\{word}{{}}", "")
    for character in "&%$#_{}":
        bare = bare.replace("\\" + character, "")
    assert not set(bare.replace("-{}", "-")) & set('\\~^<>|&%$#_{}\n"')


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(report, tmp_path):
    tables = "\n\n".join(to_latex(table) for table in report.tables)
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n" + tables + "\\end{document}\n"
    (tmp_path / "t.tex").write_text(text, encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    done = subprocess.run(words, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ((Table("a", "", (), ()), Table("A", "", (), ())), "different names, found 'a' twice"),
        ((Table("../a", "", (), ()),), "plain words, found '../a'"),
        ((Table("", "", (), ()),), "plain words, found ''"),
        ((Table("a", "", (Column("x", "x"),), ((1, 2),)),), "1 entries in every row of table a, found 2"),
        ((Table("a", "", (Column("x", "x"),), ((1,),), row_digits=(1, 2)),), "decimals for 1 rows of table a, found 2"),
    ],
)
def test_what_can_not_be_written_is_refused_and_nothing_is(tables, message, tmp_path):
    with pytest.raises(InputError, match=message):
        write_report(Report("R", (), (Section("S", (), tables),)), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_figure_of_another_kind_is_refused_and_nothing_is_written(tmp_path):
    figure = Figure("f", "F", b"%PDF-1.7", "t")
    with pytest.raises(InputError, match="SVG or PNG"):
        write_report(Report("R", (), (Section("S", (), (figure,)),)), tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_file_in_the_way_is_named(report, tmp_path):
    (tmp_path / "report").write_text("mine")
    with pytest.raises(RunError, match="can not be written"):
        write_report(report, tmp_path / "report")
    assert (tmp_path / "report").read_text() == "mine"


def test_an_older_page_is_replaced(report, tmp_path):
    write_report(report, tmp_path)
    page = write_report(replace(report, title="Newer"), tmp_path)
    assert "<h1>Newer</h1>" in page.read_text()
