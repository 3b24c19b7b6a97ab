"""A segment for every pixel: things one by one, stuff as a whole.

A target has "panoptic" (H, W), the id of each pixel's segment, 0 where nobody knows, and
"segments", a list of {"id", "category_id", "iscrowd"}. Category 0 is background, then come the
labels of the dataset's categories, which are things, then those of its "stuff". An answer has the
same two, id 0 for what it calls nothing, and may give a segment a "score".

    PQ, SQ, RQ, PQ_things, ..., RQ_stuff    as `edudet.metrics.panoptic_quality` defines them

-1 where there is nothing to measure. What is found is written in COCO's detection format, a record
for each segment, stuff included, as the converter of COCO's own panopticapi does: pixels as run
lengths; background too, as category 0.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edudet.boxes import masks_to_boxes
from edudet.metrics import panoptic_quality, rle_encode
from edudet.tasks import About, Output, files_and_categories
from edudet.tasks.semantic import classes_of

NAME = "panoptic"
NEEDS = ("panoptic", "segments")
SAME = ("stuff",)
BEST = "PQ"
SHOWN = ("PQ", "SQ", "RQ", "PQ_things", "PQ_stuff")
SCORE = 0.0

NOTHING = 0  # the id of no segment


def model_arguments(about: About) -> dict[str, Any]:
    """Two numbers: of a merge of two models, one counts things and background, the other all."""
    return {"num_things": len(about["categories"]), "num_classes": len(classes_of(about))}


class Segments:
    """The segments of all images, true and called."""

    def __init__(self, dataset: Any):
        self.things = range(1, len(dataset.categories) + 1)
        self.truth: list[tuple[Tensor, Sequence[dict]]] = []
        self.found: list[tuple[Tensor, Sequence[dict]]] = []

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None:
        for pairs, one in ((self.truth, target), (self.found, output)):
            pairs.append((one["panoptic"], one["segments"]))

    def numbers(self, progress: bool = False) -> dict[str, float]:
        scores = panoptic_quality(self.truth, self.found, self.things)
        del scores["per_class"]
        return {name: -1.0 if score != score else float(score) for name, score in scores.items()}


def collect(dataset: Any) -> Segments:
    return Segments(dataset)


def surer(output: Output, score: float) -> dict[str, Any]:
    """Segments that are less sure become nothing; one without a score is sure."""
    unsure = [one["id"] for one in output["segments"] if one.get("score", 1.0) < score]
    ids = output["panoptic"]
    gone = torch.isin(ids, torch.tensor(unsure, dtype=ids.dtype))
    left = [one for one in output["segments"] if one["id"] not in unsure]
    return {**output, "panoptic": ids.masked_fill(gone, NOTHING), "segments": left}


def told(output: Output, about: About) -> str:
    things = range(1, len(about["categories"]) + 1)
    number = sum(one["category_id"] in things for one in output["segments"])
    return f"things: {number}, stuff: {len(output['segments']) - number}"


def records(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
    about: About,
) -> dict[str, Any]:
    """A record for each segment on each image."""
    annotations: list[dict[str, Any]] = []
    for i, output in enumerate(outputs, 1):
        for segment in output["segments"]:
            mask = output["panoptic"] == segment["id"]
            x1, y1, x2, y2 = masks_to_boxes(mask[None])[0].tolist()
            annotations.append({
                "id": len(annotations) + 1, "image_id": i, "category_id": segment["category_id"],
                "score": segment.get("score", 1.0), "segmentation": rle_encode(mask),
                "area": int(mask.sum()), "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
            })  # fmt: skip
    names = classes_of(about)
    things = range(1, len(about["categories"]) + 1)
    file = files_and_categories(paths, sizes, names[1:])
    file["categories"] = [
        {**one, "isthing": int(one["id"] in things)}
        for one in ({"id": 0, "name": names[0]}, *file["categories"])
    ]
    return {**file, "annotations": annotations}


def show(axes: Any, image: Tensor, output: Output, about: About) -> None:
    from edudet.draw.tasks.panoptic import show_panoptic

    show_panoptic(axes, output["panoptic"], output["segments"], classes_of(about))


def picture(image: Tensor, output: Output, about: About) -> Any:
    """The image, and beside it its segments in colours."""
    from edudet.draw.pictures import show_beside

    figure, axes = show_beside(image)
    show(axes, image, output, about)
    return figure
