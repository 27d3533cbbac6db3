"""W&B and CSV: where a run's numbers and pictures go."""

from miad.tracking.charts import log_attack, log_classification, log_precision_recall, log_table
from miad.tracking.dashboard import describe, model_of, save_dashboard
from miad.tracking.loggers import LONGEST_TAG, Labels, WandbMode, close_loggers, run_loggers, without_folders
from miad.tracking.measures import publish_measures
from miad.tracking.pictures import log_figures, log_pictures
from miad.tracking.throughput import Throughput

__all__ = [
    "LONGEST_TAG",
    "Labels",
    "Throughput",
    "WandbMode",
    "close_loggers",
    "describe",
    "log_attack",
    "log_classification",
    "log_figures",
    "log_pictures",
    "log_precision_recall",
    "log_table",
    "model_of",
    "publish_measures",
    "run_loggers",
    "save_dashboard",
    "without_folders",
]
