"""The joints of the one person that an image shows.

A target has "keypoints" (1, K, 3), x, y and v (0: not labelled, anything), and may have "boxes"
(1, 4), the person's. An answer has "keypoints" (1, K, 3), x, y and 1 (or how sure), NaN where no
joint was found, and "scores" (1,).

    PCK    the share of labelled joints, hidden ones included, that are at most a tenth of the
           longer side of the person's box off; without boxes, of the box around labelled joints
    PDJ    that are at most a fifth of the torso off, left shoulder to right hip, of people of whom
           both are labelled; only where the dataset's joints have these names

Both are -1 where there is nothing to measure. What is found is written in COCO's format, each
person with the box around its joints.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edudet.metrics import pck, pdj
from edudet.tasks import About, Output, files_and_categories

NAME = "pose"
NEEDS = ("keypoints",)
SAME = ("joints",)
BEST = "PCK"
SHOWN = ("PCK", "PDJ")
SCORE = 0.0

PCK_FRACTION = 0.1
TORSO = ("left shoulder", "right hip")


def model_arguments(about: About) -> dict[str, Any]:
    return {"num_keypoints": len(about["joints"])}


class Poses:
    """People, and where their joints were found."""

    def __init__(self, dataset: Any):
        self.names = [str(name).replace("_", " ") for name in getattr(dataset, "joints", ())]
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None:
        truth, found = target["keypoints"], output["keypoints"]
        if len(truth) != 1 or found.shape != truth.shape:
            raise ValueError(
                f"pose: target and answer must have keypoints (1, K, 3) of one person, "
                f"got {tuple(truth.shape)} and {tuple(found.shape)}"
            )
        self.rows.append((truth, found.to(truth.dtype), longer_side(target)))

    def numbers(self, progress: bool = False) -> dict[str, float]:
        truth, found, lengths = (torch.cat(parts) for parts in zip(*self.rows, strict=True))
        points, seen = (truth[:, :, :2], found[:, :, :2]), truth[:, :, 2] > 0
        numbers = {"PCK": pck(*points, lengths, PCK_FRACTION, seen)}
        if set(TORSO) <= set(self.names):
            shoulder, hip = (self.names.index(one) for one in TORSO)
            numbers["PDJ"] = pdj(*points, shoulder, hip, visible=seen)
        return {name: float(value.nan_to_num(-1.0)) for name, value in numbers.items()}


def collect(dataset: Any) -> Poses:
    return Poses(dataset)


def longer_side(target: Mapping[str, Tensor]) -> Tensor:
    """(1,): of the person's box; NaN, which does not count, if nothing says how large it is."""
    if "boxes" in target:
        return (target["boxes"][:, 2:] - target["boxes"][:, :2]).amax(1)
    joints = target["keypoints"][0]
    points = joints[joints[:, 2] > 0, :2]
    if not len(points):
        return joints.new_full((1,), torch.nan)
    return (points.amax(0) - points.amin(0)).amax().reshape(1)


def surer(output: Output, score: float) -> dict[str, Any]:
    sure = output["scores"] >= score
    return {key: value[sure] for key, value in output.items()}


def told(output: Output, about: About) -> str:
    found = output["keypoints"][:, :, :2].isfinite().all(2).sum()
    return f"{int(found)} joints found"


def records(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
    about: About,
) -> dict[str, Any]:
    """People in COCO's format; a joint that was not found is 0, 0, 0, as in COCO's files."""
    joints = [str(name) for name in about["joints"]]
    bones = [[a + 1, b + 1] for a, b in about.get("skeleton", ())]
    names = about.get("categories") or ["person"]
    file = files_and_categories(paths, sizes, names[:1])
    file["categories"] = [{**file["categories"][0], "keypoints": joints, "skeleton": bones}]
    annotations: list[dict[str, Any]] = []
    for i, output in enumerate(outputs, 1):
        for person, score in zip(output["keypoints"], output["scores"].tolist(), strict=True):
            there = person[:, :2].isfinite().all(1)
            low, high = _extent(person[there, :2].double())
            annotations.append({
                "id": len(annotations) + 1, "image_id": i, "category_id": 1, "score": score,
                "keypoints": person.where(there[:, None], 0).flatten().tolist(),
                "num_keypoints": int(there.sum()),
                "bbox": [*low.tolist(), *(high - low).tolist()],
                "area": float((high - low).prod()), "iscrowd": 0,
            })  # fmt: skip
    return {**file, "annotations": annotations}


def _extent(points: Tensor) -> tuple[Tensor, Tensor]:
    if not len(points):
        return torch.zeros(2), torch.zeros(2)
    return points.amin(0), points.amax(0)


def show(axes: Any, image: Tensor, output: Output, about: About) -> None:
    from edudet.draw.boxes import show_image
    from edudet.draw.tasks.pose import show_people

    show_image(axes, image)
    show_people(axes, output["keypoints"], about.get("skeleton", ()))


def picture(image: Tensor, output: Output, about: About) -> Any:
    from edudet.draw.pictures import whole_image

    figure, axes = whole_image(image)
    show(axes, image, output, about)
    return figure
