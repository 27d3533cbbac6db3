"""``miad demo``: the whole walk on drawn images."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning import seed_everything
from rich.progress import track

from miad.commands.attack import attack
from miad.commands.fit import classifier
from miad.commands.run import Run
from miad.commands.show import show_attack
from miad.data import Phantom, output_names
from miad.errors import KeyMismatchError, RunError
from miad.evaluation import contact_sheet
from miad.imaging import read_image
from miad.keys import open_key, recover_folder
from miad.tasks import ClassifierTask
from miad.tensors import Pixels

_SIZE = 64
_IMAGES = 64
_BACKBONES = {"resnet": "test_resnet", "efficientnet": "test_efficientnet", "byobnet": "test_byobnet"}
"""timm's smallest networks of three families: residual, inverted residual, and repeated blocks (VGG-like)."""
_MARKER = "made by miad demo"


def demo(out: Path = Path("runs/demo"), seed: int = 2023, progress: bool = True) -> Path:
    """Show the whole walk on drawn images, in a few minutes.

    Trains three small classifiers of different families on drawn brain slices, marks 64 slices on two of them, tests
    on the third, takes the marks off again, and draws a contact sheet.

    Args:
        out: folder to write; a former demo's is replaced.
        seed: another seed draws other images.
        progress: show progress bars.

    Returns:
        The path of the contact sheet.

    Raises:
        KeyMismatchError: a recovered pixel differs from the original.
    """
    _clear(out)
    torch.set_num_threads(1)  # networks this small lose more by sharing cores than they gain
    data = Phantom("brain", _SIZE, train=1200, val=96, test=_IMAGES, batch_size=16, augment=False, seed=seed)
    for name, backbone in _BACKBONES.items():
        _say(f"Training {name}")
        seed_everything(seed, workers=True, verbose=False)
        task = ClassifierTask(list(data.classes), backbone, _SIZE, lr=3e-3)
        classifier(data, task, _run(out, name, seed, progress=progress), epochs=10)
    *sources, unseen = (str(out / name) for name in _BACKBONES)
    _say(f"Marking {_IMAGES} images")
    run = _run(out, "attack", seed, progress=progress)
    measures = attack(data, ",".join(sources), run, unseen=unseen, ensemble=True, images=16)
    exact = _recover(run.folder, data, progress=progress)
    sheet = out / "contact_sheet.png"
    contact_sheet(sheet, _rows(run.folder, data))
    show_attack("Marked on " + " and ".join(list(_BACKBONES)[:2]), measures, [*_BACKBONES, "ensemble"])
    sys.stdout.write(f"{exact} of {_IMAGES} recovered exactly; look at {sheet}\n")
    if exact < _IMAGES:
        raise KeyMismatchError(f"{_IMAGES - exact} of {_IMAGES} images did not come back bit for bit")
    return sheet


def _clear(out: Path) -> None:
    """Remove a former demo, and nothing else."""
    marker = out / "README.txt"
    if out.exists() and any(out.iterdir()):
        if not marker.is_file() or marker.read_text(encoding="utf-8") != _MARKER:
            raise RunError(f"{out}: expected a new folder or a former demo's, found other files; give another --out")
        shutil.rmtree(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        marker.write_text(_MARKER, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{out}: can not be written ({error.strerror}); give another --out") from error


def _run(out: Path, name: str, seed: int, *, progress: bool) -> Run:
    run = Run(name, out, seed, wandb="offline" if name == "attack" else "off", group="demo", progress=progress)
    run.quiet = True
    return run


def _recover(folder: Path, data: Phantom, *, progress: bool) -> int:
    """Take the marks off and count the images that equal the originals, pixel by pixel."""
    results = recover_folder(open_key(folder / "attack.miadkey"), folder / "marked", folder / "recovered")
    for result in track(results, "Recovering", total=_IMAGES, transient=True, disable=not progress):
        if result.problem:
            sys.stderr.write(f"{result.file}: {result.problem}\n")
    originals = data.split("test")
    return sum(
        np.array_equal(_read(folder / "recovered" / file), originals.pixels(index))
        for index, file in enumerate(output_names(originals.ids).values())
    )


def _read(path: Path) -> Pixels:
    return read_image(path) if path.exists() else np.zeros(0, dtype=np.uint8)


def _rows(folder: Path, data: Phantom, count: int = 8) -> Sequence[tuple[str, Pixels, Pixels, Pixels]]:
    originals = data.split("test")
    files = list(output_names(originals.ids).items())
    step = max(1, len(files) // count)
    return [
        (
            data.classes[originals.labels[index]],
            originals.pixels(index),
            read_image(folder / "marked" / file),
            read_image(folder / "recovered" / file),
        )
        for index, (_, file) in list(enumerate(files))[::step][:count]
        if (folder / "marked" / file).exists() and (folder / "recovered" / file).exists()
    ]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
