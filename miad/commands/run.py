"""A run is a folder: its configuration, its results, its logs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from filelock import FileLock, Timeout
from lightning import Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CUDAAccelerator
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy

from miad.commands.processes import check_started, end_with_parent, is_first_process
from miad.commands.words import split_words
from miad.errors import InputError, OptionError, RunError, check_at_least
from miad.evaluation.calls import begin_call, end_call, note_facts, read_calls, withdraw_call
from miad.evaluation.machine import device_words, machine_facts
from miad.imaging import atomic_path, remove_drafts, write_failure
from miad.tracking import LONGEST_TAG, Labels, WandbMode, close_loggers, run_loggers

_FREE = {
    "config",
    "run.accelerator",
    "run.devices",
    "run.group",
    "run.num_nodes",
    "run.progress",
    "run.project",
    "run.tags",
    "run.wandb",
    "data.init_args.workers",
}
"""Options that change how a run is carried out, not what comes out of it; a resumed run may change them."""
_PATIENCE = timedelta(days=7)
"""For how long processes wait for each other: one reads all images first, and another may have a slower machine."""
_LOCK = "lock"
"""File in a run's folder while a process works in it."""
_HELD: dict[Path, "_Hold"] = {}
"""The folders that this process works in, by their locks."""


@dataclass(frozen=True)
class _Hold:
    """A folder that this process works in.

    Args:
        lock: keeps other processes out.
        since: when it was taken, by the clock of `time.perf_counter`.
    """

    lock: FileLock
    since: float


