"""Results as measures, tables and figures."""

from miad.evaluation.attack_measures import attack_measures
from miad.evaluation.attack_tables import write_attack_table, write_predictions
from miad.evaluation.classification import draw_classification, write_classification
from miad.evaluation.contact_sheet import contact_sheet
from miad.evaluation.csv_file import write_csv
from miad.evaluation.key_size import Host, Subject
from miad.evaluation.lesion_figures import draw_lesions
from miad.evaluation.picture_grid import Picture, draw_grid
from miad.evaluation.removal_figures import Album, draw_removal_matrix
from miad.evaluation.removal_study import EXACT, NOTHING, OWN, Attempt, Case, RemovalStudy
from miad.evaluation.removal_tables import Row, family_rows, removal_matrix
from miad.evaluation.remover_test import Cleaned, draw_removal, write_removal
from miad.evaluation.segmentation import (
    Segmented,
    draw_precision_recall,
    draw_segmentation,
    write_segmentation,
)
from miad.evaluation.transfer import SEEN, JudgedCell, MatrixRow, TransferRow, matrix_rows, transfer_rows, wide
from miad.evaluation.transfer_figures import draw_leave_one_out, draw_matrix

__all__ = [
    "EXACT",
    "NOTHING",
    "OWN",
    "SEEN",
    "Album",
    "Attempt",
    "Case",
    "Cleaned",
    "Host",
    "JudgedCell",
    "MatrixRow",
    "Picture",
    "RemovalStudy",
    "Row",
    "Segmented",
    "Subject",
    "TransferRow",
    "attack_measures",
    "contact_sheet",
    "draw_classification",
    "draw_grid",
    "draw_leave_one_out",
    "draw_lesions",
    "draw_matrix",
    "draw_precision_recall",
    "draw_removal",
    "draw_removal_matrix",
    "draw_segmentation",
    "family_rows",
    "matrix_rows",
    "removal_matrix",
    "transfer_rows",
    "wide",
    "write_attack_table",
    "write_classification",
    "write_csv",
    "write_predictions",
    "write_removal",
    "write_segmentation",
]
