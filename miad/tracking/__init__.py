"""W&B and CSV: where a run's numbers and pictures go."""

from miad.tracking.loggers import WandbMode, close_loggers, run_loggers, without_folders
from miad.tracking.measures import publish_measures
from miad.tracking.pictures import log_figures, log_pictures

__all__ = [
    "WandbMode",
    "close_loggers",
    "log_figures",
    "log_pictures",
    "publish_measures",
    "run_loggers",
    "without_folders",
]
