"""A report with everything that a report can have, and what is hard to show."""

from io import BytesIO
from math import inf, nan

import pytest
from PIL import Image

from miad.evaluation.report import Column, Figure, Report, Section, Table

EVIL = '<script>alert("x")</script> & co'


def svg(colour):
    """Two pictures that use the same ids, as matplotlib's do."""
    return (
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><defs><linearGradient '
        f'id="p1"><stop stop-color="{colour}"/></linearGradient></defs><rect fill="url(#p1)" width="9" height="9"/>'
        "</svg>"
    ).encode()


def png():
    file = BytesIO()
    Image.new("RGB", (12, 8), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def report():
    columns = (
        Column("classifier", "classifier"),
        Column("accuracy_after", "accuracy after", digits=3),
        Column("paper_accuracy", "accuracy after", digits=2, paper=True),
        Column("psnr", "PSNR", "dB", digits=1),
        Column("images", "images", digits=0),
        Column("kept", "kept"),
    )
    rows = (
        (EVIL, 0.12345, 0.5, -0.04, 60, True),
        ("resnet_50 100%", None, None, inf, None, False),
        ("vgg16 $x^2$ {a}~b\\c #1", nan, 0.25, -21.26, 0, None),
    )
    first = Table("accuracy", "Accuracy of <all>", columns, rows, "On 60 images & no more.", "MIAD-MARK, Figure 2b")
    measures = (("queries", 12.345, 9.0), ("SSIM", 0.98765, None))
    run = (Column("measure", "measure"), Column("a", "run a", digits=2), Column("b", "run b", digits=2))
    second = Table(
        "by_row", "Rows of their own", run, measures, row_digits=(1, None), marks={(0, 2): "best", (1, 1): "differs"}
    )
    pictures = (
        Figure("bars", "Bars", svg("red"), f"two bars {EVIL}", "In red."),
        Figure("lines", "Lines", svg("blue"), "two lines"),
        Figure("photo", "Photograph", png(), "a red square"),
    )
    sections = (
        Section("Attack", ("Words <b>before</b>.", "More words."), (first, pictures[0])),
        Section(f"Removal {EVIL}", (), (pictures[1], second, pictures[2])),
        Section("Words alone", ("Nothing else.",)),
    )
    return Report(f"Report {EVIL}", ("Summary first.", "Then more."), sections, {"seed": "2023", "made by": EVIL})