@dataclass
class Run:
    """Where a run writes, and on what it runs.

    Args:
        name: the run's folder below the root, and its name in W&B.
        root: folder of all runs.
        seed: the same seed gives the same results.
        accelerator: what to compute on; auto takes the best there is.
        devices: number of processes on each machine, each on a device of its own.
        num_nodes: number of machines; start the same command on each, by torchrun or SLURM, with one folder of runs.
        precision: Lightning's precision for training and search; verdicts are always float32. auto trains in mixed
            precision on a CUDA device and takes 32-true for everything else.
        wandb: offline writes files to sync later, online sends at once (without a key or a network the run says so and
            goes on offline), off leaves W&B out.
        project: W&B project.
        group: runs of one group stand together in W&B; by default those on one data set.
        tags: further tags in W&B, separated by commas, beside the data set, the network and the search.
        progress: show progress bars.
    """

    name: str
    root: Path = Path("runs")
    seed: int = 2023
    accelerator: Literal["auto", "cpu", "gpu", "mps", "tpu"] = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: Literal["auto", "32-true", "16-mixed", "bf16-mixed"] = "auto"
    wandb: WandbMode = "offline"
    project: str = "miad"
    group: str = ""
    tags: str = ""
    progress: bool = True
    config: dict[str, Any] | None = field(default=None, init=False, repr=False)
    """The whole configuration, set by the command line before the command runs."""
    labels: Labels = field(default=Labels(), init=False, repr=False)
    """By what W&B finds the run, set by the command."""
    quiet: bool = field(default=False, init=False, repr=False)
    """Whether the command keeps its closing table to itself; a caller then shows its own."""

    def __post_init__(self) -> None:
        """Refuse what no run can have.

        Raises:
            InputError: an option is out of its range, or names no folder.
        """
        check_at_least(1, devices=self.devices, num_nodes=self.num_nodes)
        check_at_least(0, seed=self.seed)
        if self.seed >= 2**32:
            raise OptionError("seed", "below 2^32", self.seed)
        check_started(self.devices, self.num_nodes)
        for tag in split_words(self.tags):
            if len(tag) > LONGEST_TAG:
                raise InputError(f"expected tags of at most {LONGEST_TAG} characters, found {tag!r}; shorten it")
        if not self.name or Path(self.name).name != self.name:
            raise InputError(f"expected a plain name for the run, found {self.name!r}; the folder goes into --run.root")

    def describe(self, command: str, data: object, *tags: str) -> None:
        """Say what the run is, so that W&B finds and compares it.

        Args:
            command: its type of job.
            data: the images; their class is a tag, and the group unless one was given.
            tags: further ones; empty ones are left out.
        """
        name = type(data).__name__
        chosen = dict.fromkeys(tag[:LONGEST_TAG] for tag in (name, *tags, *split_words(self.tags)) if tag)
        self.labels = Labels(command, self.group or name, tuple(chosen))

    @property
    def processes(self) -> int:
        """Processes that work on this run."""
        return self.devices * self.num_nodes

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.root / self.name

    def open(self, **inputs: str | dict[str, str]) -> Path:
        """Make the folder, or take up the same run's again; all but the first process leave that to it.

        Args:
            inputs: digests of what the run reads, or several by name; they are kept with the configuration, so that a
                run is not taken up with other images or weights than it began with.

        Raises:
            RunError: the folder holds a different run, or can not be written.
        """
        self._check_devices()
        if not is_first_process():
            return self.folder
        path = self.folder / "config.yaml"
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"{self.folder}: expected a run's folder or none, found a file; give another --run.name")
        config = {**(self.config or {}), "inputs": inputs}
        if path.exists():
            self._check_same(path, config)
        elif self.folder.exists() and any(part.name != _LOCK for part in self.folder.iterdir()):
            raise RunError(
                f"{self.folder}: expected a run's folder or none, found other files; give another --run.name"
            )
        held = _is_held(self.folder)
        if not held:
            self._lock()
        remove_drafts(self.folder)
        text = yaml.safe_dump(config, sort_keys=False)
        with atomic_path(path) as draft:
            draft.write_text(text, encoding="utf-8")
        if not held:
            self._begin_call()
        return self.folder

    def _begin_call(self) -> None:
        try:
            earlier = read_calls(self.folder)
        except RunError as error:
            raise RunError(f"{self.folder}: {error}; delete it, the run's earlier time is then not known") from error
        begin_call(self.folder, earlier, self.facts)

    def _lock(self) -> None:
        """Keep other processes out of the folder until this one closes the run, or ends.

        Raises:
            RunError: one works in it already.
        """
        path = (self.folder / _LOCK).resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(blocking=False)
        except Timeout as error:
            raise RunError(f"{self.folder}: another process works in it; wait, or give another --run.name") from error
        except OSError as error:
            raise RunError(write_failure(path, error)) from error
        _HELD[path] = _Hold(lock, time.perf_counter())

    def _check_devices(self) -> None:
        try:
            self._bare_trainer()
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"can not compute on {self.devices} x {self.accelerator} here: {reason}") from error

    def _bare_trainer(self) -> Trainer:
        return Trainer(accelerator=self.accelerator, devices=self.devices, logger=False, enable_model_summary=False)

    def _check_same(self, path: Path, config: dict[str, Any]) -> None:
        stored = dict(_leaves(_read_config(path)))
        wanted = dict(_leaves(config))
        # What was typed comes before the digests of what was read, which tell people nothing.
        names = sorted((stored.keys() | wanted.keys()) - _FREE, key=lambda name: (name.startswith("inputs."), name))
        for name in names:
            if stored.get(name) != wanted.get(name):
                raise RunError(
                    f"{self.folder} holds a different run: {name} is {stored.get(name)} there and "
                    f"{wanted.get(name)} here; give another --run.name"
                )

    @cached_property
    def loggers(self) -> list[Logger]:
        """CSV, and W&B unless it is off."""
        try:
            config = {**(self.config or {}), "machine": self.facts}
            return run_loggers(self.folder, self.name, self.project, self.wandb, config, self.labels)
        except OSError as error:
            raise RunError(write_failure(self.folder, error)) from error

    def close(self) -> None:
        """End the run's loggers, and let other processes into its folder."""
        close_loggers(self.loggers)
        del self.loggers
        release(self.folder)

    @cached_property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self._bare_trainer().strategy.root_device

    @cached_property
    def facts(self) -> dict[str, str]:
        """Versions, hardware and precision, by name; nothing that names the machine or its user."""
        device = device_words(self.device, self.processes)
        return {"computed on": device, "precision": self._exact_precision(), **machine_facts()}

    def _exact_precision(self) -> str:
        return "32-true" if self.precision == "auto" else self.precision

    def training_precision(self) -> str:
        """Lightning's precision for training."""
        if self.precision != "auto":
            return self.precision
        if not isinstance(self._bare_trainer().accelerator, CUDAAccelerator):
            return "32-true"
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"

    def _note(self, options: Mapping[str, Any]) -> None:
        """Keep what a Trainer of these options computes on and in, before it begins."""
        processes = options.get("devices", self.devices) * options.get("num_nodes", self.num_nodes)
        precision = options.get("precision", self._exact_precision())
        found = {"computed on": device_words(self.device, processes), "precision": precision}
        if not found.items() <= self.facts.items():
            self.facts |= found
            if _is_held(self.folder):
                note_facts(self.folder, found)

    def trainer(self, **options: Any) -> Trainer:  # noqa: ANN401  (Lightning's own options)
        """A Trainer on this run's devices, with its loggers; processes that it starts end with this one."""
        end_with_parent()
        self._note(options)
        own = {
            "accelerator": self.accelerator,
            "devices": self.devices,
            "num_nodes": self.num_nodes,
            "precision": self._exact_precision(),
            "logger": self.loggers,
            "default_root_dir": self.folder,
            "enable_progress_bar": self.progress,
            "enable_model_summary": False,
        }
        chosen = own | options
        if chosen["devices"] * chosen["num_nodes"] > 1 and self.accelerator != "tpu":
            chosen.setdefault("strategy", DDPStrategy(timeout=_PATIENCE))
        return Trainer(**chosen)


def release_folders() -> None:
    """Let other processes into all folders that this one worked in."""
    for path in list(_HELD):
        release(path.parent)


def release(folder: Path, *, worked: bool = True) -> None:
    """Let other processes into a folder.

    Args:
        folder: of a run.
        worked: whether this process did any of the run's work.
    """
    path = (folder / _LOCK).resolve()
    if hold := _HELD.pop(path, None):
        with suppress(RunError):  # on a full disk the time is told by the files, as of a call that was killed
            if worked:
                end_call(folder, time.perf_counter() - hold.since)
            else:
                withdraw_call(folder)
        path.unlink(missing_ok=True)
        hold.lock.release()


def _is_held(folder: Path) -> bool:
    return (folder / _LOCK).resolve() in _HELD


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunError(
            f"{path}: expected a run's configuration, found another file; give another --run.name"
        ) from error
    if not isinstance(config, dict):
        raise RunError(f"{path}: expected a run's configuration, found another file; give another --run.name")
    return config


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
