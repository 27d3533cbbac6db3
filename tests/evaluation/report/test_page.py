"""The page holds the report's every word and number, escaped, and asks nothing of any network."""

import re
from dataclasses import replace

import pytest

from miad.errors import InputError
from miad.evaluation.report import Column, Figure, Report, Section, Table
from miad.evaluation.report.page import render_page

from .conftest import EVIL, png, svg
from .reading import Page, body


@pytest.fixture
def page(report):
    return Page(render_page(report))


def test_words_come_in_order_and_once(page, report):
    assert page.headings[0] == ["h1", report.title]
    titles = [section.title for section in report.sections]
    assert [text for level, text in page.headings[1:]] == ["Contents", *titles, "Method, settings and versions"]
    paragraphs = [text for text in page.texts["p"] if text]
    assert paragraphs[:2] == ["Summary first.", "Then more."]
    assert {"Words <b>before</b>.", "More words.", "Nothing else."} <= set(paragraphs)
    assert page.texts["dd"][-2:] == ["2023", EVIL]


def test_contents_lead_to_every_section(page, report):
    links = [address.removeprefix("#") for address in page.values("a", "href") if address.startswith("#section")]
    ids = [attributes.get("id") for tag, attributes in page.tags if tag == "h2"]
    assert len(links) == len(report.sections)
    assert set(links) <= set(ids)


def test_every_number_is_there_with_its_digits(page):
    minus, infinity = "\N{MINUS SIGN}", "\N{INFINITY}"
    assert body(page.tables[0]) == [
        [EVIL, "0.123", "0.50", "0.0", "60", "yes"],  # what rounds to zero has no sign
        ["resnet_50 100%", "missing", "not given", infinity, "missing", "no"],
        ["vgg16 $x^2$ {a}~b\\c #1", "missing", "0.25", f"{minus}21.3", "0", "missing"],
    ]
    assert body(page.tables[1]) == [["queries", "12.3", "9.0"], ["SSIM", "0.99", "missing"]]
    assert [cell["text"] for cell in page.tables[0]["rows"][0]][3] == "PSNR (dB)"


def test_what_is_missing_is_marked_and_explained(page):
    missing = [cell for table in page.tables for row in table["rows"] for cell in row if "missing" in cell["classes"]]
    assert len(missing) == 6
    assert {cell["text"] for cell in missing} == {"missing", "not given"}
    assert all(cell["text"] == "not given" for cell in missing if "paper" in cell["classes"])
    assert "not computed or not recorded; never zero" in page.texts["dd"]


def test_legends_stand_only_where_they_are_needed(page):
    table = Table("t", "T", (Column("a", "a"), Column("b", "b")), (("x", 1.0),))
    bare = Page(render_page(Report("R", (), (Section("S", (), (table,)),))))
    assert {"best", "differs", "paper", "missing"} & set(_classes(page)) >= {"best", "paper"}
    assert not {"legend", "best", "differs", "paper", "missing"} & set(_classes(bare))


def _classes(page):
    return [name for _, attributes in page.tags for name in (attributes.get("class") or "").split()]


def test_a_paper_s_numbers_are_set_apart(page):
    for row in page.tables[0]["rows"]:
        assert ["paper" in cell["classes"] for cell in row] == [False, False, True, False, False, False]
    heads = [cell["text"].split() for cell in page.tables[0]["rows"][0]]
    assert heads[1:3] == [["accuracy", "after"], ["accuracy", "after", "paper"]]  # in words, too


def test_marks_are_seen_and_heard(page):
    queries, ssim = page.tables[1]["rows"][1:]
    assert "best" in queries[2]["classes"]
    assert "best" in queries[2]["aloud"]
    assert "differs" in ssim[1]["classes"]
    assert "differs" in ssim[1]["aloud"]
    assert sum(bool(cell["aloud"]) for table in page.tables for row in table["rows"] for cell in row) == 2


def test_tables_are_tables_to_screen_readers(page):
    assert [table["caption"] for table in page.tables] == ["Table 1. Accuracy of <all>", "Table 2. Rows of their own"]
    for table in page.tables:
        head, *rows = table["rows"]
        assert {(cell["tag"], cell["scope"]) for cell in head} == {("th", "col")}
        for row in rows:
            assert (row[0]["tag"], row[0]["scope"]) == ("th", "row")
            assert {cell["tag"] for cell in row[1:]} == {"td"}
    assert page.values("html", "lang") == ["en"]


def test_notes_and_sources_stand_under_their_tables(page):
    text = " ".join(page.texts["p"])
    assert "On 60 images & no more." in text
    assert "MIAD-MARK, Figure 2b" in text


def test_pictures_are_inside_with_words_for_those_who_do_not_see_them(page, report):
    assert page.pictures == [(figure.data, figure.text) for figure in report.figures]


def test_ids_are_unique_though_pictures_share_theirs(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert "p1" not in ids
    assert "<svg" not in page.source


def test_nothing_is_fetched(page):
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"https?:|//\w|@import|fetch\(|XMLHttpRequest|import\(", page.css + page.scripts)
    assert not {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "base", "form", "svg"}
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_names_can_not_become_code(page):
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "alert" not in page.scripts
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_a_quote_in_a_picture_s_words_stays_there(report):
    figure = Figure("f", "F", png(), 'a "b" onload="x')
    read = Page(render_page(Report("R", (), (Section("S", (), (figure,)),))))
    assert read.pictures[0][1] == figure.text


def test_every_table_can_be_taken_along_from_the_page_alone(page):
    files = [attributes for tag, attributes in page.tags if tag == "a" and "download" in attributes]
    assert [one["download"] for one in files] == ["accuracy.csv", "accuracy.tex", "by_row.csv", "by_row.tex"]


def test_a_report_of_nothing_but_words_reads(report):
    read = Page(render_page(replace(report, sections=(), facts={})))
    assert [text for _, text in read.headings] == [report.title, "Contents"]


def test_equal_reports_give_equal_pages(report):
    assert render_page(report) == render_page(replace(report))


def test_a_picture_of_another_kind_is_refused():
    figure = Figure("f", "F", b"GIF89a...", "t")
    with pytest.raises(InputError, match="SVG or PNG, found data that begin with b'GIF89a"):
        render_page(Report("R", (), (Section("S", (), (figure,)),)))


def test_page_source_of_pictures_is_whole():
    read = Page(render_page(Report("R", (), (Section("S", (), (Figure("f", "F", svg("red"), "t"),)),))))
    assert read.values("img", "src")[0].startswith("data:image/svg+xml;base64,")
