"""W&B and CSV: where a run's numbers and pictures go."""

from miad.tracking.loggers import WandbMode, run_loggers
from miad.tracking.measures import publish_measures

__all__ = ["WandbMode", "publish_measures", "run_loggers"]
