"""Tables as CSV."""

import csv
from io import StringIO

from miad.evaluation.report.document import Table
from miad.evaluation.report.entries import is_missing


def to_csv(table: Table) -> str:
    """The table with the columns' plain names, in full precision; what is missing is empty."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    writer.writerows([None if is_missing(value) else value for value in row] for row in table.rows)
    return text.getvalue()
