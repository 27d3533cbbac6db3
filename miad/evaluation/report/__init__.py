"""Reports: tables and figures of one or more runs as one page, CSV and LaTeX."""

from miad.evaluation.report.compare import compare_runs
from miad.evaluation.report.document import Column, Figure, Mark, Report, Section, Table, Value
from miad.evaluation.report.write import write_report

__all__ = ["Column", "Figure", "Mark", "Report", "Section", "Table", "Value", "compare_runs", "write_report"]
