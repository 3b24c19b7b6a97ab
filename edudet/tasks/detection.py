"""Objects one by one: boxes, and of each also its mask or its joints.

A target has boxes, labels and so on; an answer has "boxes" (D, 4), "labels" (D,) and "scores" (D,),
the surest first, and "masks" (D, 1, H, W) or "keypoints" (D, K, 3). The numbers are COCO's
(`edudet.metrics.coco_metrics`), of boxes, of masks or of joints; of the last two also

    box_AP, box_AP50    those of the boxes found with them
    PCK                 the share of labelled joints, hidden ones included, that are at most a tenth
                        of the longer side of the person's box off, in the best detection that
                        overlaps that person by IoU 0.5; if there is none, all of them are wrong

What VOC calls difficult is treated as a crowd: it need not be found, and is no false alarm. What is
found is written in COCO's format.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edudet.data.coco_names import JOINTS, NO_CATEGORY
from edudet.data.coco_results import detections_to_coco
from edudet.data.coco_truth import to_coco
from edudet.data.target import flags_of, ignored
from edudet.metrics import coco_evaluate, pck, rle_area
from edudet.metrics.coco_overlaps import SIGMAS
from edudet.ops import box_iou
from edudet.tasks import About, Output, files_and_categories
from edudet.tasks.pose import PCK_FRACTION

# How precisely people mark a joint: COCO's numbers. It has none for "neck" and "head top".
SIGMA_OF = {
    "ankle": 0.089, "knee": 0.087, "hip": 0.107, "wrist": 0.062, "elbow": 0.072, "shoulder": 0.079,
    "neck": 0.079, "head": 0.079, "nose": 0.026, "eye": 0.025, "ear": 0.035,
}  # fmt: skip
OTHER_SIGMA = 0.08  # of a joint of another name: about a shoulder's; the knees of a horse, say
MATCHED_IOU = 0.5


class Detection:
    """One of three tasks: what is measured of an object, its box, its mask or its joints."""

    SCORE = 0.5
    BEST = "AP"

    def __init__(
        self, name: str, key: str | None = None, same: tuple[str, ...] = (),
        shown: tuple[str, ...] = (),
    ) -> None:
        """key: of the target and of the answer, beside the box."""
        self.NAME, self.key, self.SAME = name, key, same
        self.NEEDS: tuple[str, ...] = ("boxes", "labels", "image_id", *([key] if key else []))
        self.SHOWN = ("AP", "AP50", "AP75", *shown)

    def __repr__(self) -> str:
        return f"detection.{self.NAME.upper()}"

    def model_arguments(self, about: About) -> dict[str, Any]:
        arguments = {"num_classes": len(about["categories"]) + 1}
        if "joints" in self.SAME:
            arguments["num_keypoints"] = len(about["joints"])
        return arguments

    def collect(self, dataset: Any) -> "Found":
        return Found(dataset, self)

    def surer(self, output: Output, score: float) -> dict[str, Any]:
        sure = output["scores"] >= score
        return {key: value[sure] for key, value in output.items()}

    def told(self, output: Output, about: About) -> str:
        return f"{len(output['scores'])} found"

    def records(
        self, paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
        about: About,
    ) -> dict[str, Any]:
        """Detections as a file in COCO's format; its annotations have scores, and all that was
        found of an object: box, mask and joints. The area is that of the mask, or, without one, of
        the box."""
        return coco_file(paths, sizes, outputs, about)

    def show(self, axes: Any, image: Tensor, output: Output, about: About) -> None:
        from edudet.draw.boxes import show_image
        from edudet.draw.detections import draw_detections

        show_image(axes, image)
        draw_detections(axes, output, about["categories"], about.get("skeleton", ()))

    def picture(self, image: Tensor, output: Output, about: About) -> Any:
        from edudet.draw.detections import picture

        return picture(image, output, about)


BOX = Detection("box")
MASK = Detection("mask", "masks", shown=("box_AP50",))
KEYPOINTS = Detection("keypoints", "keypoints", ("joints",), ("PCK", "box_AP50"))


class Found:
    """What was to be found on the images of a dataset, and what was found there."""

    def __init__(self, dataset: Any, task: Detection):
        self.dataset, self.task, self.joints = dataset, task, Joints()
        self.truth: dict[str, list] = {"images": [], "categories": [], "annotations": []}
        self.found: dict[str, list] = {one: [] for one in dict.fromkeys((task.NAME, "box"))}

    def add(self, image: Tensor, target: Mapping[str, Any], output: Output) -> None:
        """Note one image (3, H, W), on the CPU."""
        number = int(target["image_id"])
        size = {"height": image.shape[-2], "width": image.shape[-1]}
        one = to_coco([_wanted(target, self.task)], getattr(self.dataset, "categories", None))
        self.truth["images"].append({"id": number, **size})
        before = len(self.truth["annotations"])  # each image's are numbered from 1
        self.truth["annotations"] += [
            {**record, "id": before + record["id"]} for record in one["annotations"]
        ]
        self.truth["categories"] = max(self.truth["categories"], one["categories"], key=len)
        for kind, records in self.found.items():
            records += detections_to_coco([output], [number], kind=kind)
        if self.task is KEYPOINTS:
            self.joints.add(target, output)

    def numbers(self, progress: bool = False) -> dict[str, float]:
        sigmas = {}
        if self.task is KEYPOINTS:
            sigmas["keypoints"] = sigmas_of(getattr(self.dataset, "joints", ()), self.joints.number)
        numbers = {
            kind: coco_evaluate(
                self.truth, records, kind, sigmas=sigmas.get(kind), progress=progress
            ).metrics
            for kind, records in self.found.items()
        }
        boxes = {f"box_{name}": numbers["box"][name] for name in ("AP", "AP50")}
        extra = boxes if self.task is not BOX else {}
        pck = {"PCK": self.joints.pck()} if self.task is KEYPOINTS else {}
        return {**numbers[self.task.NAME], **extra, **pck}


class Joints:
    """The joints of people, and where they were found."""

    def __init__(self) -> None:
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []
        self.number = 0

    def add(self, target: Mapping[str, Tensor], output: Mapping[str, Tensor]) -> None:
        """Note the people of one image, and for each the best detection that overlaps enough."""
        self.number = target["keypoints"].shape[1]
        people = ~flags_of(target, "iscrowd") & (target["keypoints"][:, :, 2] > 0).any(1)
        boxes, truth = target["boxes"][people], target["keypoints"][people]
        points = torch.full_like(truth[:, :, :2], torch.nan)               # (N, K, 2): not found
        if len(boxes) and len(output["boxes"]):
            fits = box_iou(boxes, output["boxes"].to(boxes.dtype)) >= MATCHED_IOU  # (N, D)
            fits &= target["labels"][people][:, None] == output["labels"]
            best = output["scores"].where(fits, -torch.inf).argmax(1)      # (N,)
            matched = fits.any(1)
            points[matched] = output["keypoints"][best[matched], :, :2].to(points.dtype)
        lengths = (boxes[:, 2:] - boxes[:, :2]).amax(1)                    # (N,)
        self.rows.append((truth, points, lengths))

    def pck(self) -> float:
        truth, points, lengths = (torch.cat(parts) for parts in zip(*self.rows, strict=True))
        return float(pck(truth[:, :, :2], points, lengths, PCK_FRACTION, truth[:, :, 2] > 0))


def _wanted(target: Mapping[str, Any], task: Detection) -> dict[str, Any]:
    keys = [*task.NEEDS, "iscrowd", "area"]
    wanted = {key: target[key] for key in keys if key in target}
    return {**wanted, "iscrowd": ignored(target)}


def sigmas_of(names: Sequence[str], number: int) -> list[float]:
    """COCO's sigma of each of so many joints, by its name; 0.08 where the name says nothing.

    Without names, 17 joints are taken for COCO's.

    Raises:
        ValueError: there are names, and not as many.
    """
    if number == len(SIGMAS) and tuple(names) in ((), JOINTS):
        return SIGMAS.tolist()
    if names and len(names) != number:
        raise ValueError(
            f"evaluate: dataset.joints must name all {number} joints of its targets, "
            f"got {', '.join(names)}"
        )
    return [_sigma(str(name).lower()) for name in names] or [OTHER_SIGMA] * number


def _sigma(name: str) -> float:
    for part, sigma in SIGMA_OF.items():
        # "rear left paw" is no ear.
        begun = r"(^|[^a-z]|left|right)" if part in ("eye", "ear") else ""
        if re.search(begun + part, name):
            return sigma
    return OTHER_SIGMA


def coco_file(
    paths: Sequence[Path], sizes: Sequence[tuple[int, int]], outputs: Sequence[Output],
    about: About,
) -> dict[str, Any]:
    ids = range(1, len(paths) + 1)
    records = detections_to_coco(outputs, ids)
    for kind, key in (("mask", "masks"), ("keypoints", "keypoints")):
        if all(key in output for output in outputs):
            more = detections_to_coco(outputs, ids, kind=kind)
            records = [{**a, **b} for a, b in zip(records, more, strict=True)]
    for i, record in enumerate(records, 1):
        width, height = record["bbox"][2:]
        mask = record.get("segmentation")
        area = width * height if mask is None else rle_area(mask)
        record |= {"id": i, "area": area, "iscrowd": 0}
    extra = {"keypoints": about["joints"], "skeleton": [[a + 1, b + 1] for a, b in
             about["skeleton"]]} if any("keypoints" in o for o in outputs) else {}  # fmt: skip
    file = files_and_categories(paths, sizes, about["categories"])
    given = [one | extra for one in file["categories"] if one["name"] != NO_CATEGORY]
    return file | {"categories": given, "annotations": records}
