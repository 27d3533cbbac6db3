"""What the papers report, as data: every number that their text or tables give, with its source."""

from miad.evaluation.papers.numbers import Paper, PaperName, PaperNumber, alike, read_paper

__all__ = ["Paper", "PaperName", "PaperNumber", "alike", "read_paper"]
