"""What a model has found, in COCO's result format."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from edudet import check
from edudet.metrics import rle_encode

KINDS = ("box", "mask", "keypoints")
Record = dict[str, Any]


def detections_to_coco(
    outputs: Sequence[Mapping[str, Tensor]], image_ids: Sequence[int],
    category_ids: Sequence[int] | None = None, kind: str = "box",
) -> list[Record]:
    """Return what a model has found in COCO's result format.

    Args:
        outputs: one dict an image, as detectors return them in eval mode: `boxes` (D, 4), `labels`
            (D,), `scores` (D,), and `masks` (D, 1, H, W) probabilities or `keypoints` (D, K, 3).
        image_ids: of these images, in the same order.
        category_ids: the id to write for labels 1 to C. Default: the label.
        kind: "box", "mask" (a pixel belongs to the mask if its probability is above 0.5) or
            "keypoints". Only that of the three is written, since COCO's tools would take the area
            of a mask's or a person's box for that of the mask or the person.

    Raises:
        TypeError, ValueError: an argument does not fit; the message names the image by its place.
    """
    name = "detections_to_coco"
    if kind not in KINDS:
        raise ValueError(f"{name}: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if len(image_ids) != len(outputs):
        raise ValueError(
            f"{name}: image_ids must be as many as outputs, {len(outputs)}, got {len(image_ids)}"
        )
    records = []
    for i, output in enumerate(outputs):
        place, number = f"outputs[{i}]", len(output["scores"])
        check_lengths(name, place, output, ("boxes", "labels", "scores"), number)
        ids = ids_of_labels(name, place, output["labels"], category_ids)
        shapes = _SHAPES[kind](name, place, output, number)
        for id_, score, shape in zip(ids, output["scores"].tolist(), shapes, strict=True):
            one = {"image_id": int(image_ids[i]), "category_id": id_, "score": score}
            records.append(one | shape)
    return records


def _found_boxes(name: str, place: str, output: Mapping[str, Tensor], number: int) -> list[Record]:
    return [{"bbox": box} for box in to_xywh(output["boxes"])]


def _found_masks(name: str, place: str, output: Mapping[str, Tensor], number: int) -> list[Record]:
    check_lengths(name, place, output, ("masks",), number)
    masks = output["masks"].detach().cpu()
    if masks.ndim != 4 or masks.shape[1] != 1:
        raise ValueError(
            f"{name}: {place}['masks'] must have shape (D, 1, H, W), got {tuple(masks.shape)}"
        )
    return [{"segmentation": rle_encode(mask[0] > 0.5)} for mask in masks]


def _found_joints(name: str, place: str, output: Mapping[str, Tensor], number: int) -> list[Record]:
    check_lengths(name, place, output, ("keypoints",), number)
    keypoints = output["keypoints"].detach().flatten(1).tolist() if number else []
    return [{"keypoints": joints} for joints in keypoints]


_SHAPES = {"box": _found_boxes, "mask": _found_masks, "keypoints": _found_joints}


def to_xywh(boxes: Tensor) -> list[list[float]]:
    """In float64, in which the difference of two float32 is exact: reading gives the same box."""
    boxes = boxes.detach().double()
    return torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).tolist()


def ids_of_labels(name: str, place: str, labels: Tensor, ids: Sequence[int] | None) -> list[int]:
    for i, label in enumerate(labels.tolist()):
        if label < 1 or (ids is not None and label > len(ids)):
            most = "" if ids is None else f", {len(ids)} at most"
            raise ValueError(
                f"{name}: {place}['labels'][{i}] must be at least 1{most}, got {label}"
            )
    return [label if ids is None else int(ids[label - 1]) for label in labels.tolist()]


def check_lengths(
    name: str, place: str, found: Mapping[str, Any], keys: Sequence[str], number: int
) -> None:
    for key in keys:
        if key not in found:
            raise ValueError(f"{name}: {place} must have {key!r}, got {[*found]}")
        check.is_tensor(name, **{f"{place}[{key!r}]": found[key]})
        if len(found[key]) != number:
            raise ValueError(
                f"{name}: {place}[{key!r}] must have {number} rows, one an object, "
                f"got {len(found[key])}"
            )
