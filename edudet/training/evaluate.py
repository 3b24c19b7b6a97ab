"""How good a model is on a dataset, and how fast: COCO's numbers, and for people also PCK."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from edudet import check
from edudet.data.coco_results import KINDS, detections_to_coco
from edudet.data.coco_truth import to_coco
from edudet.data.collate import collate
from edudet.metrics import coco_evaluate, pck
from edudet.metrics.coco_overlaps import SIGMAS
from edudet.ops import box_iou
from edudet.progress import track
from edudet.training.batches import to_device
from edudet.training.detect import detect

# How precisely people mark a joint: COCO's numbers. It has none for "neck" and "head top".
SIGMA_OF = {
    "ankle": 0.089, "knee": 0.087, "hip": 0.107, "wrist": 0.062, "elbow": 0.072, "shoulder": 0.079,
    "neck": 0.079, "head": 0.079,
}  # fmt: skip
PCK_FRACTION = 0.1
MATCHED_IOU = 0.5


def evaluate(
    model: nn.Module, dataset: Dataset, kind: str = "box", *, batch_size: int = 4,
    device: str | torch.device = "cpu", workers: int = 0, progress: bool = False,
) -> dict[str, float]:
    """Return what `coco_metrics` says about a model's detections on all images of a dataset.

    Args:
        model: in eval mode, `model(images)` gives a dictionary of detections for each; if targets
            have `proposals`, `model(images, targets)` with these alone.
        dataset: `dataset[i]` is an image and its target; also `categories`, and for keypoints of
            another number than COCO's 17 `joints`, their names.
        kind: "box", "mask" or "keypoints".
        progress: show how far it is.

    Returns:
        COCO's numbers by name, of masks and keypoints also "box_AP" and "box_AP50", those of the
        boxes found with them; "images" and "images_per_second" (of the model alone); and for
        keypoints "PCK": the share of labelled joints, hidden ones included, that are at most a
        tenth of the longer side of the person's box off, in the best detection that overlaps that
        person by IoU 0.5; if there is none, all of them count as wrong.

    What VOC calls difficult is treated as a crowd: it need not be found, and is no false alarm.
    The model is left in the mode it was in.
    """
    if kind not in KINDS:
        raise ValueError(f"evaluate: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    check.is_int("evaluate", batch_size=batch_size)
    check.positive("evaluate", batch_size=batch_size)
    place, training = torch.device(device), model.training
    loader = DataLoader(dataset, batch_size, num_workers=workers, collate_fn=collate)
    collected, seconds = Collected(dataset, kind), 0.0
    model.to(place).eval()
    for images, targets in track(loader, "measuring", shown=progress, stays=False):
        outputs, taken = detect(model, to_device(images, place), targets)
        seconds += taken
        for one in zip(images, targets, outputs, strict=True):
            collected.add(*one)
    model.train(training)
    count = len(collected.truth["images"])
    speed = count / seconds if seconds else 0.0
    return {**collected.numbers(progress), "images": count, "images_per_second": speed}


class Collected:
    """What was to be found on the images of a dataset, and what was found there."""

    def __init__(self, dataset: Any, kind: str):
        self.dataset, self.kind, self.joints = dataset, kind, Joints()
        self.truth: dict[str, list] = {"images": [], "categories": [], "annotations": []}
        self.found: dict[str, list] = {one: [] for one in dict.fromkeys((kind, "box"))}

    def add(self, image: Tensor, target: Mapping[str, Any], output: Mapping[str, Tensor]) -> None:
        """Note one image (3, H, W), on the CPU."""
        number, size = target["image_id"], {"height": image.shape[-2], "width": image.shape[-1]}
        one = to_coco([_wanted(target, self.kind)], getattr(self.dataset, "categories", None))
        self.truth["images"].append({"id": number, **size})
        before = len(self.truth["annotations"])  # each image's are numbered from 1
        self.truth["annotations"] += [
            {**record, "id": before + record["id"]} for record in one["annotations"]
        ]
        self.truth["categories"] = max(self.truth["categories"], one["categories"], key=len)
        for kind, records in self.found.items():
            records += detections_to_coco([output], [number], kind=kind)
        if self.kind == "keypoints":
            self.joints.add(target, output)

    def numbers(self, progress: bool = False) -> dict[str, float]:
        """As `evaluate` returns them, but the speed."""
        sigmas = _sigmas(self.dataset, self.joints.number) if self.kind == "keypoints" else None
        numbers = {
            kind: coco_evaluate(
                self.truth, records, kind, sigmas=sigmas if kind == "keypoints" else None,
                progress=progress,
            ).metrics
            for kind, records in self.found.items()
        }  # fmt: skip
        boxes = {f"box_{name}": numbers["box"][name] for name in ("AP", "AP50")}
        extra = boxes if self.kind != "box" else {}
        pck = {"PCK": self.joints.pck()} if self.kind == "keypoints" else {}
        return {**numbers[self.kind], **extra, **pck}


class Joints:
    """The joints of people, and where they were found."""

    def __init__(self) -> None:
        self.rows: list[tuple[Tensor, Tensor, Tensor]] = []
        self.number = 0

    def add(self, target: Mapping[str, Tensor], output: Mapping[str, Tensor]) -> None:
        """Note the people of one image, and for each the best detection that overlaps enough."""
        self.number = target["keypoints"].shape[1]
        people = ~target["iscrowd"] & (target["keypoints"][:, :, 2] > 0).any(1)
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


def _wanted(target: Mapping[str, Any], kind: str) -> dict[str, Any]:
    keys = ["boxes", "labels", "image_id", "iscrowd", "area"]
    keys += {"box": [], "mask": ["masks"], "keypoints": ["keypoints"]}[kind]
    wanted = {key: target[key] for key in keys if key in target}
    if "difficult" in target:
        wanted["iscrowd"] = target["iscrowd"] | target["difficult"]
    return wanted


def _sigmas(dataset: Any, number: int) -> Sequence[float]:
    """COCO's for its 17 joints; others by their names."""
    names = list(getattr(dataset, "joints", ()))
    if len(names) != number and number == len(SIGMAS):
        return SIGMAS.tolist()
    sigmas = [s for name in names for part, s in SIGMA_OF.items() if part in name.lower()]
    if number == len(SIGMAS) and len(sigmas) != number:
        return SIGMAS.tolist()  # COCO's joints have eyes and ears, too
    if not len(sigmas) == len(names) == number:
        raise ValueError(
            f"evaluate: dataset.joints must name {number} joints, each with one of "
            f"{', '.join(SIGMA_OF)} in it, got {names}"
        )
    return sigmas
