"""``miad test``: how good a trained network is."""

from collections.abc import Sequence
from pathlib import Path

import torch
from lightning import Trainer

from miad.commands.agreement import check_classes, check_kinds, check_size
from miad.commands.finished import say_finished
from miad.commands.run import Run
from miad.commands.show import show_measures
from miad.data import (
    DEFAULT_PAIRS,
    ImageDataModule,
    ImageDataset,
    MarkedPairs,
    Pair,
    PairDataModule,
    PairOptions,
    SegmentationDataModule,
)
from miad.evaluation import (
    Cleaned,
    Segmented,
    draw_classification,
    draw_precision_recall,
    draw_removal,
    draw_segmentation,
    write_classification,
    write_removal,
    write_segmentation,
)
from miad.imaging import to_tensor
from miad.lesions import segment
from miad.models import (
    Remover,
    Segmenter,
    find_checkpoint,
    load_classifier,
    load_remover,
    load_segmenter,
    remover_name,
)
from miad.tasks import ClassifierTask, RemoverTask, SegmenterTask
from miad.tensors import to_levels, to_unit
from miad.tracking import Throughput, log_classification, log_figures, log_precision_recall, publish_measures

_AGAIN = "it is tested again, and its files are replaced"


def classifier(data: ImageDataModule, checkpoint: Path, run: Run) -> dict[str, float]:
    """Test a trained classifier.

    On the test images (the validation images where there are none): accuracy, balanced accuracy, micro and macro AUC
    and calibration error in RUN/metrics.csv, each image's probabilities in predictions.csv, ROC curves in roc.csv,
    the confusion matrix in confusion.csv, and pictures of the last two and of the calibration.

    Args:
        data: images and labels.
        checkpoint: folder of 'miad fit classifier', or a checkpoint file.
        run: where to write, on what to run.

    Returns:
        The measures, as in metrics.csv.
    """
    path = find_checkpoint(checkpoint)
    network = load_classifier(path)
    check_classes(data, str(checkpoint), network.classes)
    check_size(data, {network.size})
    data.size = network.size
    data.split("test").check()
    run.describe("test classifier", data, network.name)
    folder = run.open()
    say_finished(run, _AGAIN)
    task = ClassifierTask(list(network.classes), network.name, network.size)
    task.network = network
    trainer = _trainer(run)
    scores = dict(trainer.test(task, datamodule=data, verbose=False)[0])
    if trainer.is_global_zero:
        probabilities, labels = (part.cpu() for part in task.test_scores.gathered())
        write_classification(folder, data.split("test").ids, network.classes, probabilities, labels)
        log_classification(run.loggers, "test", network.classes, probabilities, labels)
        figures = draw_classification(folder, network.classes, probabilities, labels)
        _publish(run, f"{checkpoint} on {len(data.split('test'))} images", scores, figures)
    return scores


def segmenter(data: ImageDataModule, checkpoint: Path, run: Run) -> dict[str, float]:
    """Test a trained lesion segmenter.

    On the test images that have lesion masks (the validation images where there are no test images): Dice, IoU,
    average precision and the share of lesions found in RUN/metrics.csv, every image's numbers in segmentation.csv, some
    images with true and predicted outlines in segmentation.png, and precision over recall in precision_recall.png.

    Args:
        data: images and lesion masks.
        checkpoint: folder of 'miad fit segmenter', or a checkpoint file.
        run: where to write, on what to run.

    Returns:
        The measures, as in metrics.csv.
    """
    path = find_checkpoint(checkpoint)
    network = load_segmenter(path)
    check_kinds(data, str(checkpoint), network.kinds)
    pairs = SegmentationDataModule(data, network.size, network.tile)
    images = pairs.split("test")
    images.check()
    run.describe("test segmenter", data, network.name)
    folder = run.open()
    say_finished(run, _AGAIN)
    task = SegmenterTask(list(network.kinds), network.name, network.size, network.tile, network.width)
    task.network = network
    trainer = _trainer(run)
    scores = dict(trainer.test(task, datamodule=pairs, verbose=False)[0])
    if trainer.is_global_zero:
        write_segmentation(folder / "segmentation.csv", images.ids, network.kinds, task.test_overlaps)
        draw_segmentation(folder / "segmentation.png", network.kinds, _examples(images, network))
        curves = folder / "precision_recall.png"
        draw_precision_recall(curves, task.test_scores)
        log_precision_recall(run.loggers, "test", task.test_scores)
        _publish(run, f"{checkpoint} on {len(images)} images", scores, [curves])
    return scores


def remover(data: ImageDataModule, checkpoint: Path, run: Run, pairs: PairOptions = DEFAULT_PAIRS) -> dict[str, float]:
    """Test a trained watermark remover.

    Puts random marks of the logos that were held out on the test images (the validation images where there are none)
    and removes them: PSNR, SSIM, RMSE inside and outside of the marks and the overlap of the masks, for removed and
    marked images, in RUN/metrics.csv, every image's numbers in removal.csv, some images in removal.png.

    Args:
        data: images; their labels are not used.
        checkpoint: folder of 'miad fit remover', or a checkpoint file.
        run: where to write, on what to run.
        pairs: the logos to test on (--pairs.held_out), and the ranges of their marks.

    Returns:
        The measures, as in metrics.csv.
    """
    network = load_remover(find_checkpoint(checkpoint))
    marked = PairDataModule(data, pairs, run.seed)
    images = data.split("test")
    images.check()
    marked.check("test")
    run.describe("test remover", data, remover_name(network))
    folder = run.open()
    say_finished(run, _AGAIN)
    task = RemoverTask(network)
    trainer = _trainer(run)
    scores = dict(trainer.test(task, datamodule=marked, verbose=False)[0])
    if trainer.is_global_zero:
        write_removal(folder / "removal.csv", images.ids, *task.judged())
        draw_removal(folder / "removal.png", _cleaned(marked.pairs("test"), network))
        _publish(run, f"{checkpoint} on {len(images)} images", scores, [])
    return scores


def _cleaned(pairs: MarkedPairs, network: Remover, count: int = 6) -> list[Cleaned]:
    """Some pairs of a data set, evenly far apart, with what the network makes of them."""
    chosen = range(0, len(pairs), -(-len(pairs) // count))
    with torch.no_grad():
        return [_clean(Path(pairs.dataset.ids[index]).name, pairs[index], network) for index in chosen]


def _clean(name: str, pair: Pair, network: Remover) -> Cleaned:
    found = network(to_unit(pair.marked[None]))
    return Cleaned(name, pair.image, pair.marked, to_levels(found.image)[0], to_levels(found.mask)[0])


def _trainer(run: Run) -> Trainer:
    # Several devices would fill up their shares with images counted twice.
    return run.trainer(devices=1, num_nodes=1, precision="32-true", callbacks=[Throughput()])


def _publish(run: Run, title: str, scores: dict[str, float], figures: Sequence[Path]) -> None:
    log_figures(run.loggers, figures)
    publish_measures(run.folder, run.loggers, scores)
    run.close()
    show_measures(title, scores)


def _examples(images: ImageDataset, network: Segmenter, count: int = 6) -> list[Segmented]:
    """Some images of a data set, evenly far apart, with what the network says of them."""
    examples = []
    for index in range(0, len(images), -(-len(images) // count)):
        pixels, masks = images.pixels(index), images.kind_masks(index)
        if masks is not None:
            probabilities = segment(network, to_tensor(pixels)[None])[0]
            examples.append(Segmented(Path(images.ids[index]).name, pixels, masks, probabilities))
    return examples
