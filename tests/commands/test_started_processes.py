"""As many processes as a run is to have, or one line; only the first of them touches the run's folder."""

import pytest

from miad.commands.run import Run
from miad.errors import InputError

STARTERS = ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "SLURM_NTASKS", "SLURM_NTASKS_PER_NODE")
STARTERS += ("SLURM_STEP_ID", "SLURM_JOB_NAME")
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none"}
JOB = {"SLURM_JOB_NAME": "mark.sh"}
STEP = {**JOB, "SLURM_STEP_ID": "0"}


@pytest.fixture
def started(monkeypatch, tmp_path):
    """A function that makes a run in an environment."""

    def run(environment, devices, num_nodes):
        for name in STARTERS:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return Run("a", tmp_path, accelerator="cpu", devices=devices, num_nodes=num_nodes)

    return run


def torchrun(processes, local):
    return {**TORCHRUN, "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(local)}


def slurm(tasks, local, where=STEP):
    return {**where, "SLURM_NTASKS": str(tasks), "SLURM_NTASKS_PER_NODE": str(local)}


@pytest.mark.parametrize(
    ("environment", "devices", "num_nodes"),
    [
        ({}, 1, 1),
        ({}, 3, 1),
        (torchrun(1, 1), 1, 1),
        (torchrun(2, 2), 2, 1),
        (torchrun(6, 2), 2, 3),
        (torchrun(4, 2) | slurm(2, 1, JOB), 2, 2),  # torchrun on each machine of a job
        (slurm(4, 2), 2, 2),
        (slurm(1, 1, JOB), 1, 1),
        (slurm(4, 4, {"SLURM_JOB_NAME": "interactive"}), 2, 1),  # a shell, in which Lightning starts what it needs
    ],
)
def test_what_was_started_as_asked_is_taken(started, environment, devices, num_nodes):
    assert started(environment, devices, num_nodes).processes == devices * num_nodes


@pytest.mark.parametrize(
    ("environment", "devices", "num_nodes", "expected"),
    [
        ({}, 1, 2, r"expected torchrun or srun to start miad on 2 machines, found neither"),
        (torchrun(2, 2), 1, 1, r"--run\.devices 2 and --run\.num_nodes 1,.* torchrun started, found 1 and 1"),
        (torchrun(1, 1), 2, 1, r"--run\.devices 1 and --run\.num_nodes 1,.* found 2 and 1"),
        (torchrun(4, 2), 4, 1, r"--run\.devices 2 and --run\.num_nodes 2,.* found 4 and 1"),
        (torchrun(4, 4), 2, 2, r"--run\.devices 4 and --run\.num_nodes 1,.* found 2 and 2"),
        (slurm(4, 2), 2, 1, r"--run\.devices 2 and --run\.num_nodes 2,.* srun started, found 2 and 1"),
        (slurm(1, 1, JOB), 2, 1, r"--run\.devices 1 and --run\.num_nodes 1,.* found 2 and 1"),
        (slurm(2, 2, JOB), 2, 1, r"expected srun before miad in a job of 2 tasks"),
        ({**STEP, "SLURM_NTASKS": "2"}, 2, 1, r"expected --ntasks-per-node for 2 tasks"),
    ],
)
def test_more_or_fewer_are_one_line(started, environment, devices, num_nodes, expected):
    with pytest.raises(InputError, match=expected) as found:
        started(environment, devices, num_nodes)
    assert "\n" not in str(found.value)


def test_only_the_first_process_touches_the_folder(started, monkeypatch):
    run = started({}, 2, 1)
    with monkeypatch.context() as patch:
        patch.setattr("miad.commands.run.is_first_process", lambda: False)
        assert run.open(images="x") == run.folder
        assert not run.folder.exists()
    run.open(images="x")
    assert {path.name for path in run.folder.iterdir()} == {"config.yaml", "lock", "logs"}
    run.close()


def test_processes_wait_for_days_for_each_other(started):
    """One reads all images first, or has more to do; the library's half an hour is not enough."""
    strategy = started({}, 2, 1).trainer(logger=False).strategy
    assert strategy._timeout.days >= 1
