"""miad: visible logos that people read past and diagnostic classifiers do not."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from miad.keys import Key
    from miad.targets import Target
    from miad.tasks import Protected, protect, recover

__version__ = "0.1.0"
__all__ = ["Key", "Protected", "Target", "__version__", "protect", "recover"]

_PACKAGES = {"Key": "keys", "Target": "targets", "Protected": "tasks", "protect": "tasks", "recover": "tasks"}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attribute)
    """What is offered here is imported when it is asked for: the command line must not wait for torch."""
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PACKAGES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
