"""``miad test``: how good a trained network is."""

from pathlib import Path

from miad.commands.agreement import check_classes, check_size
from miad.commands.run import Run
from miad.commands.show import show_measures
from miad.data import ImageDataModule
from miad.evaluation import draw_classification, write_classification
from miad.models import find_checkpoint, load_classifier
from miad.tasks import ClassifierTask
from miad.tracking import log_figures, publish_measures


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
    folder = run.open()
    task = ClassifierTask(list(network.classes), network.name, network.size)
    task.network = network
    # Several devices would fill up their shares with images counted twice.
    trainer = run.trainer(devices=1, precision="32-true")
    scores = dict(trainer.test(task, datamodule=data, verbose=False)[0])
    if trainer.is_global_zero:
        probabilities, labels = (part.cpu() for part in task.test_scores.gathered())
        write_classification(folder, data.split("test").ids, network.classes, probabilities, labels)
        log_figures(run.loggers, draw_classification(folder, network.classes, probabilities, labels))
        publish_measures(folder, run.loggers, scores)
        run.close()
        show_measures(f"{checkpoint} on {len(data.split('test'))} images", scores)
    return scores
