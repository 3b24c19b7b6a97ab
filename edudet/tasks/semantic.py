"""A class for every pixel.

A target has "semantic" (H, W), integer: 0 background, then the labels of the categories, then those
of the "stuff" that the dataset names; 255 where nobody knows, which does not count. An answer has
"semantic" (H, W) int64 and "scores" (H, W), how sure it is of that class.

    mIoU              the mean over the classes that are there or called, of all images together
    pixel_accuracy    the share of pixels called right

Both are -1 where there is nothing to measure. What is found is written as COCO-Stuff's results are:
for each image and each class on it one record, with the pixels as run lengths. Background has none:
it is what no record covers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edudet.boxes import masks_to_boxes
from edudet.data.voc import VOID
from edudet.metrics import mean_iou, pixel_accuracy, rle_encode, segmentation_confusion
from edudet.tasks import About, Output, files_and_categories

NAME = "semantic"
NEEDS = ("semantic",)
SAME = ("stuff",)
BEST = "mIoU"
SHOWN = ("mIoU", "pixel_accuracy")
SCORE = 0.0


def classes_of(about: About) -> list[str]:
    """The names of all labels, from 0."""
    return ["background", *about["categories"], *about.get("stuff", ())]


def model_arguments(about: About) -> dict[str, Any]:
    return {"num_classes": len(classes_of(about))}


class Pixels:
    """How many pixels of each class were called what."""

    def __init__(self, dataset: Any):
        said = {"categories": dataset.categories, "stuff": getattr(dataset, "stuff", ())}
        self.number = len(classes_of(said))
        self.counts = torch.zeros(self.number, self.number, dtype=torch.int64)

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None:
        truth, called = target["semantic"], output["semantic"]
        self.counts += segmentation_confusion(truth, called, self.number, VOID)

    def numbers(self, progress: bool = False) -> dict[str, float]:
        scores = {"mIoU": mean_iou(self.counts), "pixel_accuracy": pixel_accuracy(self.counts)}
        return {name: float(score.nan_to_num(-1.0)) for name, score in scores.items()}


def collect(dataset: Any) -> Pixels:
    return Pixels(dataset)


def surer(output: Output, score: float) -> dict[str, Any]:
    """Pixels that are less sure become void."""
    unsure = output["scores"] < score
    return {**output, "semantic": output["semantic"].masked_fill(unsure, VOID)}


def told(output: Output, about: About) -> str:
    names = classes_of(about)
    return ", ".join(names[i] for i in output["semantic"].unique().tolist() if i != VOID)


def records(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
    about: About,
) -> dict[str, Any]:
    """A record for each class on each image; its score is the mean over its pixels."""
    annotations: list[dict[str, Any]] = []
    for i, output in enumerate(outputs, 1):
        labels = output["semantic"]
        for label in labels.unique().tolist():
            if label in (0, VOID):
                continue
            mask = labels == label
            x1, y1, x2, y2 = masks_to_boxes(mask[None])[0].tolist()
            annotations.append({
                "id": len(annotations) + 1, "image_id": i, "category_id": label,
                "score": float(output["scores"][mask].mean()), "segmentation": rle_encode(mask),
                "area": int(mask.sum()), "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
            })  # fmt: skip
    file = files_and_categories(paths, sizes, classes_of(about)[1:])
    return {**file, "annotations": annotations}


def show(axes: Any, image: Tensor, output: Output, about: About) -> None:
    from edudet.draw.tasks.semantic import show_classes

    show_classes(axes, output["semantic"], classes_of(about))


def picture(image: Tensor, output: Output, about: About) -> Any:
    """The image, and beside it the map in colours."""
    from edudet.draw.pictures import show_beside

    figure, axes = show_beside(image)
    show(axes, image, output, about)
    return figure
