"""An argument parser for typed functions: bare flags, linked options, one-line errors."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from inspect import isabstract
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionYesNo, ArgumentError, ArgumentParser, set_parsing_settings

from miad.cli.words import SEARCH_WORDS


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
        if "data" in names and "model.kinds" in names:
            self.link_arguments("data", "model.kinds", compute_fn=_kinds, apply_on="instantiate")

    def required_options(self) -> list[str]:
        """The options that must be given, as they are typed."""
        required = (action for action in self._actions if action.required and action.option_strings)
        return [f"{action.option_strings[0]} {action.dest.rpartition('.')[2].upper()}" for action in required]


def _classes(data: Any) -> list[str]:  # noqa: ANN401  (any data module)
    return list(data.classes)


def _kinds(data: Any) -> list[str]:  # noqa: ANN401
    return list(data.kinds)


_VALUES = {"compare": "folders of runs (runs/a runs/b, or runs/*)"}
"""What options take, where it is not plain; by their names."""
_CHOICE = re.compile(r'key "([\w.]+)".*Expected a typing\.Literal\[([^]]+)\]\. Got value: (\S+)', re.DOTALL)
_CHOSEN = re.compile(r'key "([\w.]+)".*class_path .(?:\w+\.)*(\w+).:\s+(.*)', re.DOTALL)


def explain(parser: ArgumentParser, error: Exception) -> str:
    """The gist of jsonargparse's message in one line, with the nearest right word where a word is wrong."""
    text = str(error)
    if loop := re.search(r'key "([\w.]+)".*file loop detected: (\S+) -> \2', text, re.DOTALL):
        text = _file_error(parser, loop[1], Path(loop[2])) or text
    if bare := re.search(r"argument --([\w.]+)\S*: expected (?:at least )?one argument", text):
        return f"--{bare[1]} expects {_VALUES.get(bare[1], 'a value')}, found none"
    if unknown := re.search(r"nrecognized arguments: (--[\w.]+)", text):
        return _wrong_option(parser, unknown[1])
    if wrong := re.search(r'key "([\w.]+)".*dot import path string: (\S+)', text, re.DOTALL):
        return _wrong_class(parser, wrong[1], wrong[2])
    if absent := re.search(r'key "([\w.]+)".*Expected a path but (\S+) either not accessible', text, re.DOTALL):
        return f"--{absent[1]}: expected a YAML file, found no readable file {absent[2]}"
    if choice := _CHOICE.search(text):
        return f"--{choice[1]} expects one of {choice[2].replace(chr(39), '')}, found {choice[3]}"
    if chosen := _CHOSEN.search(text):
        return _wrong_argument(chosen[1], chosen[2], chosen[3]) or _one_line(text)
    return _one_line(text)


def _wrong_argument(key: str, name: str, text: str) -> str:
    """What is wrong with the options of a class that was chosen; nothing where it is something else."""
    if refused := re.search(r"Option '(\w+)' is not accepted", text):
        return f"--{key} {name} has no option {refused[1]}; see --{key}.help {name}"
    if wanted := re.search(r"following arguments are required: (\w+)", text):
        return f"--{key} {name} needs --{key}.{wanted[1]}"
    return ""


def _one_line(text: str) -> str:
    lines = [line.strip(" -") for line in text.splitlines() if line.strip()]
    return re.sub(r"\s+", " ", " ".join(lines[:4]))


def _file_error(parser: ArgumentParser, key: str, path: Path) -> str:
    """What is wrong in a YAML file; jsonargparse takes its values for a path and says that the file names itself."""
    try:
        parser.parse_object({key: yaml.safe_load(path.read_text(encoding="utf-8"))})
    except (ArgumentError, OSError, yaml.YAMLError) as error:
        return f"{path}: {error}"
    return ""


def _wrong_option(parser: ArgumentParser, option: str) -> str:
    known = [name for action in parser._actions for name in action.option_strings]
    negated = f"--no_{option.strip('-').replace('no_', '', 1)}"
    close = [negated] if negated in known else get_close_matches(option, known, n=1)
    return f"there is no option {option}" + (f"; did you mean {close[0]}?" if close else "")


def _subclasses(base: type) -> Iterator[type]:
    """All that can be chosen, however deep."""
    own: list[type] = type.__subclasses__(base)
    for subclass in own:
        yield from _subclasses(subclass)
        if not (isabstract(subclass) or subclass.__name__.startswith("_")):
            yield subclass


def _wrong_class(parser: ArgumentParser, key: str, name: str) -> str:
    if key == "search":
        close = get_close_matches(name, SEARCH_WORDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return (
            f"--search expects {', '.join(SEARCH_WORDS)}, a class of miad.search or a YAML file, found {name!r}{hint}"
        )
    bases = [getattr(action, "_typehint", object) for action in parser._actions if action.dest == key]
    known = sorted(subclass.__name__ for base in bases for subclass in _subclasses(base))
    close = get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    paths = "a folder of images, a CSV file, " if key == "data" else ""
    return f"--{key} expects {paths}{' or '.join(known)}, or a YAML file, found {name!r}{hint}"
