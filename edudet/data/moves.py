"""A mirror, a frame, another size: images moved together with all that is marked on them.

    flipped    left and right change places, in pairs of joints too
    cropped    what a frame shows; objects of which too little is left disappear
    resized    another number of pixels

Everything that a target may hold moves along: see target_keys.py.
Pixel (row y, column x) covers [x, x + 1) x [y, y + 1), so the mirror image of x is width - x.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from edudet import check
from edudet.boxes import box_area, clip_boxes_to_image, masks_to_boxes
from edudet.data.target_keys import (
    BOXES,
    MAPS,
    Example,
    Target,
    check_target,
    chosen_rows,
    crowds,
    left_segments,
    mirrored_relations,
)


def flipped(
    image: Tensor, target: Target, flip_pairs: Sequence[tuple[int, int]] | None = None
) -> Example:
    """Return the mirror image: left becomes right.

    Args:
        image: (3, H, W).
        target: see target_keys.py.
        flip_pairs: the joints that change places: a mirrored left hand is a right one. Needed if
            there are keypoints; () if none has a side.
    """
    check_target("flipped", image, target)
    width, moved = image.shape[-1], dict(target)
    for key in BOXES:
        if key in target:
            x1, y1, x2, y2 = target[key].unbind(1)
            moved[key] = torch.stack([width - x2, y1, width - x1, y2], 1)
    for key in ("masks", *MAPS):
        if key in target:
            moved[key] = target[key].flip(-1)
    if "relations" in target:
        moved["relations"] = mirrored_relations(target["relations"])
    if "keypoints" in target:
        if flip_pairs is None:
            raise ValueError(
                "flipped: flip_pairs must be the pairs of joints that change places in a mirror, "
                "such as left and right hand, got None"
            )
        order = _mirrored_order(flip_pairs, target["keypoints"].shape[1])
        x, y, v = target["keypoints"][:, order].unbind(2)
        moved["keypoints"] = _labelled(torch.stack([width - x, y, v], 2))
    return image.flip(-1), moved


def cropped(
    image: Tensor, target: Target, frame: tuple[int, int, int, int], least: float = 0.3
) -> Example:
    """Return what lies in a frame.

    Args:
        image: (3, H, W).
        target: see target_keys.py.
        frame: x1, y1, x2, y2 in whole pixels, inside the image, not empty.
        least: objects of which less than this fraction is left disappear: of the pixels of the
            mask, where there are masks, else of the area of the box. A crowd stays while any of it
            is left, since nothing found there may count as wrong.

    The box of an object that the frame cuts becomes that of the rest of its mask, where there are
    masks; else it is cut off. A segment of an object that disappears stays in the maps.
    """
    check_target("cropped", image, target)
    check.unit_interval("cropped", least=least)
    x1, y1, x2, y2 = frame
    height, width = image.shape[-2:]
    if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
        raise ValueError(
            f"cropped: frame must lie in the image of {width} x {height} pixels (width x height) "
            f"and not be empty, got {tuple(frame)}"
        )
    moved = _cut_objects(target, frame, least)
    if "proposals" in target:
        proposals = _cut_boxes(target["proposals"], frame)
        moved["proposals"] = proposals[box_area(proposals) > 0]
    for key in MAPS:
        if key in target:
            moved[key] = target[key][y1:y2, x1:x2].clone()
    return image[:, y1:y2, x1:x2].clone(), left_segments(moved)


def resized(image: Tensor, target: Target, size: tuple[int, int]) -> Example:
    """Return the image with (height, width) `size`, each pixel a mean of those it covers.

    An object that is no crowd and of whose mask no pixel is left disappears.
    """
    check_target("resized", image, target)
    check.size("resized", size=size)
    height, width = image.shape[-2:]
    down, right = size[0] / height, size[1] / width
    rows, columns = (_nearest(new, old, image.device) for new, old in zip(
        size, (height, width), strict=True
    ))
    moved = dict(target)
    for key in BOXES:
        if key in target:
            moved[key] = target[key] * target[key].new_tensor([right, down, right, down])
    for key in ("masks", *MAPS):
        if key in target:
            moved[key] = target[key][..., rows[:, None], columns]
    if "keypoints" in target:
        scale = target["keypoints"].new_tensor([right, down, 1])
        moved["keypoints"] = _labelled(target["keypoints"] * scale)
    if "area" in target:
        moved["area"] = target["area"] * (down * right)
    if "masks" in target:
        keep = moved["masks"].flatten(1).any(1) | crowds(target)
        moved = chosen_rows(moved, keep)
    smaller = interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    return smaller.clamp(0, 1), left_segments(moved)


def _mirrored_order(flip_pairs: Sequence[tuple[int, int]], number: int) -> list[int]:
    order = list(range(number))
    for pair in flip_pairs:
        if len(pair) != 2 or not all(0 <= joint < number for joint in pair):
            raise ValueError(f"flipped: flip_pairs must be pairs below {number}, got {pair}")
        order[pair[0]], order[pair[1]] = pair[1], pair[0]
    if sorted(order) != list(range(number)):
        raise ValueError(f"flipped: flip_pairs must name no joint twice, got {[*flip_pairs]}")
    return order


def _labelled(keypoints: Tensor) -> Tensor:
    """v = 0: nothing is known, and no number may look as if it were."""
    return torch.where(keypoints[..., 2:] > 0, keypoints, torch.zeros_like(keypoints))


def _cut_boxes(boxes: Tensor, frame: tuple[int, int, int, int]) -> Tensor:
    x1, y1, x2, y2 = frame
    return clip_boxes_to_image(boxes - boxes.new_tensor([x1, y1, x1, y1]), (y2 - y1, x2 - x1))


def _cut_objects(target: Target, frame: tuple[int, int, int, int], least: float) -> Target:
    x1, y1, x2, y2 = frame
    moved, boxes = dict(target), target["boxes"]
    moved["boxes"] = _cut_boxes(boxes, frame)
    before, after = box_area(boxes), box_area(moved["boxes"])
    if "masks" in target:
        moved["masks"] = target["masks"][:, y1:y2, x1:x2].clone()
        before, after = (m.flatten(1).sum(1).to(boxes) for m in (target["masks"], moved["masks"]))
        inside = (boxes[:, :2] >= boxes.new_tensor([x1, y1])).all(1)
        inside &= (boxes[:, 2:] <= boxes.new_tensor([x2, y2])).all(1)
        tight = masks_to_boxes(moved["masks"]).to(boxes)
        moved["boxes"] = torch.where(inside[:, None], moved["boxes"], tight)
    part = after / before.where(before > 0, 1)
    for key in ("area", "visibility"):
        if key in target:
            moved[key] = target[key] * part.to(target[key])
    if "keypoints" in target:
        x, y, v = target["keypoints"].unbind(2)
        seen = (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
        moved["keypoints"] = _labelled(torch.stack([x - x1, y - y1, v * seen], 2))
    return chosen_rows(moved, (part > 0) & ((part >= least) | crowds(target)))


def _nearest(new: int, old: int, device: torch.device) -> Tensor:
    """The old pixel in which the centre of each new one lies."""
    return ((torch.arange(new, device=device) + 0.5) * (old / new)).long().clamp(max=old - 1)
