"""Parse one command's arguments into objects and call its function."""

import errno
import importlib
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, Namespace

from miad.cli.parser import Parser, explain
from miad.cli.words import COMMANDS, SEARCH_WORDS
from miad.errors import InputError, OptionError, RunError

_OUT_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def _quieten() -> None:
    """Keep the terminal for what the user needs: no advertisements, no warnings about code that is not his."""
    import logging
    import warnings

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Lightning 2.6 asks torch in a way that torch 2.15 deprecates (pytree).
    warnings.filterwarnings("ignore", message=".*treespec.*")
    # A run that goes on finds its own checkpoints.
    warnings.filterwarnings("ignore", message=".*Checkpoint directory .* exists and is not empty.*")
    # Two cores are not enough for loader processes beside a training process; the advice does not fit.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Where SLURM is installed but not used; a run that was started wrongly is refused.
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
    # What fine-tuning freezes is in evaluation mode on purpose.
    warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")


def execute(command: str, words: Sequence[str]) -> int:
    """Run a command; returns the exit code.

    Raises:
        MiadError: the arguments or what they name are wrong.
    """
    function = _load(COMMANDS[command].function)
    _quieten()  # after Lightning's import, which sets levels of its own
    parser = _parser(command, function)
    config = None
    try:
        config = _parse(parser, _shortcuts(words))
        _call(function, _instantiate(parser, config))
    except ArgumentError as error:
        raise InputError(f"{explain(parser, error)}; see 'miad {command} --help'") from error
    except OptionError as error:
        raise InputError(error.naming(_typed(error, config))) from error
    return 0


def _call(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    try:
        function(**arguments)
    except OSError as error:
        if error.errno in _OUT_OF_ROOM:
            raise RunError(f"{error.filename or 'output'}: {error.strerror}; nothing was left half-written") from error
        raise
    finally:
        if "run" in arguments:
            from miad.commands.run import release_folders

            release_folders()


def _typed(error: OptionError, config: Namespace | None) -> str:
    """How an option that is out of its range was typed; its plain name where several, or none, may be meant.

    A class checks its options by their own names; on the command line they have that of the class before them.
    """
    flat = {} if config is None else vars(config.as_flat())
    given = {f"--{key.replace('.init_args', '')}" for key, value in flat.items() if value == error.value}
    names = [name for name in given if name.strip("-").rpartition(".")[2] == error.option]
    return names[0] if len(names) == 1 else error.option


def _load(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _parser(command: str, function: Callable[..., Any]) -> Parser:
    parser = Parser(
        prog=f"miad {command}",
        description=inspect.getdoc(function).partition("Args:")[0].strip(),  # type: ignore[union-attr]
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="a YAML file with any of these options; may be repeated")
    parser.add_function_arguments(function, fail_untyped=False, sub_configs=True)
    parser.link_options()
    parser.usage = " ".join(["%(prog)s", *parser.required_options(), "[options]"])  # all of them would fill a screen
    return parser


_SHORT = ("--data=", "--search=", "--compare=")


def _shortcuts(words: Sequence[str]) -> list[str]:
    """``--data FILE.csv`` means a Table of that file, ``--data DIR`` a Folder; ``--search he`` the class that does it.

    ``--compare`` takes all words up to the next option, since the shell makes several of ``runs/*``.
    """
    out: list[str] = []
    compared: list[str] = []
    split = [part for word in words for part in (word.split("=", 1) if word.startswith(_SHORT) else [word])]
    for word in split:
        option = out[-1] if out else ""
        if compared or option == "--compare":
            if not word.startswith("-"):
                compared.append(word)
                out[-1:] = [json.dumps(compared)] if len(compared) > 1 else [option, json.dumps(compared)]
                continue
            compared = []
        if option == "--data" and word.lower().endswith(".csv"):
            out += ["Table", "--data.csv", word]
        elif option == "--data" and Path(word).is_dir():
            out += ["Folder", "--data.root", word]
        else:
            out += SEARCH_WORDS.get(word, (word,)) if option == "--search" else (word,)
    return out


def _parse(parser: Parser, words: Sequence[str]) -> Namespace:
    """Parse; a search that is named starts from its own defaults, not from those of the search that it replaces."""
    given = {word.partition("=")[0] for word in words}
    names = {action.dest for action in parser._actions}
    if "search" not in names or not {"--search", "--search.class_path", "--config"} & given:
        return parser.parse_args(words)
    default = parser.get_default("search")
    parser.set_defaults(search=None)
    try:
        # Printing ends the parsing, so whether a search is named is asked without.
        named = parser.parse_args([word for word in words if not word.startswith("--print_config")]).search is not None
    except ArgumentError:
        named = bool({"--search", "--search.class_path"} & given)
    if not named:
        parser.set_defaults(search=default)
    return parser.parse_args(words)


def _instantiate(parser: Parser, config: Namespace) -> dict[str, Any]:
    run = config.get("run")
    if run is not None and 0 <= run.seed < 2**32:  # a wrong seed is the run's to refuse
        from lightning import seed_everything  # takes seconds, which commands without a run need not wait for

        seed_everything(run.seed, workers=True, verbose=False)  # before any network is built
    objects = _objects(parser, config)
    objects.pop("config", None)
    if run is not None:
        objects.run.config = _plain(parser, config)
    return dict(vars(objects))


def _objects(parser: Parser, config: Namespace) -> Namespace:
    """The objects of a configuration; where an option may be of several types, jsonargparse wraps what one refuses.

    Raises:
        InputError: an object refuses what it is to be made of.
    """
    try:
        objects: Namespace = parser.instantiate(config)
        return objects
    except ValueError as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from error
        raise


def _plain(parser: Parser, config: Namespace) -> dict[str, Any]:
    import yaml

    plain: dict[str, Any] = yaml.safe_load(parser.dump(config, skip_unset=False, skip_link_targets=False))
    return plain
