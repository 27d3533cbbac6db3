"""Results as measures, tables and figures."""

from miad.evaluation.attack import attack_measures
from miad.evaluation.figures import contact_sheet
from miad.evaluation.tables import write_attack_table, write_predictions

__all__ = ["attack_measures", "contact_sheet", "write_attack_table", "write_predictions"]
