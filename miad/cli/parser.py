"""An argument parser for typed functions: bare flags, linked options, one-line errors."""

import re
from typing import Any

from jsonargparse import ActionYesNo, ArgumentParser, set_parsing_settings


def _is_task(class_type: type) -> bool:
    from lightning import LightningModule

    return issubclass(class_type, LightningModule)


# A task is one class with options (--model.lr); data sets and searches are chosen among classes (--data Table).
set_parsing_settings(subclasses_disabled=[_is_task])


class Parser(ArgumentParser):
    """jsonargparse's parser with booleans as flags (``--ensemble``, ``--no_ensemble``)."""

    def add_argument(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  (argparse's own signature)
        """Add an argument; a boolean becomes a flag that needs no value."""
        if kwargs.get("type") is bool and "action" not in kwargs:
            kwargs.pop("type")
            kwargs["action"] = ActionYesNo
            kwargs.setdefault("default", False)
        return super().add_argument(*args, **kwargs)

    def link_options(self) -> None:
        """Take what one option already says from there, so that nobody types it twice."""
        names = {action.dest for action in self._actions}
        if "data" in names and "model.classes" in names:
            self.link_arguments("data", "model.classes", compute_fn=_classes, apply_on="instantiate")


def _classes(data: Any) -> list[str]:  # noqa: ANN401  (any data module)
    return list(data.classes)


def one_line(error: Exception) -> str:
    """The gist of jsonargparse's message, which may run over many lines."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", " ".join(lines[:3]))
