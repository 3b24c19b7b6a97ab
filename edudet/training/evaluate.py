"""How good a model is on a dataset, and how fast: the numbers of its task (`edudet.tasks`)."""


import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from edudet import check
from edudet.data.collate import collate
from edudet.progress import track
from edudet.tasks import Task
from edudet.tasks.detection import BOX
from edudet.training.batches import to_device
from edudet.training.detect import detect
from edudet.training.distributed import own_device


def evaluate(
    model: nn.Module, dataset: Dataset, task: Task = BOX, *, batch_size: int = 4,
    device: str | torch.device = "cpu", workers: int = 0, progress: bool = False,
) -> dict[str, float]:
    """Return what a task measures of a model's answers on all images of a dataset.

    Args:
        model: in eval mode, `model(images)` gives an answer for each; if targets have `proposals`,
            `model(images, targets)` with these alone.
        dataset: `dataset[i]` is an image and its target; also `categories`, and what else the task
            reads: `joints` for keypoints, `stuff` for maps of classes.
        task: a file of `edudet.tasks`, such as `semantic`, or `detection.BOX`, `.MASK`,
            `.KEYPOINTS`; it says what targets and answers are, and what the numbers mean.
        progress: show how far it is.

    Returns:
        The task's numbers by name, "images", and "images_per_second" (of the model alone).

    The model is left in the mode it was in.
    """
    if not hasattr(task, "collect"):
        raise TypeError(f"evaluate: task must be one of edudet.tasks, such as detection.MASK, "
                        f"got {task!r}")  # fmt: skip
    check.is_int("evaluate", batch_size=batch_size)
    check.positive("evaluate", batch_size=batch_size)
    place, training = own_device("evaluate", device), model.training
    loader = DataLoader(dataset, batch_size, num_workers=workers, collate_fn=collate)
    collected, seconds, count = task.collect(dataset), 0.0, 0
    model.to(place).eval()
    for images, targets in track(loader, "measuring", shown=progress, stays=False):
        outputs, taken = detect(model, to_device(images, place), targets)
        seconds, count = seconds + taken, count + len(images)
        for one in zip(images, targets, outputs, strict=True):
            collected.add(*one)
    model.train(training)
    speed = count / seconds if seconds else 0.0
    return {**collected.numbers(progress), "images": count, "images_per_second": speed}
