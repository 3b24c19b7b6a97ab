"""What a target may hold, and what happens to it when its image is moved.

    boxes, proposals      (N, 4) xyxy: the corners move
    keypoints             (N, K, 3) x, y, v: those with v > 0 move; one that leaves the image, and
                          any with v = 0, becomes (0, 0, 0), as in COCO's files
    masks                 (N, H, W): pixels move; new sizes take the nearest pixel, never a mixture
    semantic, panoptic    (H, W): in the same way
    segments              list of dicts: those whose id is left in the panoptic map
    area, visibility      (N,): of the part that is left; area in the new pixels
    relations             (R, 3): those of objects that are left, under their new numbers; in a
                          mirror, "a left of b" becomes "b left of a"
    other tensors         (N, ...), one row an object: the rows of the objects that stay
    image_id; int, float, str and bool: stay

Anything else is refused, so that nothing goes wrong unseen.
"""

from typing import Any

import torch
from torch import Tensor

from edudet import check
from edudet.data.relations import RELATIONS

MAPS = ("semantic", "panoptic")
BOXES = ("boxes", "proposals")
NOT_OF_OBJECTS = ("proposals", "relations", "segments", "image_id", *MAPS)
Target = dict[str, Any]
Example = tuple[Tensor, Target]


def check_target(function: str, image: Any, target: Any) -> None:
    """Whether all of a target can be moved."""
    check.is_tensor(function, image=image)
    check.dtype(function, (torch.float32, torch.float64), image=image)
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"{function}: image must have shape (3, H, W), got {tuple(image.shape)}")
    if not isinstance(target, dict):
        raise TypeError(f"{function}: target must be a dict, got {type(target).__name__}")
    if "boxes" not in target:
        raise ValueError(f"{function}: target must have 'boxes', got {[*target]}")
    check.boxes(function, **{key: target[key] for key in BOXES if key in target})
    number, size = len(target["boxes"]), tuple(image.shape[-2:])
    for key, value in target.items():
        if isinstance(value, (int, float, str)) or key in ("proposals", "segments", "image_id"):
            continue
        name = f"target[{key!r}]"
        if not isinstance(value, Tensor):
            raise TypeError(
                f"{function}: {name} must be a Tensor or a number, got {type(value).__name__}; "
                "leave out what cannot be moved"
            )
        if key == "relations":
            good, rule = value.ndim == 2 and value.shape[1] == 3, "have shape (R, 3)"
        else:
            wanted: tuple[int, ...] = size if key in MAPS else (number,)
            wanted += size if key == "masks" else ()
            good = tuple(value.shape[: len(wanted)]) == wanted
            rule = f"have a shape that begins with {wanted}"
        if not good:
            raise ValueError(f"{function}: {name} must {rule}, got {tuple(value.shape)}")


def crowds(target: Target) -> Tensor:
    none = torch.zeros(len(target["boxes"]), dtype=torch.bool, device=target["boxes"].device)
    return target.get("iscrowd", none).bool()


def chosen_rows(target: Target, keep: Tensor) -> Target:
    """The target of the objects to keep, (N,) bool."""
    chosen = {
        key: value[keep] if isinstance(value, Tensor) and key not in NOT_OF_OBJECTS else value
        for key, value in target.items()
    }
    if "relations" in target:
        subject, relation, other = target["relations"].unbind(1)
        both = keep[subject] & keep[other]
        number = keep.cumsum(0) - 1                                      # old number -> new number
        renamed = torch.stack([number[subject], relation, number[other]], 1)
        chosen["relations"] = renamed[both]
    return chosen


def mirrored_relations(relations: Tensor) -> Tensor:
    subject, relation, other = relations.unbind(1)
    sideways = relation == RELATIONS.index("left of")
    return torch.stack(
        [other.where(sideways, subject), relation, subject.where(sideways, other)], 1
    )


def left_segments(target: Target) -> Target:
    """Without the segments of which the panoptic map shows no pixel."""
    if "segments" not in target or "panoptic" not in target:
        return target
    present = set(target["panoptic"].unique().tolist())
    return target | {"segments": [one for one in target["segments"] if one["id"] in present]}
