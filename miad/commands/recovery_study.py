"""What a key gives back: images marked, with the mark taken off as the paper does it, and recovered (MIAD Figure 4)."""

from collections.abc import Sequence
from math import isinf
from pathlib import Path
from statistics import fmean

import numpy as np

from miad.commands.cells import read_rows
from miad.commands.finished import check_unfinished
from miad.commands.run import Run
from miad.commands.specimens import write_specimens
from miad.data import DrawnMark, ImageDataset, marked_names, spread
from miad.errors import InputError
from miad.evaluation import write_csv
from miad.imaging import from_tensor, pixel_digest, read_image, read_stored, to_tensor
from miad.keys import Key, open_key, restored, unblend
from miad.measures import psnr, rmse, ssim
from miad.search import Status
from miad.targets import Target, score_images, weights_digest
from miad.tensors import Pixels
from miad.tracking import publish_measures

KINDS = ("original", "marked", "mark taken off", "recovered")
_MEASURES = ("accuracy", "ssim", "psnr", "rmse", "equal")
_STRONGER = 10
"""How much stronger delta is drawn than it is."""


def recover_attack(attack: Path, dataset: ImageDataset, target: Target, run: Run, pictures: int) -> None:
    """Undo the marks of an attack with its key, and measure what comes of it.

    Writes RUN/recovery.csv (a row for every kind of image), recovery_images.csv and pictures/.

    Args:
        attack: its folder.
        dataset: the images that it marked.
        target: reads what is recovered, and read the originals correctly.
        run: where to write.
        pictures: images to keep.

    Raises:
        InputError: none of the images was attacked, or one holds more than 8 bits.
        KeyMismatchError: an image can not be recovered.
    """
    rows = {row["image"]: row for row in read_rows(attack / "attack.csv")}
    chosen = [i for i, id_ in enumerate(dataset.ids) if rows[id_]["status"] in (Status.SUCCESS, Status.FAILED)]
    if not chosen:
        raise InputError(f"{attack}: expected images that the sources read correctly, found none to recover")
    names = marked_names(dataset)
    folder = run.open(weights={target.name: weights_digest(target)})
    check_unfinished(folder)
    kept, measured = set(spread(chosen, pictures)), []
    with open_key(next(attack.glob("*.miadkey"))) as key:
        for index in chosen:
            name, item = names[dataset.ids[index]], dataset[index]
            if item.stored is not None and item.stored.deep:
                raise InputError(f"{item.id}: expected an image of 8 bits, found a deeper one; convert it first")
            states = _states(key, attack / "marked" / name, from_tensor(item.image, grey=item.grey))
            measured += _measure(dataset.ids[index], item.label, states, target.to(run.device))
            if index in kept:
                write_specimens((folder / "pictures" / name).with_suffix(""), _with_delta(key, states))
    _publish(folder, run, measured)


def recovered_view(key: Key, marked: Path) -> Pixels:
    """A recovered image as it is seen, uint8.

    Args:
        key: opens the image's record.
        marked: the marked file.
    """
    image = read_stored(marked)
    record = key.records[pixel_digest(image.pixels)]
    return restored(image, record, key.rendering(record), key.shared(record)).view


def _states(key: Key, path: Path, original: Pixels) -> dict[str, Pixels]:
    """An image on its way back."""
    marked = read_image(path)
    return {
        "original": original,
        "marked": marked,
        "mark taken off": take_off(marked, _mark_of(key, marked)),
        "recovered": recovered_view(key, path),
    }


def _mark_of(key: Key, marked: Pixels) -> DrawnMark:
    record = key.records[pixel_digest(marked)]
    return DrawnMark(key.rendering(record), record.x, record.y, record.alpha)


def take_off(marked: Pixels, mark: DrawnMark) -> Pixels:
    """Inverse alpha blending (MIAD-MARK eq. 13 without its delta), rounded: what rounding lost stays lost.

    Args:
        marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
        mark: what was blended in; where its opacity is 255 the marked pixels are left.
    """
    height, width = marked.shape[:2]
    alpha, colours = (plane.numpy().transpose(1, 2, 0).astype(float) for plane in mark.planes((height, width)))
    if marked.ndim == 2:
        alpha, colours = alpha[..., 0], colours[..., 0]
    rest = 255 - alpha
    host = (255 * marked.astype(float) - alpha * colours) / np.maximum(rest, 1)
    return np.where(rest > 0, host.round().clip(0, 255), marked).astype(np.uint8)


def _with_delta(key: Key, states: dict[str, Pixels]) -> dict[str, Pixels]:
    """The same pictures, and after the marked image its delta, around grey and stronger."""
    original, record = states["original"], key.records[pixel_digest(states["marked"])]
    protected = unblend(states["marked"], record, key.rendering(record), key.shared(record))
    stronger = (128 + _STRONGER * (protected.astype(int) - original)).clip(0, 255).astype(np.uint8)
    return {
        "original": original,
        "marked": states["marked"],
        f"delta x {_STRONGER}": stronger,
        **{kind: states[kind] for kind in KINDS[2:]},
    }


def _measure(image: str, label: int, states: dict[str, Pixels], target: Target) -> list[dict[str, str | float]]:
    scores = score_images(target, map(to_tensor, states.values()))
    original = states["original"]
    return [
        {
            "image": image,
            "kind": kind,
            "accuracy": float(row.argmax() == label),
            "ssim": ssim(pixels, original),
            "psnr": psnr(pixels, original),
            "rmse": rmse(pixels, original),
            "equal": float(np.array_equal(pixels, original)),
        }
        for (kind, pixels), row in zip(states.items(), scores, strict=True)
    ]


def _publish(folder: Path, run: Run, measured: Sequence[dict[str, str | float]]) -> None:
    means: list[dict[str, str | float]] = []
    for kind in KINDS:
        own = [row for row in measured if row["kind"] == kind]
        means.append({"kind": kind, "images": len(own), **{name: _mean(own, name) for name in _MEASURES}})
    for name, rows in (("recovery_images.csv", measured), ("recovery.csv", means)):
        write_csv(folder / name, list(rows[0]), (list(row.values()) for row in rows))
    numbers = {f"{name}/{row['kind']}": float(row[name]) for row in means for name in _MEASURES}
    publish_measures(folder, run.loggers, numbers)
    run.close()


def _mean(rows: Sequence[dict[str, str | float]], name: str) -> float:
    """Equal images have an infinite PSNR; the mean is over the others, where there are any."""
    values = [float(row[name]) for row in rows]
    return fmean([value for value in values if not isinf(value)] or values)
